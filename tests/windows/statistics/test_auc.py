# SPDX-License-Identifier: Apache-2.0
"""AUC from binned scores against the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from sketches.binary import score_edges
from windows.statistics.auc import auc, bootstrap_auc, curves, paper_auc


def binned(negatives: np.ndarray, positives: np.ndarray):
    edges = score_edges()
    return tuple(
        np.bincount(
            np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, len(edges) - 2), minlength=len(edges) - 1
        )
        for scores in (negatives, positives)
    )


def delong(negatives: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """Value and standard deviation from ranks (Sun, Xu 2014)."""
    ranks = rankdata(np.r_[positives, negatives])
    p, n = len(positives), len(negatives)
    v10, v01 = (ranks[:p] - rankdata(positives)) / n, 1 - (ranks[p:] - rankdata(negatives)) / p
    return float(v10.mean()), float(np.sqrt(v10.var(ddof=1) / p + v01.var(ddof=1) / n))


@pytest.mark.parametrize("spread", [0.5, 2.0, 6.0])
def test_the_area_and_its_deviation_are_those_of_the_scores(spread):
    rng = np.random.default_rng(3)
    negatives, positives = expit(rng.normal(-1, spread, 3_000)), expit(rng.normal(1, spread, 1_000))
    value, sd = delong(negatives, positives)
    estimate, width, _ = auc(*binned(negatives, positives))
    assert width < 0.005
    assert abs(estimate.value - value) <= width / 2
    assert estimate.sd == pytest.approx(sd, rel=0.01)


@given(st.lists(st.integers(0, 50), min_size=6, max_size=6), st.lists(st.integers(0, 50), min_size=6, max_size=6))
def test_ties_count_half_as_in_scikit_learn(negatives, positives):
    neg, pos = np.array(negatives), np.array(positives)
    if not neg.sum() or not pos.sum():
        assert not auc(neg, pos).estimate.defined
        assert curves(neg, pos) == {}
        return
    labels = np.r_[np.zeros(neg.sum()), np.ones(pos.sum())]
    scores = np.r_[np.repeat(np.arange(6), neg), np.repeat(np.arange(6), pos)]
    estimate = auc(neg, pos).estimate
    assert estimate.value == pytest.approx(roc_auc_score(labels, scores), rel=1e-12, abs=1e-12)
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_perfect_separation_has_an_interval_with_room_below():
    estimate = auc(np.array([50, 0]), np.array([0, 10])).estimate
    assert estimate.value == estimate.high == 1.0
    assert 0.5 < estimate.low < 0.95


def test_the_bootstrap_agrees_with_delong():
    rng = np.random.default_rng(5)
    counts = binned(expit(rng.normal(-1, 1, 900)), expit(rng.normal(1, 1, 300)))
    closed, resampled = auc(*counts), bootstrap_auc(*counts, np.random.default_rng(6), 4_000)
    assert resampled.estimate.sd == pytest.approx(closed.estimate.sd, rel=0.06)
    assert resampled.estimate.value == closed.estimate.value
    assert resampled.grid_width == closed.grid_width


def test_the_curve_has_the_area_it_belongs_to():
    rng = np.random.default_rng(8)
    counts = binned(expit(rng.normal(-1, 1, 5_000)), expit(rng.normal(1, 1, 5_000)))
    roc = curves(*counts)["receiver_operating_characteristic_curve"]
    fpr, tpr = np.array(roc["false_positive_rates"]), np.array(roc["true_positive_rates"])
    assert (np.diff(fpr) >= 0).all()
    assert (np.diff(tpr) >= 0).all()
    assert (fpr[-1], tpr[-1]) == (1.0, 1.0)
    assert len(fpr) <= 103
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(*counts).estimate.value, abs=2e-3)


@pytest.mark.parametrize("n", [60, 3_000])
def test_every_point_of_the_curves_is_one_of_scikit_learns(n):
    """Scores that a bin holds alone lose nothing, so the points are a choice of those of the scores themselves."""
    rng = np.random.default_rng(9)
    edges = score_edges()
    scores = rng.choice((edges[1:] + edges[:-1]) / 2, n)
    label = rng.random(n) < scores
    drawn = curves(*binned(scores[~label], scores[label]))
    fpr, tpr, _ = roc_curve(label, scores, drop_intermediate=False)
    roc = drawn["receiver_operating_characteristic_curve"]
    found = zip(roc["false_positive_rates"], roc["true_positive_rates"], strict=True)
    assert set(found) <= set(zip(fpr.tolist(), tpr.tolist(), strict=True))
    precision, recall, _ = precision_recall_curve(label, scores)
    curve = drawn["precision_recall_curve"]
    found = zip(curve["precisions"], curve["recalls"], strict=True)
    assert set(found) <= set(zip(precision.tolist(), recall.tolist(), strict=True))
    assert 30 < len(curve["recalls"]) <= 103


def test_the_papers_deviation_is_half_of_delongs_on_average():
    rng = np.random.default_rng(5)
    counts = binned(expit(rng.normal(-1, 1, 900)), expit(rng.normal(1, 1, 300)))
    closed = auc(*counts).estimate
    drawn = [paper_auc(*counts, rng).estimate for _ in range(300)]
    assert {estimate.value for estimate in drawn} == {closed.value}
    variance = np.mean([estimate.sd**2 for estimate in drawn])
    # A share of .8 leaves a quarter of the variance, of which five values without correction show four fifths.
    assert variance == pytest.approx(closed.sd**2 / 4 * 4 / 5, rel=0.15)
