# SPDX-License-Identifier: Apache-2.0
"""Distances between the labels of two groups of people, over any number of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[Any]
"""Real, or complex where a derivative is taken by a complex step."""


def kullback_leibler(p_a: ArrayLike, p_d: ArrayLike) -> Floats:
    """Divergence of the facet's labels from its complement's, sum of p_a ln(p_a / p_d).

    Parameters
    ----------
    p_a, p_d : array_like of float, shape (..., K)
        Share of each class among the complement and among the facet.

    Returns
    -------
    ndarray of float64, shape (...)
        In nats; NaN if no class came in both groups. Here as in the functions below, classes that came in one group
        only are left out and the others not scaled up, as the managed monitor's library does: so it can be negative.

    Examples
    --------
    >>> round(float(kullback_leibler([0.4, 0.6], [1.0, 0.0])), 6)
    -0.366516
    """
    p_a, p_d, shared = _shared(p_a, p_d)
    terms = p_a * np.log(np.where(shared, p_a, 1.0) / np.where(shared, p_d, 1.0))
    return _total(terms, shared)


def jensen_shannon(p_a: ArrayLike, p_d: ArrayLike) -> Floats:
    """Mean divergence of both groups from their middle.

    Examples
    --------
    >>> round(float(jensen_shannon([0.4, 0.6], [1.0, 0.0])), 12)
    0.066414314382
    """
    p_a, p_d, shared = _shared(p_a, p_d)
    middle = np.where(shared, (p_a + p_d) / 2, 1.0)
    a, d = (p * np.log(np.where(shared, p, 1.0) / middle) for p in (p_a, p_d))
    return _total((a + d) / 2, shared)


def l_p(p_a: ArrayLike, p_d: ArrayLike) -> Floats:
    """Euclidean distance of the shares.

    Examples
    --------
    >>> float(l_p([0.4, 0.6], [1.0, 0.0]))
    0.6
    """
    p_a, p_d, shared = _shared(p_a, p_d)
    return np.sqrt(_total((p_a - p_d) ** 2, shared))


def total_variation(p_a: ArrayLike, p_d: ArrayLike) -> Floats:
    """Half the sum of the differences of the shares.

    Examples
    --------
    >>> float(total_variation([0.5, 0.5], [0.25, 0.75]))
    0.25
    """
    p_a, p_d, shared = _shared(p_a, p_d)
    return _total(_absolute(p_a - p_d) / 2, shared)


def largest_difference(p_a: ArrayLike, p_d: ArrayLike) -> Floats:
    """The largest difference of the shares, which reports call KS.

    Examples
    --------
    >>> float(largest_difference([0.5, 0.5], [0.25, 0.75]))
    0.25
    """
    p_a, p_d, shared = _shared(p_a, p_d)
    differences = _absolute(p_a - p_d)
    largest = np.take_along_axis(differences, differences.real.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.where(shared.any(axis=-1), largest, math.nan)


def _shared(p_a: ArrayLike, p_d: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Set the shares of classes that are not in both groups to zero."""
    a, d = np.asarray(p_a), np.asarray(p_d)
    shared = (a.real > 0) & (d.real > 0)
    return np.where(shared, a, 0.0), np.where(shared, d, 0.0), shared


def _absolute(x: Floats) -> Floats:
    """Change the sign where it is negative, which has a complex derivative."""
    return np.where(x.real < 0, -x, x)


def _total(terms: Floats, shared: NDArray[np.bool_]) -> Floats:
    return np.where(shared.any(axis=-1), terms.sum(axis=-1), math.nan)
