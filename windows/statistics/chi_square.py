# SPDX-License-Identifier: Apache-2.0
"""Chi-square tests of category counts: homogeneity of two samples, and Deequ's goodness of fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import betaln, chdtrc

_MIN_EXPECTED = 5.0


class ChiSquare(NamedTuple):
    """A statistic, its degrees of freedom and p-value; NaN, 0 and NaN where fewer than two cells remain."""

    statistic: float
    df: int
    pvalue: float


_UNDEFINED = ChiSquare(math.nan, 0, math.nan)


def homogeneity(window: Mapping[str, int], baseline: Mapping[str, int]) -> ChiSquare:
    """Test whether two samples of categories come from one distribution.

    Parameters
    ----------
    window, baseline : mapping of str to int
        Rows a category, neither empty.

    Returns
    -------
    ChiSquare
        2 x K test; a column that is constant on both sides has p-value 1.

    Notes
    -----
    **Method.** Every category is a cell, one the baseline never saw too. Cells that either sample should hold fewer
    than five rows of are pooled: by their total, never by where they were seen, which chance decides. If the pool is
    that small itself, Fisher's exact test of the pool against the rest stands beside the chi-square of the large cells,
    and twice the smaller p-value counts: merged into a large cell, a new category would hide there.

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
    keys = sorted(window.keys() | baseline.keys())
    cells = np.array([[window.get(key, 0) for key in keys], [baseline.get(key, 0) for key in keys]], float)
    share = min(n, m) / (n + m)
    large = cells.sum(0) * share >= _MIN_EXPECTED
    pool = cells[:, ~large].sum(1, keepdims=True)
    if not pool.sum() or pool.sum() * share >= _MIN_EXPECTED:
        return _contingency(np.hstack((cells[:, large], pool)) if pool.sum() else cells[:, large])
    rare = _fisher(pool[:, 0], n, m)
    common = _contingency(cells[:, large])
    if common.df == 0:
        return ChiSquare(common.statistic, 1, rare)
    return ChiSquare(common.statistic, common.df + 1, min(1.0, 2.0 * min(common.pvalue, rare)))


def _contingency(cells: np.ndarray) -> ChiSquare:
    """Pearson's test of a 2 x K table; one column or an empty row is no evidence."""
    df = cells.shape[1] - 1
    if df < 1 or not cells.sum(1).all():
        return ChiSquare(0.0, 0, 1.0)
    expected = np.outer(cells.sum(1), cells.sum(0)) / cells.sum()
    statistic = float(((cells - expected) ** 2 / expected).sum())
    return ChiSquare(statistic, df, float(chdtrc(df, statistic)))


def _fisher(pool: np.ndarray, n: int, m: int) -> float:
    """Two-sided p-value of so many rows of a pool in samples of n and m: twice the smaller tail, at most 1."""
    rows, total = float(pool[0]), float(pool.sum())
    x = np.arange(max(0.0, total - m), min(total, n) + 1.0)
    terms = np.exp(_log_binomial(n, x) + _log_binomial(m, total - x) - _log_binomial(n + m, total))
    return float(min(1.0, 2.0 * min(terms[x >= rows].sum(), terms[x <= rows].sum())))


def _log_binomial(n: int, k: np.ndarray | float) -> np.ndarray:
    return np.asarray(-np.log1p(n) - betaln(n - k + 1.0, k + 1.0))


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
