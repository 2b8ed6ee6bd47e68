# SPDX-License-Identifier: Apache-2.0
"""Corrections for many tests: laws and oracles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from windows.statistics.correction import benjamini_hochberg, holm

PVALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@given(PVALUES, st.floats(0.001, 0.5))
def test_benjamini_hochberg_agrees_with_scipy(pvalues, alpha):
    adjusted = false_discovery_control(pvalues)
    clear = np.abs(adjusted - alpha) > 1e-12
    assert (benjamini_hochberg(pvalues, alpha).rejected == (adjusted <= alpha))[clear].all()


@given(PVALUES, st.floats(0.001, 0.5))
def test_holm_is_the_closed_test_of_bonferroni(pvalues, alpha):
    p = np.array(pvalues)
    order = np.argsort(p, kind="stable")
    expected, still = np.zeros(len(p), bool), True
    for rank, i in enumerate(order):
        still = still and p[i] <= alpha / (len(p) - rank)
        expected[i] = still
    assert holm(pvalues, alpha).rejected.tolist() == expected.tolist()


@given(PVALUES, st.floats(0.001, 0.5))
def test_what_holm_rejects_benjamini_hochberg_rejects_too(pvalues, alpha):
    assert not (holm(pvalues, alpha).rejected & ~benjamini_hochberg(pvalues, alpha).rejected).any()


@given(PVALUES, st.floats(0.001, 0.25))
def test_a_larger_budget_rejects_no_less(pvalues, alpha):
    for correct in (holm, benjamini_hochberg):
        assert not (correct(pvalues, alpha).rejected & ~correct(pvalues, 2 * alpha).rejected).any()


def test_no_hypotheses_are_no_rejections():
    assert holm([], 0.1).rejected.tolist() == benjamini_hochberg([], 0.1).rejected.tolist() == []
