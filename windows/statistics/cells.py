# SPDX-License-Identifier: Apache-2.0
"""A column of the window and of the baseline counted in the same cells."""

from __future__ import annotations

import numpy as np

from sketches.categories import CategoriesState
from sketches.features import FeatureState
from sketches.quantiles import QuantilesState
from windows.statistics.distances import CommonCells, Floats, ShareErrors

BINS = 32


def numeric_cells(
    window: FeatureState, was: FeatureState, rows: int, baseline_rows: int, *, baseline_error_factor: float = 1.0
) -> CommonCells:
    """Count a column of numbers between the baseline's 32-quantiles.

    Parameters
    ----------
    window, was : FeatureState
        Of the window and the baseline, both with numbers.
    rows, baseline_rows : int
        All rows, those without the key included.
    baseline_error_factor : float
        Multiplies the baseline's stated rank error; 2 for sketches that another library compacted.

    Returns
    -------
    CommonCells
        At most 32 bins, closed above, fewer where values repeat; then the missing rows, then values that are no number.

    Notes
    -----
    **Error.** 0 while the sketch is exact; then a bin's share is taken to be off by at most the rank error at 99 %. A
    bin is the difference of two ranks whose errors have much in common: measured, 99 % of 32nds were off by less than
    0.64 of it. Missing rows and other values are counted.
    """
    edges = np.unique(was.quantiles.quantile(np.arange(1, BINS) / BINS))
    inner = np.arange(len(edges) + 3) <= len(edges)
    ranks = window.quantiles.rank_error, baseline_error_factor * was.quantiles.rank_error
    return CommonCells(
        _counts(window, edges, rows),
        _counts(was, edges, baseline_rows),
        ShareErrors(*(rank * inner for rank in ranks)),
    )


def _counts(feature: FeatureState, edges: Floats, rows: int) -> Floats:
    missing = max(rows - feature.types.n, 0) + feature.types.missing
    other = feature.types.n - feature.types.missing - feature.numbers
    return np.concatenate((_between(feature.quantiles, edges), (missing, other)))


def _between(quantiles: QuantilesState, edges: Floats) -> Floats:
    return np.diff(np.concatenate(([0.0], quantiles.cdf(edges), [1.0]))) * quantiles.n


def category_cells(window: CategoriesState, was: CategoriesState) -> CommonCells:
    """Count a column of categories by the values that the baseline counts, all others in one cell.

    Parameters
    ----------
    window, was : CategoriesState
        Of the window and the baseline, neither empty.

    Examples
    --------
    >>> from sketches.categories import CategoriesSpec
    >>> window, was = CategoriesSpec().empty(), CategoriesSpec().empty()
    >>> _ = window.add({"a": 3, "c": 1}), was.add({"a": 5, "b": 5})
    >>> cells = category_cells(window, was)
    >>> cells.window.tolist(), cells.baseline.tolist()
    ([3.0, 0.0, 1.0], [5.0, 5.0, 0.0])
    """
    known, now = was.counts(), window.counts()
    mine = [float(now.get(name, 0)) for name in known]
    theirs = [float(count) for count in known.values()]
    return CommonCells(
        np.array([*mine, window.n - sum(mine)]),
        np.array([*theirs, was.n - sum(theirs)]),
        ShareErrors(window.error, was.error),
    )
