# SPDX-License-Identifier: Apache-2.0
"""Distances of two samples by their counts in common cells: Jensen-Shannon, Hellinger and PSI."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, rel_entr

_DRAWS = 32
_TWO_SIDED_99 = 2.5758293035489004

Floats = NDArray[np.float64]
CountDistance = Callable[[ArrayLike, ArrayLike], Floats]


class Distance(NamedTuple):
    """A distance, what it would be without drift, and the part sketching may have added or taken."""

    value: float
    expected: float
    error: float

    @property
    def corrected(self) -> float:
        """The distance minus its expectation without drift; about 0, of either sign, if nothing has changed."""
        return self.value - self.expected


class ShareErrors(NamedTuple):
    """Bounds, at 99 %, on the error of each cell's share in the window and in the baseline; 0 where exact."""

    window: ArrayLike = 0.0
    baseline: ArrayLike = 0.0


EXACT = ShareErrors()


def smoothed_shares(window: ArrayLike, baseline: ArrayLike) -> tuple[Floats, Floats]:
    """Give the shares of each cell with half a row added to it, so that no cell is empty.

    Parameters
    ----------
    window, baseline : array_like of float, shape (..., cells)
        Rows a cell. Cells that are empty on both sides are none: their shares are 0.

    Returns
    -------
    window, baseline : ndarray of float64, shape (..., cells)
        Each sums to 1 over the cells.

    References
    ----------
    .. [1] Krichevsky, Trofimov (1981), IEEE Trans. Inf. Theory 27(2), 199-207.

    Examples
    --------
    >>> [shares.tolist() for shares in smoothed_shares([3, 0, 0], [0, 1, 0])]
    [[0.875, 0.125, 0.0], [0.25, 0.75, 0.0]]
    """
    a, b = np.asarray(window, float), np.asarray(baseline, float)
    cells = a + b > 0
    halves = 0.5 * cells
    total = halves.sum(-1, keepdims=True)
    return (a + halves) / (a.sum(-1, keepdims=True) + total), (b + halves) / (b.sum(-1, keepdims=True) + total)


def jensen_shannon(window: ArrayLike, baseline: ArrayLike) -> Floats:
    """Give the Jensen-Shannon distance of counts, from 0 to sqrt(ln 2).

    The square root, in nats, as `scipy.spatial.distance.jensenshannon`; half-count smoothing.

    Parameters
    ----------
    window, baseline : array_like of float, shape (..., cells)

    References
    ----------
    .. [1] Endres, Schindelin (2003), IEEE Trans. Inf. Theory 49(7), 1858-1860.

    Examples
    --------
    >>> float(jensen_shannon([10, 10], [10, 10])), round(float(jensen_shannon([90, 10], [10, 90])), 4)
    (0.0, 0.5995)
    """
    p, q = smoothed_shares(window, baseline)
    middle = (p + q) / 2.0
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(-1) / 2.0
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)))


def hellinger(window: ArrayLike, baseline: ArrayLike) -> Floats:
    """Give the Hellinger distance of counts, from 0 to 1; half-count smoothing.

    Parameters
    ----------
    window, baseline : array_like of float, shape (..., cells)

    References
    ----------
    .. [1] Hellinger (1909), J. reine angew. Math. 136, 210-271.

    Examples
    --------
    >>> round(float(hellinger([90, 10], [10, 90])), 4)
    0.6242
    """
    p, q = smoothed_shares(window, baseline)
    return np.asarray(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1) / 2.0))


def psi(window: ArrayLike, baseline: ArrayLike) -> Floats:
    """Give the population stability index of counts, `sum (p - q) ln(p / q)`; half-count smoothing.

    Parameters
    ----------
    window, baseline : array_like of float, shape (..., cells)

    References
    ----------
    .. [1] Jeffreys (1946), Proc. R. Soc. A 186, 453-461: the symmetric divergence.

    Examples
    --------
    >>> round(float(psi([90, 10], [10, 90])), 4)
    3.4122
    """
    p, q = smoothed_shares(window, baseline)
    return np.asarray((rel_entr(p, q) + rel_entr(q, p)).sum(-1))


COUNT_DISTANCES: dict[str, CountDistance] = {"jensen_shannon": jensen_shannon, "hellinger": hellinger, "psi": psi}


def count_distances(
    names: Iterable[str], window: ArrayLike, baseline: ArrayLike, rng: np.random.Generator, errors: ShareErrors = EXACT
) -> dict[str, Distance]:
    """Compare two samples by their counts, beside what samples of this size differ by anyway.

    Parameters
    ----------
    names : iterable of str
        Some of `COUNT_DISTANCES`.
    window, baseline : array_like of float, shape (cells,)
        Rows a cell, neither empty.
    rng : numpy.random.Generator
        Draws pairs of samples without drift, from the pooled shares.
    errors : ShareErrors
        Of the cells' shares.

    Returns
    -------
    dict of str to Distance
        In the order of the names.

    Notes
    -----
    **Error.** `expected` is a mean of 32 draws: its standard error is a sixth of the distance's own spread. `error`
    bounds, at 99 %, how far the counts' errors move the distance, each cell's share off by a normal of its own; an
    expansion to second order, for errors small beside the shares.
    """
    a, b = np.asarray(window, float), np.asarray(baseline, float)
    n, m = round(a.sum()), round(b.sum())
    pooled = (a + b) / (n + m)
    pooled /= pooled.sum()
    # The samples themselves, and below them pairs without drift.
    rows = np.vstack((a, rng.multinomial(n, pooled, _DRAWS))), np.vstack((b, rng.multinomial(m, pooled, _DRAWS)))
    of_metrics = _metric_error(a, b, errors)
    found: dict[str, Distance] = {}
    for name in names:
        value, *without_drift = COUNT_DISTANCES[name](*rows).tolist()
        error = _psi_error(a, b, errors) if name == "psi" else of_metrics
        found[name] = Distance(value, sum(without_drift) / _DRAWS, error)
    return found


def _metric_error(window: Floats, baseline: Floats, errors: ShareErrors) -> float:
    """Bound the square root of `sum d^2 / 8 p`, what errors d of the shares p are away from none, on either side."""
    shares = smoothed_shares(window, baseline)
    return sum(_moved(bound, share) for bound, share in zip(errors, shares, strict=True))


def _moved(bound: ArrayLike, share: Floats) -> float:
    sigma = np.broadcast_to(np.asarray(bound, float) / _TWO_SIDED_99, share.shape)[share > 0]
    cells = int(np.count_nonzero(sigma))
    if not cells:
        return 0.0
    # However small the share, a cell adds no more than half of its error.
    squares = np.minimum(sigma**2 / (8.0 * share[share > 0]), sigma / 2.0)
    return math.sqrt(float(squares.sum()) * _excess(cells))


def _psi_error(window: Floats, baseline: Floats, errors: ShareErrors) -> float:
    cells = window + baseline > 0
    p, q = (shares[cells] for shares in smoothed_shares(window, baseline))
    total, curved = 0.0, 0.0
    for bound, mine, other in ((errors.window, p, q), (errors.baseline, q, p)):
        sigma = np.broadcast_to(np.asarray(bound, float) / _TWO_SIDED_99, cells.shape)[cells]
        slope = np.log(mine / other) + 1.0 - other / mine
        total += float((slope**2 * sigma**2).sum())
        if touched := int(np.count_nonzero(sigma)):
            curved += float((sigma**2 * (1.0 / mine + other / mine**2)).sum()) / 2.0 * _excess(touched)
    return _TWO_SIDED_99 * math.sqrt(total) + curved


def _excess(cells: int) -> float:
    """The 99 % quantile of a mean of so many squared standard normals."""
    return float(chdtri(cells, 0.01)) / cells
