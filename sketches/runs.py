# SPDX-License-Identifier: Apache-2.0
"""Compact runs of numbers the way KLL's lowest levels do, with vector instructions.

A KLL compactor sorts its buffer and keeps every second number, from a random start, at twice the weight. numpy sorts
short rows at 2 ns a number where the library takes 30, so a whole run is compacted level by level, in rows, and only
what is left goes to the library. Rows of a group start at different offsets: their errors cancel in part, where
independent coins would add up (Ivkin et al. 2019, arXiv:1907.00236, section 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketches.kll_layout import capacity

# numpy sorts rows up to this long by sorting networks, fast on every CPU; its AVX-512 partitioning of longer ones is
# four times slower on some (docs/decisions/0001-compact-runs-in-rows.md).
_NETWORK = 256


def shortest_run(k: int) -> int:
    """Give the number of values, a power of two, below which compacting them here does not pay."""
    return max(2 * _NETWORK, 1 << k.bit_length())


def compact(values: NDArray[np.float64], k: int, coins: int) -> tuple[NDArray[np.float64], int]:
    """Compact a run to few ascending values of equal weight.

    Parameters
    ----------
    values : ndarray of float64, shape (shortest_run(k) * 2**j,)
        Finite numbers in any order; overwritten.
    k : int
        Level size of the sketch.
    coins : int
        32 random bits.

    Returns
    -------
    kept : ndarray of float64
        Ascending, as many as one level of a sketch may hold for a start.
    level : int
        Each value kept stands for 2**level numbers.

    Notes
    -----
    **Error.** The variance of a rank, in squared numbers, is 1.25 a row compacted by four and weight**2 / 4 a row
    compacted by two: for a run of 16,384 at k = 512 a standard error of 0.0010 of its length, less over many runs.
    """
    row = max(_NETWORK, 1 << (k // 2).bit_length() - 1)
    level = 0
    while len(values) > capacity(k, level + 1):
        # By four at once where it costs least: at weight 1.
        shift = 2 if level == 0 and len(values) > 2 * capacity(k, 3) else 1
        step = 1 << shift
        start = coins >> level & step - 1
        group = values.reshape(-1, step, min(row, len(values) // step))
        group.sort(axis=2)
        values = np.concatenate([group[:, i, (start + i) % step :: step] for i in range(step)], axis=1).reshape(-1)
        level += shift
    values.sort()
    return values, level
