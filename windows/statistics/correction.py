# SPDX-License-Identifier: Apache-2.0
"""Corrections for many tests at once: which p-values are small enough together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Rejections(NamedTuple):
    """Which hypotheses are rejected, and the level each p-value was held against."""

    rejected: NDArray[np.bool_]
    level: NDArray[np.float64]


Correction = Callable[[ArrayLike, float], Rejections]


def benjamini_hochberg(pvalues: ArrayLike, alpha: float) -> Rejections:
    """Reject hypotheses so that the expected share of false rejections stays below `alpha`.

    Parameters
    ----------
    pvalues : array_like of float, shape (m,)
        One p-value a hypothesis, independent or positively dependent.
    alpha : float
        False discovery rate; also the chance of any rejection when nothing has changed.

    Returns
    -------
    Rejections
        `level` is the common cut-off, `alpha * k / m` with k rejections (at least 1).

    References
    ----------
    .. [1] Benjamini, Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.001, 0.02, 0.9], 0.05).rejected.tolist()
    [True, True, False]
    """
    p = np.asarray(pvalues, float)
    count = max(len(p), 1)
    below = np.flatnonzero(np.sort(p) <= alpha * np.arange(1, len(p) + 1) / count)
    cutoff = alpha * (below[-1] + 1 if len(below) else 1) / count
    return Rejections(p <= cutoff, np.full(len(p), cutoff))


def holm(pvalues: ArrayLike, alpha: float) -> Rejections:
    """Reject hypotheses so that the chance of any false rejection stays below `alpha`, however they depend.

    Parameters
    ----------
    pvalues : array_like of float, shape (m,)
        One p-value a hypothesis.
    alpha : float
        Family-wise error rate.

    Returns
    -------
    Rejections
        `level` is `alpha / (m - rank)` with the rank, from 0, of each p-value.

    References
    ----------
    .. [1] Holm (1979), Scand. J. Stat. 6(2), 65-70.

    Examples
    --------
    >>> holm([0.001, 0.02, 0.9], 0.05).rejected.tolist()
    [True, True, False]
    """
    p = np.asarray(pvalues, float)
    order = np.argsort(p, kind="stable")
    level = np.empty(len(p))
    level[order] = alpha / np.arange(len(p), 0, -1)
    rejected = np.zeros(len(p), bool)
    rejected[order] = np.logical_and.accumulate(p[order] <= level[order])
    return Rejections(rejected, level)
