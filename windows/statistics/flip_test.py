# SPDX-License-Identifier: Apache-2.0
"""The flip test: whether people of the facet would be predicted otherwise if they were outside it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from windows.statistics.intervals import Estimate, Z

_NEIGHBOURS, _FEW = 5, 9


def flip_test(rows: ArrayLike, predicted: ArrayLike, facet: ArrayLike) -> Estimate:
    """Compare each prediction of the facet with that of its nearest neighbours outside the facet.

    Parameters
    ----------
    rows : array_like of float, shape (n, k)
        Numeric features, the facet itself not among them.
    predicted : array_like of bool, shape (n,)
        Whether the prediction is positive.
    facet : array_like of bool, shape (n,)
        Whether a row is of the facet.

    Returns
    -------
    Estimate
        (accepted where the neighbours are rejected - rejected where they are accepted) / rows of the facet; the
        deviation is over the rows of the facet, the neighbours taken as given. `n` counts the rows of the facet.

    Raises
    ------
    ValueError
        If a side has no rows, or a value is not finite.

    Notes
    -----
    **Method.** The majority of 5 neighbours by Euclidean distance, of 1 if no more than 9 rows are outside the facet.
    The sign is that of the managed monitor's code; its documentation has the opposite one. Which of equally near
    neighbours counts is not defined there.

    References
    ----------
    .. [1] Black, Yeom, Fredrikson (2020), FlipTest, doi:10.1145/3351095.3372845.

    Examples
    --------
    >>> flip_test([[0.0], [1.0], [0.1], [0.9]], [True, False, False, False], [False, False, True, True]).value
    -0.5
    """
    points, accepted, d = np.asarray(rows, float), np.asarray(predicted, bool), np.asarray(facet, bool)
    if not d.any() or d.all():
        msg = "the facet is empty" if not d.any() else "the complement of the facet is empty"
        raise ValueError(msg)
    if not np.isfinite(points).all():
        msg = "expected finite numbers in every row of the flip test"
        raise ValueError(msg)
    neighbours = _NEIGHBOURS if np.count_nonzero(~d) > _FEW else 1
    _, nearest = cKDTree(points[~d]).query(points[d], k=neighbours)
    votes = accepted[~d][np.asarray(nearest).reshape(-1, neighbours)]
    flips = accepted[d].astype(int) - (2 * votes.sum(axis=1) > neighbours).astype(int)
    return _mean(flips)


def _mean(flips: NDArray[np.int_]) -> Estimate:
    value, n = float(flips.mean()), len(flips)
    sd = float(flips.std()) / math.sqrt(n)
    return Estimate(value, sd, max(-1.0, value - Z * sd), min(1.0, value + Z * sd), n)
