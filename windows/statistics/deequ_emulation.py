# SPDX-License-Identifier: Apache-2.0
"""The numeric distance as Deequ computed it up to 2.0.21: wrong where values repeat, and what old alarms come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sketches.quantiles import QuantilesState


class OldDistance(NamedTuple):
    """The distance, and the weights that were taken for the numbers of values."""

    value: float
    n: int
    m: int


def distance_le_2_0_21(window: QuantilesState, baseline: QuantilesState) -> OldDistance:
    """Compare two distributions as Deequ did before its ranks counted every copy of a value.

    Parameters
    ----------
    window, baseline : QuantilesState
        Neither empty.

    Returns
    -------
    OldDistance
        `value` in [0, 1]; `n` and `m` are what its allowance for small samples (`robust`) was computed with.

    Notes
    -----
    **Method.** Ranks were gathered in a map from value to weight, so of all copies of a value that a sketch kept, only
    the heaviest counted. A flag of any share of ones has two values of equal weight: its distance is always 0.

    References
    ----------
    .. [1] awslabs/deequ, issue 392; `QuantileNonSample.getRankMap` before pull request 765.

    Examples
    --------
    >>> from sketches.quantiles import QuantilesSpec
    >>> a, b = QuantilesSpec().empty(), QuantilesSpec().empty()
    >>> a.add(np.array([0.0] * 9 + [1.0]))
    >>> b.add(np.array([0.0] + [1.0] * 9))
    >>> distance_le_2_0_21(a, b)
    OldDistance(value=0.0, n=2, m=2)
    """
    (a, rank_a), (b, rank_b) = _old_ranks(window), _old_ranks(baseline)
    at = np.concatenate((a, b))
    gaps = np.abs(_rank(a, rank_a, at) / rank_a[-1] - _rank(b, rank_b, at) / rank_b[-1])
    return OldDistance(float(gaps.max()), int(rank_a[-1]), int(rank_b[-1]))


def _old_ranks(sketch: QuantilesState) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    weights: dict[float, int] = {}
    for level, values in enumerate(sketch.levels()):
        weights.update(dict.fromkeys(values, 1 << level))
    ordered = sorted(weights)
    return np.array(ordered), np.cumsum([weights[value] for value in ordered])


def _rank(values: NDArray[np.float64], ranks: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.concatenate(([0], ranks))[np.searchsorted(values, at, side="right")]
