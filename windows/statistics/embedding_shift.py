# SPDX-License-Identifier: Apache-2.0
"""Have embedding vectors moved? Their similarity to the baseline's, and the shift of their mean direction."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from sketches.embeddings import EmbeddingState, probes
from windows.statistics.intervals import UNDEFINED, Estimate
from windows.statistics.jackknife import delete_a_group

# Rounding alone leaves less; vectors of one direction have none.
_NO_SPREAD = 1e-12


class Spread(NamedTuple):
    """Traces of the covariance of a baseline's directions, of its square and of its cube."""

    trace: float
    square: float
    cube: float


class MeanShift(NamedTuple):
    """How far the mean direction moved.

    `squared` is the squared distance of the two means, `unbiased` the same less what noise adds to it, `relative` the
    distance in standard deviations of the baseline's vectors about their mean.
    """

    squared: float
    unbiased: float
    relative: float
    pvalue: float


def mean_similarity(window: EmbeddingState, baseline: EmbeddingState) -> Estimate:
    """Average the cosine similarity of every vector of a window with every one of the baseline.

    Parameters
    ----------
    window, baseline : EmbeddingState
        Of one dimension; groups and probes may differ.

    Returns
    -------
    Estimate
        In [-1, 1], by the jackknife over the window's groups; undefined where one side has no vector.

    Notes
    -----
    **Error.** None but rounding: the average over all n m pairs is the product of the two mean directions.

    Examples
    --------
    >>> from sketches.block import Block, Column, Kind
    >>> from sketches.embeddings import EmbeddingSpec
    >>> def state(*vectors):
    ...     made = EmbeddingSpec("text", 2).empty()
    ...     made.update(Block(len(vectors), {"embeddings.text": Column(Kind.VECTOR, np.array(vectors, np.float32))}))
    ...     return made
    >>> mean_similarity(state([2, 0], [0, 1]), state([1, 0])).value
    0.5
    """
    if not (window.n and baseline.n):
        return UNDEFINED
    towards = baseline.mean
    along = window.sums @ towards
    held = np.flatnonzero(window.rows)
    total = float(along.sum())
    left = window.n - window.rows[held]
    without = (total - along[held]) / left if len(held) > 1 else np.empty(0)
    return delete_a_group(total / window.n, without, window.rows[held], bounds=(-1.0, 1.0))


def spread_of(baseline: EmbeddingState) -> Spread:
    """Measure how a baseline's directions spread about their mean.

    Parameters
    ----------
    baseline : EmbeddingState
        At least four vectors, with probes.

    Returns
    -------
    Spread
        `trace` is exact, since vectors of length one need no second moment for it. `square` is unbiased for normal
        vectors. With the axes as probes nothing is estimated but from the rows; with random ones the relative
        deviation of `square` is about `sqrt(2 / probes)` at most.

    Raises
    ------
    ValueError
        If there are fewer vectors or no probes.

    References
    ----------
    .. [1] Bai, Saranadasa (1996), Statistica Sinica 6, 311-329: the unbiased `square`.
    .. [2] Hutchinson (1989), Comm. Stat. Simul. Comput. 18(3), 1059-1076: traces by random signs.
    """
    m, count = baseline.n, baseline.spec.probes
    if m < 4 or count < 2:
        msg = f"expected a baseline of at least 4 vectors with probes, got {m} vectors and {count} probes"
        raise ValueError(msg)
    mean, directions = baseline.mean, probes(count, baseline.spec.dimension)
    freedom = m - 1
    trace = max(0.0, m / freedom * (1.0 - float(mean @ mean)))
    along = (baseline.moments - m * np.outer(directions @ mean, mean)) / freedom
    raw = float(np.square(along).sum()) / count
    square = freedom**2 / ((freedom + 2) * (freedom - 1)) * (raw - trace**2 / freedom)
    square = min(max(square, trace**2 / baseline.spec.dimension), trace**2)
    # w'Sv v'SSw over pairs of different random directions; of axes, all pairs are the trace itself.
    axes = count == baseline.spec.dimension
    mixed = along.T * math.sqrt(count) if axes else directions @ along.T
    products = mixed * (along @ along.T)
    pairs = count**2 if axes else count * (count - 1)
    cube = float(products.sum() if axes else products.sum() - np.trace(products)) / pairs
    return Spread(trace, square, min(max(cube, square**2 / trace if trace > 0.0 else 0.0), square**1.5))


def mean_shift(window: EmbeddingState, baseline: EmbeddingState, spread: Spread | None = None) -> MeanShift | None:
    """Test whether the mean direction of a window is that of the baseline.

    Parameters
    ----------
    window, baseline : EmbeddingState
        Of one dimension; the baseline has probes.
    spread : Spread, optional
        Of the baseline, if it is known.

    Returns
    -------
    MeanShift or None
        None for fewer than two vectors in the window, or where the baseline's vectors all point the same way.

    Notes
    -----
    **Method.** Without a shift the squared distance of the two means is a sum of squared normals weighted by
    `(1/n + 1/m)` times the eigenvalues of the covariance. A chi-square with the same mean, variance and skewness stands
    for it: Satterthwaite's has the first two only, and alarms up to half as often again at small levels.

    References
    ----------
    .. [1] Bai, Saranadasa (1996), Statistica Sinica 6, 311-329: means of more dimensions than rows.
    .. [2] Satterthwaite (1946), Biometrics Bulletin 2(6), 110-114; three moments: Buckley, Eagleson (1988), Australian
       Journal of Statistics 30A(1), 150-159.
    """
    n, m = window.n, baseline.n
    spread = spread_of(baseline) if spread is None else spread
    if n < 2 or spread.trace < _NO_SPREAD:
        return None
    difference = window.mean - baseline.mean
    squared = float(difference @ difference)
    own = n / (n - 1) * (1.0 - float(window.mean @ window.mean))
    unbiased = squared - own / n - spread.trace / m
    scale = 1.0 / n + 1.0 / m
    freedom = spread.square**3 / spread.cube**2
    standardised = (squared - scale * spread.trace) / (scale * math.sqrt(2.0 * spread.square))
    statistic = max(0.0, freedom + math.sqrt(2.0 * freedom) * standardised)
    relative = math.sqrt(max(0.0, unbiased) / spread.trace)
    return MeanShift(squared, unbiased, relative, float(chdtrc(freedom, statistic)))
