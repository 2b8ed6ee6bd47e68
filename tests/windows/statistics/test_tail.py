# SPDX-License-Identifier: Apache-2.0
"""The beta-binomial tail against sums of its terms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, logsumexp

from windows.statistics.tail import failure_pvalue


def summed(failures: int, n: int, baseline_failures: int, baseline_n: int) -> float:
    a, b = baseline_failures + 0.5, baseline_n - baseline_failures + 0.5
    x = np.arange(failures, n + 1.0)
    return float(np.exp(logsumexp(-np.log1p(n) - betaln(x + 1, n - x + 1) + betaln(x + a, n - x + b) - betaln(a, b))))


@given(st.data())
def test_the_tail_is_the_sum_of_its_terms(data):
    n, m = data.draw(st.integers(1, 3_000)), data.draw(st.integers(1, 30_000))
    k, a = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    assert failure_pvalue(k, n, a, m) == pytest.approx(summed(k, n, a, m), rel=1e-7, abs=1e-12)


@given(st.integers(1, 500), st.integers(1, 5_000), st.data())
def test_more_failures_are_no_less_surprising(n, m, data):
    a = data.draw(st.integers(0, m))
    tail = [failure_pvalue(k, n, a, m) for k in range(n + 1)]
    assert tail[0] == 1.0
    assert (np.diff(tail) <= 1e-9).all()


def test_no_failures_are_never_surprising():
    assert failure_pvalue(0, 10**9, 0, 1) == 1.0
    assert failure_pvalue(0, 0, 5, 10) == 1.0


def test_windows_of_a_million_rows_are_summed_to_the_end():
    assert failure_pvalue(153_000, 10**6, 4_880, 32_561) == pytest.approx(
        summed(153_000, 10**6, 4_880, 32_561), rel=1e-6
    )
