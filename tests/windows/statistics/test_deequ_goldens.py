# SPDX-License-Identifier: Apache-2.0
"""Distances and chi-squares of Deequ's own tests (KLLDistanceTest.scala), and where Deequ was wrong for years."""

from __future__ import annotations

import numpy as np
import pytest

from sketches.quantiles import QuantilesSpec, QuantilesState
from windows.statistics.chi_square import goodness_of_fit
from windows.statistics.ks import ks_distance
from windows.statistics.l_infinity import categorical_distance, robust


def counts(text: str) -> dict[str, int]:
    return {item[0]: int(item[1:]) for item in text.split()}


def sketch(values: np.ndarray, k: int = 2048) -> QuantilesState:
    state = QuantilesSpec(k).empty()
    state.add(np.asarray(values, float))
    return state


def exactly(expected: float):
    return pytest.approx(expected, rel=1e-12, abs=0)


def test_the_numeric_distance_of_four_values_moved_by_one():
    distance = ks_distance(sketch([1, 2, 3, 4]), sketch([2, 3, 4, 5]))
    assert distance.value == 0.25
    assert robust(distance.value, 4, 4) == 0.0


def test_the_simple_categorical_distance():
    distance, _ = categorical_distance(counts("a10 b20 c25 d10 e5"), counts("a11 b20 c25 d10 e10"))
    assert distance == exactly(0.06015037593984962)


@pytest.mark.parametrize(("alpha", "expected"), [(0.003, 0.2726338046550349), (0.1, 0.33774199396969184)])
def test_the_robust_categorical_distance(alpha, expected):
    window, baseline = counts("a207 b20 c25 d14 e25 g13"), counts("a22 b20 c25 d12 e13 f15")
    distance, _ = categorical_distance(window, baseline)
    assert robust(distance, sum(window.values()), sum(baseline.values()), alpha) == exactly(expected)


def test_goodness_of_fit_of_equal_categories():
    fit = goodness_of_fit(counts("a207 b20 c25 d14 e25"), counts("a223 b20 c25 d12 e13"))
    assert fit.pvalue == exactly(0.013227994814265176)


def test_goodness_of_fit_ignores_categories_the_baseline_lacks():
    fit = goodness_of_fit(counts("a207 b20 c25 d14 e25 g13"), counts("a223 b20 c25 d12 e13 f15"))
    assert fit.statistic == exactly(28.175042782458068)
    assert fit.pvalue == pytest.approx(3.364e-5, rel=1e-3)


def test_goodness_of_fit_regroups_small_categories():
    fit = goodness_of_fit(counts("a100 b4 c3 d27"), counts("a100 b4 c3 d34"))
    assert fit.statistic == exactly(1.1507901668129922)


def test_goodness_of_fit_of_two_categories():
    assert goodness_of_fit(counts("a30"), counts("a20 b20")).pvalue == pytest.approx(4.3204630539861455e-8, abs=1e-12)


def test_goodness_of_fit_of_one_category_is_undefined():
    assert np.isnan(goodness_of_fit(counts("a30"), counts("a20")).pvalue)


def test_a_flag_that_rises_from_40_to_90_percent_has_distance_one_half():
    baseline, window = np.repeat([0, 1], [3000, 2000]), np.repeat([0, 1], [500, 4500])
    assert ks_distance(sketch(window, 512), sketch(baseline)).value == pytest.approx(0.5, abs=0.02)


def test_repeated_counts_are_as_far_apart_as_their_distributions():
    rng = np.random.default_rng(5)
    baseline, window = rng.poisson(5, 5_000), rng.poisson(8, 5_000)
    support = np.arange(40)
    exact = np.abs((baseline[:, None] <= support).mean(0) - (window[:, None] <= support).mean(0)).max()
    distance = ks_distance(sketch(window), sketch(baseline))
    assert abs(distance.value - exact) <= distance.error
    assert robust(distance.value, 5_000, 5_000) > 0.3
