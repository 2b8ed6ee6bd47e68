# SPDX-License-Identifier: Apache-2.0
"""Deviations of bias metrics against finite differences and the bootstrap, intervals, and the test of a window."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from windows.statistics.bias_estimates import (
    bias_pvalue,
    complex_gradient,
    delta_deviation,
    distance_from_parity,
    enough_rows,
    estimate_bias,
    estimate_each,
    paper_bias,
)
from windows.statistics.bias_metrics import BIAS_METRICS
from windows.statistics.intervals import Estimate, Z

METRICS = list(BIAS_METRICS.values())
CELLS = st.lists(st.integers(0, 300), min_size=24, max_size=24)
ADULT = np.array(
    [[[[3200, 120], [300, 420]], [[900, 60], [150, 260]]], [[[4100, 700], [900, 1900]], [[800, 160], [200, 700]]]]
)


def sides_of(cells) -> np.ndarray:
    """Rows by side, two groups, actual and predicted label."""
    return np.array(cells).reshape(2, 2, 2, 3)


def whole(cells: np.ndarray) -> np.ndarray:
    """All rows predicted."""
    return np.pad(cells, [(0, 0)] * 3 + [(0, 1)])


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@given(cells=st.lists(st.integers(0, 300), min_size=16, max_size=16))
def test_the_gradient_is_that_of_finite_differences(metric, cells):
    counts = metric.counts(whole(np.array(cells).reshape(2, 2, 2, 2))) + 0.5
    gradient = complex_gradient(metric, counts)
    for at in np.ndindex(counts.shape):
        step = np.zeros_like(counts)
        step[at] = 1e-5 * counts[at]
        high, low = (float(metric.formula(counts + sign * step)) for sign in (1, -1))
        if metric.ratio:
            high, low = math.log(high), math.log(low)
        tolerance = 1e-4 if metric.twin is None else 1e-2
        if metric.twin is None or abs(high) > 1e-3:  # a distance bends where it is 0
            assert gradient[at] == pytest.approx((high - low) / (2 * step[at]), rel=tolerance, abs=1e-7)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_deviation_is_that_of_the_multinomial_bootstrap(metric):
    counts = metric.counts(whole(ADULT))
    n = int(counts.sum())
    draws = np.random.default_rng(5).multinomial(n, counts.ravel() / n, 4_000).reshape(-1, *counts.shape)
    values = metric.formula(draws.astype(float))
    values = np.log(values) if metric.ratio else values
    assert delta_deviation(metric, counts + 0.5) == pytest.approx(values.std(), rel=0.05)


def test_the_deviation_of_a_difference_of_shares_is_walds():
    cells = np.zeros((2, 1, 2, 3), np.int64)
    cells[:, 0, 1, 1], cells[:, 0, 0, 0] = (30_000, 60_000), (70_000, 40_000)
    sd = math.sqrt(0.3 * 0.7 / 1e5 + 0.6 * 0.4 / 1e5)
    estimate = estimate_bias(BIAS_METRICS["DPL"], cells)
    assert estimate.sd == pytest.approx(sd, rel=1e-4)
    assert estimate.interval == pytest.approx((0.3 - Z * sd, 0.3 + Z * sd), rel=1e-4)


def test_the_interval_of_a_ratio_is_katzs_with_half_a_row_added():
    cells = np.zeros((2, 1, 2, 3), np.int64)
    cells[:, 0, 1, 1], cells[:, 0, 0, 0] = (12, 40), (88, 60)
    estimate = estimate_bias(BIAS_METRICS["DI"], cells)
    sd = math.sqrt(1 / 12.5 - 1 / 101 + 1 / 40.5 - 1 / 101)
    assert estimate.value == pytest.approx(0.3)
    assert estimate.sd == pytest.approx(sd, rel=1e-12)
    assert estimate.low == pytest.approx((12.5 / 40.5) * math.exp(-Z * sd), rel=1e-12)


@given(CELLS)
def test_the_interval_holds_the_value_within_its_bounds(cells):
    for metric in METRICS:
        try:
            estimate = estimate_bias(metric, sides_of(cells))
        except ValueError:
            continue
        least, largest = metric.bounds
        assert estimate.sd >= 0.0
        assert least - 1e-12 <= estimate.low <= estimate.value <= estimate.high <= largest + 1e-12


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@given(tables=st.lists(CELLS, min_size=1, max_size=4), empty=st.lists(st.booleans(), min_size=4, max_size=4))
def test_many_tables_are_estimated_as_each_alone_is(metric, tables, empty):
    stacked = np.pad([sides_of(cells) for cells in tables], [(0, 0), (0, 0), (0, 2), (0, 0), (0, 0)])
    stacked[np.array(empty)[: len(tables)]] = 0
    for found, sides in zip(estimate_each(metric, stacked), stacked, strict=True):
        if isinstance(found, str):
            with pytest.raises(ValueError, match=re.escape(found)):
                estimate_bias(metric, sides[:, :2])
        else:
            alone = estimate_bias(metric, sides[:, :2])
            assert found == pytest.approx(alone, rel=1e-12, abs=1e-15, nan_ok=True)


def test_an_infinite_value_has_an_interval_that_reaches_to_it():
    cells = np.zeros((2, 1, 2, 3), np.int64)
    cells[:, 0, 1, 1], cells[:, 0, 0, 0] = (30, 0), (70, 100)
    estimate = estimate_bias(BIAS_METRICS["DI"], cells)
    assert (estimate.value, estimate.high) == (math.inf, math.inf)
    assert 3.0 < estimate.low < 30.0


def test_parity_of_a_ratio_is_one():
    assert distance_from_parity(0.5, ratio=True) == pytest.approx(distance_from_parity(2.0, ratio=True))
    assert distance_from_parity(1.0, ratio=True) == 0.0
    assert distance_from_parity(-0.3) == 0.3


def test_the_pvalue_is_one_sided_about_the_baselines_bias_or_the_floor():
    cells = whole(ADULT)
    metric = BIAS_METRICS["DPL"]
    window, baseline = estimate_bias(metric, cells), estimate_bias(metric, 3 * cells)
    assert bias_pvalue(metric, window, baseline, 0.02) == pytest.approx(0.5, abs=1e-6)
    mirrored = baseline._replace(value=-baseline.value)
    assert bias_pvalue(metric, window, mirrored, 0.02) == pytest.approx(0.5, abs=1e-6)
    excess = abs(window.value) - 0.02
    expected = norm.sf(excess / math.hypot(window.sd, baseline.sd))
    assert bias_pvalue(metric, window, baseline._replace(value=0.0), 0.02) == pytest.approx(float(expected))


# The cells of women that are small, and the metrics that would divide by their sum.
@pytest.mark.parametrize(
    ("actual", "predicted", "wanting"),
    [
        (1, slice(None), {"RD"}),
        (0, slice(None), {"SD", "TE"}),
        (slice(None), 1, {"DAR", "DCA", "TE"}),
        (slice(None), 0, {"DRR", "DCR"}),
        (0, 1, {"TE"}),
        (1, 0, set()),
    ],
)
def test_every_count_that_a_metric_divides_by_needs_its_rows(actual, predicted, wanting):
    cells = np.full((2, 1, 2, 3), 50)
    cells[0, 0, actual, predicted] = 0
    if wanting:
        cells[0, 0, ..., 2] = 0
    assert {metric.name for metric in METRICS if not enough_rows(metric, cells, 5)} == wanting


def test_a_ratio_needs_accepted_others_but_none_of_the_facet():
    cells = np.full((2, 1, 2, 3), 50)
    cells[0, 0, :, 1] = 0
    assert enough_rows(BIAS_METRICS["DI"], cells, 5)
    assert not enough_rows(BIAS_METRICS["DI"], cells[::-1], 5)


def test_a_ratio_of_nothing_is_as_far_from_parity_as_that_of_the_enlarged_cells():
    metric, cells = BIAS_METRICS["DI"], whole(ADULT)
    baseline = estimate_bias(metric, cells)
    denied = cells.copy()
    denied[0, ..., 0] += denied[0, ..., 1]
    denied[0, ..., 1] = 0
    for counts in (denied, denied[::-1]):
        window = estimate_bias(metric, counts)
        assert distance_from_parity(window.value, ratio=True) == math.inf
        enlarged = window._replace(value=float(metric.formula(metric.counts(counts) + 0.5)))
        assert bias_pvalue(metric, window, baseline, 0.02) == pytest.approx(
            bias_pvalue(metric, enlarged, baseline, 0.02)
        )
        assert bias_pvalue(metric, window, baseline, 0.02) < 1e-4


def test_the_deviation_is_at_least_that_of_so_many_rows_of_the_baseline():
    metric = BIAS_METRICS["RD"]
    baseline, window = estimate_bias(metric, whole(ADULT)), Estimate(0.5, 0.01, 0.4, 0.6, 100)
    expected = norm.sf((0.5 - abs(baseline.value)) / (baseline.sd * math.sqrt(baseline.n / 100 + 1)))
    assert bias_pvalue(metric, window, baseline, 0.02) == pytest.approx(float(expected))


def test_a_conditional_metric_needs_rows_in_its_groups_but_for_small_ones():
    cells = np.full((2, 3, 2, 3), 50)
    cells[:, 2] = 0
    cells[0, 2, 1, 1] = 20
    metric = BIAS_METRICS["CDDL"]
    assert enough_rows(metric, cells, 5)
    cells[0, 2, 1, 1] = 200
    assert not enough_rows(metric, cells, 5)


def test_the_papers_deviation_is_half_the_standard_error_on_average():
    cells, metric = whole(ADULT), BIAS_METRICS["DPL"]
    rng = np.random.default_rng(1)
    stated = [paper_bias(metric, cells, rng).sd for _ in range(600)]
    # Five values divided by five find 0.84 of a deviation on average.
    assert np.mean(stated) == pytest.approx(0.5 * 0.841 * estimate_bias(metric, cells).sd, rel=0.05)


def test_the_papers_deviation_is_undefined_where_a_resample_is_infinite():
    cells = np.zeros((2, 1, 2, 3), np.int64)
    cells[:, 0, 1, 1], cells[:, 0, 0, 0] = (30, 1), (70, 100)
    found = [paper_bias(BIAS_METRICS["DI"], cells, np.random.default_rng(seed)) for seed in range(20)]
    assert [estimate.value for estimate in found] == pytest.approx([0.3 / (1 / 101)] * 20)
    assert any(estimate.interval is None for estimate in found)
