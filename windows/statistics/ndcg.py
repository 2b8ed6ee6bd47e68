# SPDX-License-Identifier: Apache-2.0
"""How far the ranking of the features by importance, and their shares of it, are from the baseline's."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from windows.statistics.half_samples import half_sample_estimate, half_samples
from windows.statistics.intervals import UNDEFINED, Estimate

_FEWEST_GROUPS = 8


def ndcg(baseline: ArrayLike, live: ArrayLike) -> float:
    """Score the live ranking of features by how early it lists what was important in the baseline.

    Parameters
    ----------
    baseline, live : array_like of float, shape (F,)
        Importances of the same features, such as mean absolute attributions; of signed ones the size counts.

    Returns
    -------
    float
        In (0, 1], 1 for the same ranking; NaN if nothing was important in the baseline. Features that are equally
        important live keep the order they are given in.

    Notes
    -----
    **Method.** `sum a(f'_i) / log2(i + 1)` over the live ranking f' by the same sum over the baseline's own ranking,
    where a is the baseline's importance. Only ranks count: see `share_change` for the rest.

    References
    ----------
    .. [1] Nigenda et al. (2022), Amazon SageMaker Model Monitor, arXiv:2111.13657, section 4.4.

    Examples
    --------
    >>> round(ndcg([0.70, 0.50, 0.05], [0.10, 0.20, 0.70]), 10)
    0.6876396241
    """
    was, now = np.abs(np.asarray(baseline, float)), np.abs(np.asarray(live, float))
    return float(_scores(was, now[None])[0])


def _scores(was: NDArray[np.float64], rankings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score several live importances, shape (R, F), at once."""
    discounts = 1.0 / np.log2(np.arange(2, len(was) + 2))
    ideal = float((np.sort(was)[::-1] * discounts).sum())
    if ideal == 0.0:
        return np.full(len(rankings), np.nan)
    order = np.argsort(-rankings, axis=1, kind="stable")
    return np.asarray((was[order] * discounts).sum(axis=1) / ideal)


def share_change(baseline: ArrayLike, live: ArrayLike) -> float:
    """Sum what the features' shares of all importance changed by, which sees what no ranking does.

    Parameters
    ----------
    baseline, live : array_like of float, shape (F,)
        Importances of the same features.

    Returns
    -------
    float
        From 0 to 2; NaN if one side has no importance at all.

    Examples
    --------
    >>> round(share_change([0.70, 0.50, 0.05], [0.70, 0.05, 0.50]), 6), share_change([2.0, 1.0], [4.0, 2.0])
    (0.72, 0.0)
    """
    was, now = np.abs(np.asarray(baseline, float)), np.abs(np.asarray(live, float))
    if not (was.any() and now.any()):
        return math.nan
    return float(np.abs(now / now.sum() - was / was.sum()).sum())


def ndcg_estimate(baseline: ArrayLike, rows: ArrayLike, absolute: ArrayLike) -> Estimate:
    """Score a window's mean absolute attributions, with an interval.

    Parameters
    ----------
    baseline : array_like of float, shape (F,)
        Importances.
    rows, absolute : array_like, shape (F, G)
        Per feature and group of rows, how many attributions there are and the sum of their sizes.

    Returns
    -------
    Estimate
        In [0, 1]; undefined where the baseline or the window has no importance at all, without an interval (NaN) where
        the rows are in fewer than eight groups.

    Notes
    -----
    **Error.** The interval is of the window alone, by half-samples of its groups; the baseline is taken as it is.

    Examples
    --------
    >>> rows = np.full((2, 8), 10)
    >>> estimate = ndcg_estimate([0.7, 0.5], rows, [np.arange(2.0, 10.0), np.full(8, 5.0)])
    >>> round(estimate.value, 6), estimate.n, estimate.low < estimate.value
    (1.0, 80, True)
    """
    was = np.abs(np.asarray(baseline, float))
    counts, sums = np.asarray(rows, float), np.asarray(absolute, float)
    if not (was.any() and sums.any()):
        return UNDEFINED
    chosen = half_samples(counts.shape[1]).T.astype(float)
    chosen = np.column_stack((np.ones(len(chosen)), chosen))
    held = counts @ chosen
    means = np.divide(sums @ chosen, held, out=np.zeros_like(held), where=held > 0)
    value, *halves = _scores(was, means.T).tolist()
    if np.count_nonzero(counts.max(axis=0)) < _FEWEST_GROUPS:
        halves = [math.nan]
    return half_sample_estimate(value, halves, int(counts.sum(axis=1).max()), bounds=(0.0, 1.0))
