# SPDX-License-Identifier: Apache-2.0
"""NDCG of a live ranking: the paper's numbers, its blind spots, and an interval that covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from windows.statistics.ndcg import ndcg, ndcg_estimate, share_change

GROUPS = 32


@pytest.mark.parametrize(
    ("baseline", "live", "expected"),
    [
        ([0.70, 0.50, 0.05], [0.10, 0.20, 0.70], 0.6876396241),
        ([0.70, 0.50, 0.05], [0.50, 0.70, 0.05], 0.9290566641),
        ([0.70, 0.50, 0.05], [0.40, 0.30, 0.29], 1.0),
        ([0.50, 0.30, 0.10, 0.07, 0.03], [0.25, 0.20, 0.35, 0.05, 0.15], 0.7752114783),
        ([0.4, 0.3, 0.2, 0.1, 0.0], [0.4, 0.3, 0.2, 0.1, 0.9], 0.7198674874),
    ],
)
def test_the_papers_rankings_have_the_papers_scores(baseline: list[float], live: list[float], expected: float) -> None:
    assert ndcg(baseline, live) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_scores_without_ties_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    baseline, live = rng.random(12), rng.random(12)
    assert ndcg(baseline, live) == pytest.approx(ndcg_score([baseline], [live]), abs=1e-12)


def test_the_sizes_of_signed_importances_count() -> None:
    assert ndcg([-0.70, 0.50, -0.05], [0.10, -0.20, 0.70]) == ndcg([0.70, 0.50, 0.05], [0.10, 0.20, 0.70])


def test_features_that_are_equally_important_keep_their_order() -> None:
    assert ndcg([3.0, 2.0, 1.0], [1.0, 1.0, 1.0]) == 1.0
    assert ndcg([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]) == ndcg([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])


def test_a_baseline_without_importance_has_no_score() -> None:
    assert math.isnan(ndcg([0.0, 0.0], [1.0, 2.0]))
    assert not ndcg_estimate([0.0, 0.0], np.ones((2, GROUPS)), np.ones((2, GROUPS))).defined
    assert not ndcg_estimate([1.0, 0.5], np.ones((2, GROUPS)), np.zeros((2, GROUPS))).defined


def test_shares_change_where_the_ranking_does_not() -> None:
    assert ndcg([0.6, 0.3, 0.1], [0.4, 0.3, 0.29]) == 1.0
    assert share_change([0.6, 0.3, 0.1], [0.4, 0.3, 0.29]) == pytest.approx(0.3919191919, abs=1e-10)
    assert share_change([0.6, 0.3], [0.06, 0.03]) == pytest.approx(0.0, abs=1e-12)
    assert share_change([1.0, 0.0], [0.0, 1.0]) == 2.0
    assert math.isnan(share_change([1.0], [0.0]))


def grouped(sizes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.tile(np.bincount(groups, minlength=GROUPS), (sizes.shape[1], 1))
    return rows, np.array([np.bincount(groups, column, GROUPS) for column in sizes.T])


def test_the_estimate_is_the_score_of_all_rows_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(0)
    sizes, groups = rng.exponential(size=(500, 6)) * [0.2, 0.6, 0.5, 0.1, 0.3, 0.05], rng.integers(0, GROUPS, 500)
    baseline = np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    estimate = ndcg_estimate(baseline, *grouped(sizes, groups))
    assert estimate.value == pytest.approx(ndcg(baseline, sizes.mean(axis=0)), abs=1e-12)
    assert estimate.n == 500
    assert estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.sd > 0.0


def test_a_ranking_that_no_half_of_the_rows_changes_has_a_point_for_an_interval() -> None:
    estimate = ndcg_estimate([3.0, 2.0], np.ones((2, GROUPS)), np.array([[5.0], [1.0]]) * np.ones(GROUPS))
    assert (estimate.value, estimate.sd, estimate.interval) == (1.0, 0.0, (1.0, 1.0))


def test_rows_in_few_groups_have_a_score_without_an_interval() -> None:
    one = np.zeros((2, GROUPS))
    one[:, 0] = 10
    estimate = ndcg_estimate([2.0, 1.0], one, one * [[1.0], [3.0]])
    assert estimate.value == pytest.approx(ndcg([2.0, 1.0], [1.0, 3.0]), abs=1e-12)
    assert estimate.interval is None


def test_a_feature_without_attributions_is_not_important() -> None:
    rows = np.array([np.ones(GROUPS), np.zeros(GROUPS)])
    estimate = ndcg_estimate([1.0, 2.0], rows, rows)
    assert estimate.value == pytest.approx(ndcg([1.0, 2.0], [1.0, 0.0]), abs=1e-12)


@pytest.mark.statistical
@pytest.mark.parametrize("n", [200, 2_000])
def test_the_interval_covers_at_least_95_percent_also_where_features_are_about_to_change_places(n: int) -> None:
    rng = np.random.default_rng(1)
    baseline = np.array([0.5, 0.3, 0.1, 0.07, 0.03])
    scales = np.array([0.31, 0.30, 0.12, 0.09, 0.05])
    truth, covered, repetitions = ndcg(baseline, scales), 0, 400
    for _ in range(repetitions):
        sizes, groups = rng.exponential(size=(n, 5)) * scales, rng.integers(0, GROUPS, n)
        estimate = ndcg_estimate(baseline, *grouped(sizes, groups))
        covered += estimate.low - 1e-12 <= truth <= estimate.high + 1e-12
    # A claim of 95 % would fail at 369 or fewer with probability below 1e-2; the interval was measured at 97.5 %.
    assert covered >= 0.95 * repetitions
