# SPDX-License-Identifier: Apache-2.0
"""Is a share of failures larger than a baseline's? The beta-binomial tail."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln

_FIRST_TERMS = 256


def failure_pvalue(failures: int, n: int, baseline_failures: int, baseline_n: int) -> float:
    """Probability of at least so many failures in a window, given the failures of the baseline.

    Parameters
    ----------
    failures, n : int
        Failing rows and all rows of the window.
    baseline_failures, baseline_n : int
        The same of the baseline, failures at most the rows.

    Returns
    -------
    float
        P(X >= failures) for X ~ BetaBin(n, a + 1/2, m - a + 1/2): one-sided, uncertain on both sides.

    Notes
    -----
    **Method.** The terms from `failures` away from the mean are summed until they no longer change the sum: exact to
    rounding, and as many terms as a few standard deviations hold whatever n is.

    References
    ----------
    .. [1] Jeffreys' prior; the posterior predictive tail of Hahn, Meeker (1991), Statistical Intervals, section 6.

    Examples
    --------
    >>> failure_pvalue(0, 100, 3, 1000)
    1.0
    >>> round(failure_pvalue(5, 1000, 10, 10000), 6)
    0.007249
    """
    if failures <= 0 or n <= 0:
        return 1.0
    a, b = baseline_failures + 0.5, baseline_n - baseline_failures + 0.5
    if failures <= n * a / (a + b):
        return max(0.0, 1.0 - _tail(n - failures + 1, n, b, a))
    return _tail(failures, n, a, b)


def _tail(k: int, n: int, a: float, b: float) -> float:
    """Sum the terms from `k` to `n`, the largest first."""
    if k > n:
        return 0.0
    term = float(np.exp(-np.log1p(n) - betaln(k + 1, n - k + 1) + betaln(k + a, n - k + b) - betaln(a, b)))
    total, length = term, _FIRST_TERMS
    while k < n and term > total * 1e-17:
        x = np.arange(k, min(k + length, n), dtype=float)
        terms = term * np.cumprod((n - x) * (x + a) / ((x + 1.0) * (n - x - 1.0 + b)))
        total += float(terms.sum())
        term, k, length = float(terms[-1]), k + len(x), length * 2
    return min(1.0, total)
