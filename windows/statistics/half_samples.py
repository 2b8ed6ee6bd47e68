# SPDX-License-Identifier: Apache-2.0
"""Intervals by balanced half-samples of groups of rows, for metrics that jump, as those of rankings do."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import hadamard

from windows.statistics.intervals import Estimate


def half_samples(groups: int) -> NDArray[np.bool_]:
    """Choose halves of the groups so that every two groups are together as often as apart.

    Parameters
    ----------
    groups : int
        How many there are.

    Returns
    -------
    ndarray of bool, shape (R, groups)
        The groups of each half-sample and, beneath all of them, of each one's other half.

    References
    ----------
    .. [1] McCarthy (1969), Review of the International Statistical Institute 37, 239-264: balance by Hadamard matrices.

    Examples
    --------
    >>> half_samples(3).astype(int).tolist()[:4]
    [[1, 1, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    """
    signs = hadamard(1 << groups.bit_length())[:, 1 : groups + 1]
    return np.vstack((signs > 0, signs < 0))


def half_sample_estimate(
    value: float, halves: ArrayLike, n: int, *, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """Give a metric its standard deviation and 95 % interval from its values in half-samples of the groups.

    Parameters
    ----------
    value : float
        The metric of all rows.
    halves : array_like of float, shape (R,)
        The metric of each half-sample of `half_samples`.
    n : int
        All rows.
    bounds : (float, float)
        Range of the metric, which the interval does not leave.

    Returns
    -------
    Estimate
        Without deviation and interval (NaN) where a value is undefined.

    Notes
    -----
    **Method.** A half-sample is as far from all rows as those are from the truth. The interval holds the middle 95 % of
    the half-samples and the mirror image of that about `value`: noise moves a metric that jumps to one side, and either
    alone covers too little (decision 0074).

    Examples
    --------
    >>> half_sample_estimate(0.75, [0.5, 0.5, 1.0, 1.0], 100, bounds=(0.0, 0.875)).interval
    (0.5, 0.875)
    """
    found = np.asarray(halves, float)
    if not np.isfinite([value, *found]).all():
        return Estimate(value, math.nan, math.nan, math.nan, n)
    sd = math.sqrt(float(((found - value) ** 2).mean()))
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return Estimate(
        value,
        sd,
        max(bounds[0], min(low, 2.0 * value - high)),
        min(bounds[1], max(high, 2.0 * value - low)),
        n,
    )
