# SPDX-License-Identifier: Apache-2.0
"""Losses of scores against scikit-learn on the raw scores, and what corrections leave of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from sketches.binary import BinaryQualitySpec
from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from sketches.multiclass import MulticlassQualitySpec
from sketches.packing import pack, unpack
from sketches.score_losses import BINS, SMALLEST, ScoreLosses

CLASSES = ("a", "b", "c", "d")


def classes(codes: np.ndarray, names: tuple[str, ...]) -> Column:
    return Column(Kind.STRING, codes.astype(np.int32), None, names)


def binary(label: np.ndarray, score: np.ndarray) -> Block:
    return Block(
        len(label), {"label": classes(label, ("0", "1")), "prediction.score": Column(Kind.FLOAT, score.astype(float))}
    )


def multiclass(label: np.ndarray, scores: np.ndarray) -> Block:
    columns = {f"prediction.scores.{name}": Column(Kind.FLOAT, scores[:, i]) for i, name in enumerate(CLASSES)}
    return Block(len(label), {"label": classes(label, CLASSES), **columns})


def test_binary_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    score = rng.beta(0.3, 0.6, 5_000)
    label = (rng.random(5_000) < score**1.3).astype(int)
    state = BinaryQualitySpec().empty()
    state.update(binary(label, score))
    losses = state.losses
    assert losses.n == 5_000
    assert float(losses.sum("log_loss")) / losses.n == pytest.approx(log_loss(label, score), rel=1e-12)
    assert float(losses.sum("brier")) / losses.n == pytest.approx(brier_score_loss(label, score), rel=1e-12)
    share, mean = calibration_curve(label, score, n_bins=BINS)
    used = losses.rows > 0
    assert losses.hits[used] / losses.rows[used] == pytest.approx(share, rel=1e-12)
    assert losses.mean_confidence[used] == pytest.approx(mean, rel=1e-12)
    each = -np.log(np.where(label == 1, score, 1 - score))
    stated = 5_000 * 2.0**-41
    assert float(losses.sum("log_loss2")) == pytest.approx(math.fsum(each**2), abs=stated)
    assert float(losses.sum("brier2")) == pytest.approx(math.fsum((score - label) ** 4), abs=stated)


def test_as_many_of_the_largest_losses_as_a_block_may_hold_add_up():
    n = 10_000
    state = BinaryQualitySpec().empty()
    state.update(binary(np.ones(n, int), np.zeros(n)))
    worst = -math.log(SMALLEST)
    assert float(state.losses.sum("log_loss2")) == pytest.approx(n * worst**2, abs=n * (2.0**-41 + worst**2 * 2.0**-52))
    assert state.losses.sum("brier") == n
    state.update(binary(np.zeros(n, int), np.ones(n)))
    assert state.losses.mean_confidence[[0, BINS - 1]].tolist() == [0.0, 1.0]


def test_multiclass_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    scores = rng.dirichlet(np.full(4, 0.4), 3_000)
    label = np.array([rng.choice(4, p=row) for row in scores])
    state = MulticlassQualitySpec(CLASSES).empty()
    state.update(multiclass(label, scores))
    losses = state.losses
    assert float(losses.sum("log_loss")) / losses.n == pytest.approx(log_loss(label, scores), rel=1e-12)
    assert float(losses.sum("brier")) / losses.n == pytest.approx(brier_score_loss(label, scores), rel=1e-12)
    share, mean = calibration_curve(scores.argmax(1) == label, scores.max(1), n_bins=BINS)
    used = losses.rows > 0
    assert losses.hits[used] / losses.rows[used] == pytest.approx(share, rel=1e-12)
    assert losses.mean_confidence[used] == pytest.approx(mean, rel=1e-12)


def test_a_class_that_was_thought_impossible_costs_a_bounded_loss():
    state = BinaryQualitySpec().empty()
    state.update(binary(np.array([1, 0]), np.array([0.0, 0.0])))
    assert float(state.losses.sum("log_loss")) == pytest.approx(-math.log(SMALLEST))
    stranger = MulticlassQualitySpec(CLASSES[:3]).empty()
    stranger.update(multiclass(np.array([3]), np.array([[1.0, 0.0, 0.0, 0.0]])))
    assert float(stranger.losses.sum("log_loss")) == pytest.approx(-math.log(SMALLEST))
    assert stranger.losses.sum("brier") == 1
    assert stranger.losses.hits.sum() == 0


@pytest.mark.parametrize("score", [math.nan, -0.1, 1.1, math.inf])
def test_scores_that_are_no_probabilities_are_left_out(score):
    state = BinaryQualitySpec().empty()
    state.update(binary(np.array([1, 1]), np.array([score, 0.5])))
    assert state.losses.n == 1
    scores = np.tile([0.7, 0.1, 0.1, 0.1], (2, 1))
    scores[0, 2] = score
    many = MulticlassQualitySpec(CLASSES).empty()
    many.update(multiclass(np.array([0, 0]), scores))
    assert many.losses.n == 1


def test_rows_in_any_order_corrected_and_taken_away_leave_the_very_bytes_of_those_that_stay():
    rng = np.random.default_rng(3)
    score, label = rng.beta(0.2, 0.2, 400), rng.integers(0, 2, 400)
    corrected, direct = BinaryQualitySpec().empty(), BinaryQualitySpec().empty()
    for rows in np.array_split(rng.permutation(400), 13):
        corrected.update(binary(1 - label[rows], score[rows]))
    for rows in np.array_split(rng.permutation(400), 7):
        corrected.update(binary(1 - label[rows], score[rows]), sign=-1)
        corrected.update(binary(label[rows], score[rows]))
    direct.update(binary(label, score))
    assert corrected.to_bytes() == direct.to_bytes()
    direct.update(binary(label, score), sign=-1)
    assert direct.to_bytes() == BinaryQualitySpec().empty().to_bytes()


def test_a_count_that_the_bins_do_not_hold_is_refused():
    counts, *sums = unpack(ScoreLosses().to_bytes(), None, "losses")
    with pytest.raises(CorruptState, match="expected 1 rows in the bins, got 0"):
        ScoreLosses.from_bytes(pack(b"\1" + counts[1:], *sums))
