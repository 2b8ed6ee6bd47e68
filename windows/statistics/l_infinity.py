# SPDX-License-Identifier: Apache-2.0
"""L-infinity distances of categories, and Deequ's allowance for small samples."""

from __future__ import annotations

import math
from collections.abc import Mapping

DEEQU_CRITICAL = 1.8


def categorical_distance(
    window: Mapping[str, int], baseline: Mapping[str, int], n: int | None = None, m: int | None = None
) -> tuple[float, str]:
    """Compare two category counts by the largest gap between shares.

    Parameters
    ----------
    window, baseline : mapping of str to int
        Rows a category, not both empty.
    n, m : int, optional
        All rows of each, where the counts leave out rare categories.

    Returns
    -------
    distance : float
        In [0, 1]; `simple` of Deequ.
    category : str
        Where the gap is largest, the first in order among equals.

    References
    ----------
    .. [1] Deequ, `analyzers/Distance.scala`, `categoricalDistance`.

    Examples
    --------
    >>> categorical_distance({"a": 1, "b": 1}, {"a": 3, "b": 1})
    (0.25, 'a')
    """
    n, m = n or sum(window.values()), m or sum(baseline.values())
    if not n or not m:
        msg = f"expected counts on both sides, got {n} rows in the window and {m} in the baseline"
        raise ValueError(msg)
    gaps = {
        key: abs(window.get(key, 0) / n - baseline.get(key, 0) / m) for key in sorted(window.keys() | baseline.keys())
    }
    category = max(gaps, key=gaps.__getitem__)
    return gaps[category], category


def robust(distance: float, n: int, m: int, alpha: float | None = None) -> float:
    """Take from a distance what two samples of this size differ by anyway, as Deequ does.

    Parameters
    ----------
    distance : float
        Kolmogorov-Smirnov or categorical L-infinity distance.
    n, m : int
        Rows of the two samples.
    alpha : float, optional
        Level of the allowance; None takes Deequ's constant 1.8, about 0.003.

    Returns
    -------
    float
        `max(0, distance - c sqrt((n + m) / (n m)))`.

    References
    ----------
    .. [1] Deequ, `analyzers/Distance.scala`, `selectMetrics`.

    Examples
    --------
    >>> robust(0.25, 4, 4)
    0.0
    """
    critical = DEEQU_CRITICAL if alpha is None else math.sqrt(-math.log(alpha / 2.0) / 2.0)
    return max(0.0, distance - critical * math.sqrt((n + m) / (n * m)))
