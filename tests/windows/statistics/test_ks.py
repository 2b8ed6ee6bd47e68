# SPDX-License-Identifier: Apache-2.0
"""Kolmogorov-Smirnov from sketches against SciPy on the values themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from sketches.quantiles import QuantilesSpec, QuantilesState
from windows.statistics.ks import (
    KsDistance,
    baseline_radius,
    conditional_pvalue,
    distance_interval,
    ks_distance,
    two_sample_pvalue,
)

VALUES = st.lists(st.integers(-5, 5) | st.floats(-1e300, 1e300), min_size=1, max_size=60)


def sketch(values, k: int = 512) -> QuantilesState:
    state = QuantilesSpec(k).empty()
    state.add(np.asarray(values, float))
    return state


def largest_gap(a, b) -> float:
    at = np.union1d(a, b)[:, None]
    return float(np.abs((np.asarray(a) <= at).mean(1) - (np.asarray(b) <= at).mean(1)).max())


@given(VALUES, VALUES)
def test_the_distance_of_exact_sketches_is_that_of_the_values(a, b):
    distance = ks_distance(sketch(a), sketch(b))
    assert distance.error == 0.0
    assert distance.value == pytest.approx(largest_gap(a, b), abs=1e-12)


@given(VALUES, VALUES)
def test_the_distance_has_no_direction_and_is_zero_to_itself(a, b):
    assert ks_distance(sketch(a), sketch(b)).value == ks_distance(sketch(b), sketch(a)).value
    assert ks_distance(sketch(a), sketch(a)).value == 0.0


@given(VALUES, VALUES)
def test_the_location_is_where_the_gap_is(a, b):
    distance = ks_distance(sketch(a), sketch(b))
    gap = abs(np.mean(np.asarray(a, float) <= distance.location) - np.mean(np.asarray(b, float) <= distance.location))
    assert gap == pytest.approx(distance.value, abs=1e-12)


@pytest.mark.parametrize("draw", [lambda r, n: r.normal(size=n), lambda r, n: r.integers(0, 7, n).astype(float)])
def test_a_compacted_and_merged_sketch_errs_no_more_than_it_says(draw):
    rng = np.random.default_rng(11)
    values, baseline = draw(rng, 60_000), draw(rng, 20_000) + 0.1
    window = QuantilesSpec(512).empty()
    for part in np.array_split(values, 4):
        window.merge(sketch(part))
    distance = ks_distance(window, sketch(baseline, 2048))
    assert 0.0 < distance.error < 0.01
    assert abs(distance.value - ks_2samp(values, baseline, method="asymp").statistic) <= distance.error


def test_an_imported_baseline_errs_twice():
    window, baseline = sketch(np.arange(100.0)), sketch(np.arange(50_000.0), 2048)
    assert ks_distance(window, baseline, baseline_error_factor=2.0).error == 2.0 * baseline.rank_error


def test_an_empty_side_is_refused():
    with pytest.raises(ValueError, match="expected values on both sides, got 0 in the window"):
        ks_distance(sketch([]), sketch([1.0]))


@given(st.floats(0, 1), st.floats(0, 0.02), st.integers(50, 10**6), st.integers(50, 10**6), st.integers(1, 200))
def test_pvalues_are_probabilities_and_errors_make_them_larger(value, error, n, m, tests):
    sure, unsure = KsDistance(value, 0.0, 0.0), KsDistance(value, error, 0.0)
    for certain, less in (
        (conditional_pvalue(sure, n, m, tests), conditional_pvalue(unsure, n, m, tests)),
        (two_sample_pvalue(sure, n, m), two_sample_pvalue(unsure, n, m)),
    ):
        assert 0.0 <= certain <= less <= 1.0


def test_the_two_sample_pvalue_is_scipys():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=400), rng.normal(0.1, size=900)
    expected = ks_2samp(a, b, method="asymp")
    assert two_sample_pvalue(KsDistance(expected.statistic, 0.0, 0.0), 400, 900) == pytest.approx(
        expected.pvalue, rel=0.15
    )


def test_the_conditional_pvalue_follows_its_formula():
    radius = np.sqrt(np.log(2 * 14 / 0.01) / (2 * 32_561))
    assert baseline_radius(32_561, 14) == pytest.approx(radius)
    expected = 2 * np.exp(-2 * 1_000 * (0.1 - 0.01 - radius) ** 2)
    assert conditional_pvalue(KsDistance(0.1, 0.01, 0.0), 1_000, 32_561, 14) == pytest.approx(expected)


@given(st.floats(0, 1), st.integers(50, 10**6), st.integers(50, 10**6))
def test_the_interval_holds_the_distance(value, n, m):
    low, high = distance_interval(KsDistance(value, 0.001, 0.0), n, m)
    assert 0.0 <= low <= value <= high <= 1.0
