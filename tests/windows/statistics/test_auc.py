# SPDX-License-Identifier: Apache-2.0
"""AUC from binned scores against the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from sketches.binary import score_edges
from windows.statistics.auc import auc, bootstrap_auc, curves


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
