# SPDX-License-Identifier: Apache-2.0
"""Are two means further apart than a tolerance? Welch's t on moments."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtr


class Moments(NamedTuple):
    """Count, mean and variance (n - 1) of a sample."""

    n: int
    mean: float
    variance: float


def means_apart(window: Moments, baseline: Moments, epsilon: float) -> tuple[float, float] | None:
    """Test whether the mean moved by more than `epsilon` baseline standard deviations.

    Parameters
    ----------
    window, baseline : Moments
        Samples of at least two values.
    epsilon : float
        Tolerated shift, in standard deviations of the baseline.

    Returns
    -------
    (shift, pvalue) or None
        Shift of the mean in baseline standard deviations and `sf((|d| - eps)/se) + sf((|d| + eps)/se)` with Welch's
        degrees of freedom; None where the standard error is zero or undefined.

    References
    ----------
    .. [1] Welch (1947), Biometrika 34(1-2), 28-35.
    .. [2] Nigenda et al. (2022), Amazon SageMaker Model Monitor, arXiv:2111.13657, section 4.2.

    Examples
    --------
    >>> shift, pvalue = means_apart(Moments(100, 0.5, 1.0), Moments(10_000, 0.0, 1.0), 0.1)
    >>> round(shift, 3), round(pvalue, 6)
    (0.5, 6.5e-05)
    """
    if min(window.n, baseline.n) < 2 or not baseline.variance > 0.0:
        return None
    scale = math.sqrt(baseline.variance)
    u = window.variance / window.n / baseline.variance
    v = 1.0 / baseline.n
    se = math.sqrt(u + v)
    if not 0.0 < se < math.inf:
        return None
    df = (u + v) ** 2 / (u**2 / (window.n - 1) + v**2 / (baseline.n - 1))
    shift = (window.mean - baseline.mean) / scale
    below, above = (epsilon - abs(shift)) / se, -(abs(shift) + epsilon) / se
    return shift, min(1.0, float(stdtr(df, below)) + float(stdtr(df, above)))
