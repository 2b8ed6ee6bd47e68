# SPDX-License-Identifier: Apache-2.0
"""Welch's test of means against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from windows.statistics.t_test import Moments, means_apart


def sample(values: np.ndarray) -> Moments:
    return Moments(len(values), float(values.mean()), float(values.var(ddof=1)))


def test_without_tolerance_it_is_welchs_two_sided_test():
    rng = np.random.default_rng(2)
    window, baseline = rng.normal(0.2, 2.0, 80), rng.normal(0.0, 1.0, 300)
    shift, pvalue = means_apart(sample(window), sample(baseline), 0.0)
    assert pvalue == pytest.approx(ttest_ind(window, baseline, equal_var=False).pvalue, rel=1e-9)
    assert shift == pytest.approx((window.mean() - baseline.mean()) / baseline.std(ddof=1))


def test_a_shift_within_the_tolerance_is_no_evidence():
    rng = np.random.default_rng(4)
    window, baseline = rng.normal(0.05, 1.0, 100_000), rng.normal(0.0, 1.0, 100_000)
    assert means_apart(sample(window), sample(baseline), 0.0)[1] < 1e-6
    assert means_apart(sample(window), sample(baseline), 0.1)[1] > 0.9


def test_a_baseline_without_spread_or_values_cannot_be_tested():
    assert means_apart(Moments(10, 1.0, 1.0), Moments(10, 1.0, 0.0), 0.1) is None
    assert means_apart(Moments(1, 1.0, 0.0), Moments(10, 1.0, 1.0), 0.1) is None
    assert means_apart(Moments(10, 1.0, float("inf")), Moments(10, 1.0, 1.0), 0.1) is None
