# SPDX-License-Identifier: Apache-2.0
"""Homogeneity of categories against SciPy, and small cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact

from windows.statistics.chi_square import homogeneity

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 10_000), min_size=1)


def test_large_cells_are_the_contingency_test():
    window, baseline = {"a": 60, "b": 40, "c": 100}, {"a": 500, "b": 500, "c": 700}
    expected = chi2_contingency([[60, 40, 100], [500, 500, 700]], correction=False)
    result = homogeneity(window, baseline)
    assert (result.statistic, result.pvalue, result.df) == pytest.approx((expected[0], expected[1], 2), rel=1e-12)


@given(COUNTS, COUNTS)
def test_the_pvalue_is_a_probability_whatever_is_counted(window, baseline):
    assert 0.0 <= homogeneity(window, baseline).pvalue <= 1.0


@given(COUNTS)
def test_equal_shares_are_no_evidence(baseline):
    assert homogeneity(baseline, {key: 3 * rows for key, rows in baseline.items()}).pvalue == pytest.approx(1.0)


@given(COUNTS, COUNTS)
def test_the_order_of_categories_does_not_matter(window, baseline):
    turned = dict(reversed(window.items()))
    assert homogeneity(turned, baseline) == homogeneity(window, baseline)


def test_a_new_category_is_evidence():
    baseline = {"a": 5_000, "b": 5_000}
    assert homogeneity({"a": 100, "b": 100}, baseline).pvalue == pytest.approx(1.0)
    assert homogeneity({"a": 90, "b": 90, "new": 20}, baseline).pvalue < 1e-9


def test_rare_categories_alone_do_not_make_a_chi_square():
    baseline = {"a": 10_000, **{f"rare-{i}": 1 for i in range(20)}}
    one_rare = homogeneity({"a": 199, "rare-3": 1}, baseline)
    exact = fisher_exact([[199, 1], [10_000, 20]], alternative="less").pvalue
    assert one_rare.pvalue == pytest.approx(min(1.0, 2 * exact), rel=1e-9)


def test_a_constant_column_is_no_evidence():
    assert homogeneity({"a": 10}, {"a": 20}).pvalue == 1.0


def test_counts_of_billions_are_tested_too():
    window, baseline = {"a": 10**9, "b": 3}, {"a": 10**9}
    assert homogeneity(window, baseline).pvalue == pytest.approx(0.25, rel=1e-6)
    assert np.isfinite(homogeneity({"a": 10**9, "b": 10**8}, {"a": 10**9, "b": 10**8 + 1}).statistic)
