# SPDX-License-Identifier: Apache-2.0
"""Intervals by the delete-a-group jackknife, for metrics of sums that have no closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from windows.statistics.intervals import Estimate


def delete_a_group(
    value: float, without: ArrayLike, sizes: ArrayLike, *, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """Give a metric its standard deviation and 95 % interval from its values with one group of rows left out in turn.

    Parameters
    ----------
    value : float
        The metric of all rows.
    without : array_like of float, shape (G,)
        The metric without each group; rows are in groups at random, by a hash for example.
    sizes : array_like of int, shape (G,)
        Rows of each group, empty groups left out.
    bounds : (float, float)
        Range of the metric, which the interval does not leave.

    Returns
    -------
    Estimate
        Around `value`, by Student's t with G - 1 degrees of freedom; without deviation and interval (NaN) for fewer
        than two groups or where a value is undefined.

    References
    ----------
    .. [1] Busing, Meijer, van der Leeden (1999), Statistics and Computing 9, 3-8: groups of unequal size.

    Examples
    --------
    >>> rows = np.arange(12.0).reshape(4, 3)
    >>> means = [(rows.sum() - group.sum()) / 9 for group in rows]
    >>> estimate = delete_a_group(rows.mean(), means, [3, 3, 3, 3])
    >>> round(estimate.sd, 6) == round(float(rows.mean(axis=1).std(ddof=1)) / 2, 6)
    True
    """
    left, counts = np.asarray(without, float), np.asarray(sizes, float)
    n, groups = counts.sum(), len(counts)
    if groups < 2 or not np.isfinite([value, *left]).all():
        return Estimate(value, math.nan, math.nan, math.nan, int(n))
    times = n / counts
    mean = groups * value - float(((1.0 - counts / n) * left).sum())
    pseudo = times * value - (times - 1.0) * left
    sd = math.sqrt(float(((pseudo - mean) ** 2 / (times - 1.0)).mean()))
    half = float(stdtrit(groups - 1, 0.975)) * sd
    return Estimate(value, sd, max(bounds[0], value - half), min(bounds[1], value + half), int(n))
