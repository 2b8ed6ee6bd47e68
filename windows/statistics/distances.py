# SPDX-License-Identifier: Apache-2.0
"""Distances of two samples by their counts in common cells: Jensen-Shannon, Hellinger and PSI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, rel_entr

_DRAWS = 32
_TWO_SIDED_99 = 2.5758293035489004

Floats = NDArray[np.float64]


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


def jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Give the Jensen-Shannon distance of shares, from 0 to sqrt(ln 2).

    The square root, in nats, as `scipy.spatial.distance.jensenshannon`.

    Parameters
    ----------
    p, q : ndarray of float64, shape (..., cells)

    References
    ----------
    .. [1] Endres, Schindelin (2003), IEEE Trans. Inf. Theory 49(7), 1858-1860.

    Examples
    --------
    >>> round(float(jensen_shannon(*smoothed_shares([90, 10], [10, 90]))), 4)
    0.5995
    """
    middle = (p + q) / 2.0
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(-1) / 2.0
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)))


def hellinger(p: Floats, q: Floats) -> Floats:
    """Give the Hellinger distance of shares, from 0 to 1.

    Parameters
    ----------
    p, q : ndarray of float64, shape (..., cells)

    References
    ----------
    .. [1] Hellinger (1909), J. reine angew. Math. 136, 210-271.

    Examples
    --------
    >>> round(float(hellinger(*smoothed_shares([90, 10], [10, 90]))), 4)
    0.6242
    """
    return np.asarray(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(-1) / 2.0))


def psi(p: Floats, q: Floats) -> Floats:
    """Give the population stability index of shares, `sum (p - q) ln(p / q)`.

    Parameters
    ----------
    p, q : ndarray of float64, shape (..., cells)

    References
    ----------
    .. [1] Jeffreys (1946), Proc. R. Soc. A 186, 453-461: the symmetric divergence.

    Examples
    --------
    >>> round(float(psi(*smoothed_shares([90, 10], [10, 90]))), 4)
    3.4122
    """
    return np.asarray((rel_entr(p, q) + rel_entr(q, p)).sum(-1))


COUNT_DISTANCES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "jensen_shannon": jensen_shannon,
    "hellinger": hellinger,
    "psi": psi,
}


class CommonCells(NamedTuple):
    """Rows a cell of a window and of a baseline, neither empty, and how far each cell's share may be off."""

    window: Floats
    baseline: Floats
    errors: ShareErrors = EXACT


def count_distances(
    names: Sequence[str], pairs: Sequence[CommonCells], rng: np.random.Generator
) -> list[dict[str, Distance]]:
    """Compare pairs of samples by their counts, beside what samples of this size differ by anyway.

    Parameters
    ----------
    names : sequence of str
        Some of `COUNT_DISTANCES`.
    pairs : sequence of CommonCells
        Of many columns: those of equally many cells are compared at once.
    rng : numpy.random.Generator
        Draws pairs of samples without drift, from the pooled shares.

    Returns
    -------
    list of dict of str to Distance
        Of each pair, in the order of the names.

    Notes
    -----
    **Method.** Shares with half a row added to each cell (`smoothed_shares`).

    **Error.** `expected` is a mean of 32 draws: its standard error is a sixth of the distance's own spread. `error`
    bounds, at 99 %, how far the counts' errors move the distance, each cell's share off by a normal of its own; an
    expansion to second order, for errors small beside the shares.
    """
    found: list[dict[str, Distance]] = [{} for _ in pairs]
    by_cells: dict[int, list[int]] = {}
    for i, pair in enumerate(pairs):
        by_cells.setdefault(len(pair.window), []).append(i)
    for places in by_cells.values():
        compared = _alike([pairs[i] for i in places], rng)
        for name in names:
            for i, distance in zip(places, compared(name), strict=True):
                found[i][name] = distance
    return found


def _alike(pairs: Sequence[CommonCells], rng: np.random.Generator) -> Callable[[str], Iterator[Distance]]:
    """Draw for pairs that are counted in equally many cells; gives what measures a distance of each."""
    a, b = (np.array([pair[side] for pair in pairs], float)[:, None] for side in (0, 1))
    n, m = (np.rint(counts.sum(-1)).astype(np.int64) for counts in (a, b))
    pooled = a + b
    pooled /= pooled.sum(-1, keepdims=True)
    # The samples themselves, and after them pairs without drift.
    without_drift = [rng.multinomial(rows, pooled, (len(pairs), _DRAWS)) for rows in (n, m)]
    p, q = smoothed_shares(*(np.concatenate(both, axis=1) for both in zip((a, b), without_drift, strict=True)))
    sigmas = [_sigma([pair.errors[side] for pair in pairs], p[:, 0].shape) for side in (0, 1)]

    def compare(name: str) -> Iterator[Distance]:
        values = COUNT_DISTANCES[name](p, q)
        errors = (_psi_error if name == "psi" else _metric_error)(p[:, 0], q[:, 0], *sigmas)
        return map(Distance, values[:, 0].tolist(), values[:, 1:].mean(-1).tolist(), errors.tolist())

    return compare


def _sigma(bounds: Sequence[ArrayLike], shape: tuple[int, ...]) -> Floats:
    """Standard deviations that bounds at 99 % stand for."""
    return np.array([np.broadcast_to(np.asarray(bound, float), shape[1:]) for bound in bounds]) / _TWO_SIDED_99


def _metric_error(p: Floats, q: Floats, sigma_p: Floats, sigma_q: Floats) -> Floats:
    """Bound the square root of `sum d^2 / 8 p`, what errors d of the shares p are away from none, on either side."""
    return _moved(p, sigma_p) + _moved(q, sigma_q)


def _moved(share: Floats, sigma: Floats) -> Floats:
    sigma = np.where(share > 0, sigma, 0.0)
    # However small the share, a cell adds no more than half of its error.
    squares = np.minimum(sigma**2 / (8.0 * np.where(share > 0, share, 1.0)), sigma / 2.0)
    return np.asarray(np.sqrt(squares.sum(-1) * _excess(np.count_nonzero(sigma, axis=-1))))


def _psi_error(p: Floats, q: Floats, sigma_p: Floats, sigma_q: Floats) -> Floats:
    cells = p > 0
    p, q = np.where(cells, p, 1.0), np.where(cells, q, 1.0)
    total, curved = np.zeros(len(p)), np.zeros(len(p))
    for of_cells, mine, other in ((sigma_p, p, q), (sigma_q, q, p)):
        sigma = np.where(cells, of_cells, 0.0)
        slope = np.log(mine / other) + 1.0 - other / mine
        total += (slope**2 * sigma**2).sum(-1)
        bend = (sigma**2 * (1.0 / mine + other / mine**2)).sum(-1) / 2.0
        curved += bend * _excess(np.count_nonzero(sigma, axis=-1))
    return np.asarray(_TWO_SIDED_99 * np.sqrt(total) + curved)


def _excess(cells: NDArray[np.intp]) -> Floats:
    """The 99 % quantile of a mean of so many squared standard normals; 0 of none."""
    return np.where(cells > 0, chdtri(np.maximum(cells, 1), 0.01) / np.maximum(cells, 1), 0.0)
