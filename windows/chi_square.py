# SPDX-License-Identifier: Apache-2.0
"""Chi-square tests of category counts: homogeneity of two samples, and Deequ's goodness of fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc
from scipy.stats import hypergeom

_MIN_EXPECTED = 5.0


class ChiSquare(NamedTuple):
    """A statistic, its degrees of freedom and p-value; NaN, 0 and NaN where fewer than two cells remain."""

    statistic: float
    df: int
    pvalue: float


_UNDEFINED = ChiSquare(math.nan, 0, math.nan)


def homogeneity(window: Mapping[str, int], baseline: Mapping[str, int]) -> ChiSquare:
    """Test whether two samples of categories come from one distribution.

    Categories the baseline never saw are one cell. Cells that either sample should hold fewer than five rows of are
    pooled; if two cells remain and one is still that small, Fisher's exact test takes the place of the chi-square.

    Parameters
    ----------
    window, baseline : mapping of str to int
        Rows a category, neither empty.

    Returns
    -------
    ChiSquare
        2 x K test; a column that is constant on both sides has p-value 1.

    References
    ----------
    .. [1] Pearson (1911), Biometrika 8, 250-254; Cochran (1954), Biometrics 10(4), 417-451, for the pooling.

    Examples
    --------
    >>> homogeneity({"a": 60, "b": 40}, {"a": 500, "b": 500}).pvalue < 0.06
    True
    >>> homogeneity({"a": 10}, {"a": 500}).pvalue
    1.0
    """
    n, m = sum(window.values()), sum(baseline.values())
    known = [key for key in sorted(baseline) if baseline[key]]
    unseen = n - sum(window.get(key, 0) for key in known)
    cells = np.array([[window.get(key, 0) for key in known] + [unseen], [baseline[key] for key in known] + [0]], float)
    cells = _pooled(cells[:, cells.sum(0) > 0], min(n, m) / (n + m))
    if cells.shape[1] < 2:
        return ChiSquare(0.0, 0, 1.0)
    totals = cells.sum(0)
    expected = np.outer([n / (n + m), m / (n + m)], totals)
    statistic = float(((cells - expected) ** 2 / expected).sum())
    df = cells.shape[1] - 1
    if df == 1 and expected.min() < _MIN_EXPECTED:
        return ChiSquare(statistic, df, _fisher(cells))
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)))


def _pooled(cells: np.ndarray, share: float) -> np.ndarray:
    """Add up the cells whose smaller expected count is below five, smallest first, while two cells remain."""
    cells = cells[:, np.argsort(cells.sum(0), kind="stable")]
    small = int(np.searchsorted(cells.sum(0) * share, _MIN_EXPECTED))
    if small > 1:
        cells = np.c_[cells[:, :small].sum(1), cells[:, small:]]
    while cells.shape[1] > 2 and cells[:, 0].sum() * share < _MIN_EXPECTED:
        cells = np.c_[cells[:, :2].sum(1), cells[:, 2:]]
    return cells


def _fisher(cells: np.ndarray) -> float:
    """Two-sided p-value of a 2 x 2 table: twice the smaller tail, at most 1."""
    (a, b), (c, d) = cells
    exact = hypergeom(a + b + c + d, a + c, a + b)
    return float(min(1.0, 2.0 * min(exact.sf(a - 1), exact.cdf(a))))


def goodness_of_fit(
    window: Mapping[str, int],
    baseline: Mapping[str, int],
    *,
    min_expected: int = 5,
    share_below: float = 0.2,
    min_expected_of_two: int = 10,
) -> ChiSquare:
    """Test a sample against a baseline taken as the truth, as Deequ does.

    A compatibility mode: it ignores the baseline's own sampling error (half of all healthy windows as large as their
    baseline alarm) and categories the baseline never saw.

    Parameters
    ----------
    window, baseline : mapping of str to int
        Rows a category.
    min_expected, share_below, min_expected_of_two : int, float, int
        Deequ's `absThresholdYates`, `percThresholdYates` and `absThresholdCochran`.

    Returns
    -------
    ChiSquare
        Undefined (NaN) where regrouping leaves fewer than two categories.

    References
    ----------
    .. [1] Deequ, `analyzers/Distance.scala`, `chiSquareMethod`.

    Examples
    --------
    >>> goodness_of_fit({"a": 30}, {"a": 20, "b": 20}).statistic
    30.0
    """
    total = sum(baseline.values())
    scale = sum(rows for key, rows in window.items() if key in baseline) / total if total else 0.0
    cells = [(rows * scale, float(window.get(key, 0))) for key, rows in baseline.items()]
    while len(cells) > 1 and _too_small(cells, min_expected, share_below, min_expected_of_two):
        cells.sort()
        (first, second), rest = cells[:2], cells[2:]
        cells = [(first[0] + second[0], first[1] + second[1]), *rest]
    if len(cells) < 2:
        return _UNDEFINED
    expected, observed = np.array(cells).T
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return ChiSquare(statistic, len(cells) - 1, float(chdtrc(len(cells) - 1, statistic)))


def _too_small(cells: list[tuple[float, float]], minimum: int, share: float, minimum_of_two: int) -> bool:
    if len(cells) == 2:
        return min(expected for expected, _ in cells) < minimum_of_two
    return sum(expected < minimum for expected, _ in cells) > math.floor(share * len(cells))
