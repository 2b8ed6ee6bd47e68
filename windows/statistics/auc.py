# SPDX-License-Identifier: Apache-2.0
"""Area under the ROC curve, and the curves, from score counts of the two classes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from windows.statistics.binary_metrics import from_resamples
from windows.statistics.intervals import UNDEFINED, Estimate, on_logit_scale, proportion
from windows.statistics.paper_procedure import paper_estimate, thinned_counts

Counts = NDArray[np.int64]
_CURVE_POINTS = 101


class Auc(NamedTuple):
    """An estimate of the area, and what it was made of.

    Attributes
    ----------
    estimate : Estimate
        Value, standard deviation and interval.
    grid_width : float
        Share of pairs of a positive and a negative whose order the bins hide.
    spread : tuple of float
        Variances of one negative's and of one positive's placement among the other class.
    """

    estimate: Estimate
    grid_width: float
    spread: tuple[float, float] = (math.nan, math.nan)


def auc(negatives: Counts, positives: Counts) -> Auc:
    """Estimate the chance that a positive scores above a negative, ties counting half.

    Parameters
    ----------
    negatives, positives : ndarray of int64, shape (bins,)
        Rows of each actual class by score, bins in ascending order of score.

    Returns
    -------
    Auc
        Undefined if a class has no rows.

    Notes
    -----
    **Error.** The value computed from the scores themselves lies within `grid_width / 2`. Coverage of the interval
    93-97 % from 200 rows on (tests/statistical/test_intervals_cover.py).

    **Method.** DeLong's variance on the counts, the interval on the logit scale; with perfect separation the variance
    is zero and Wilson's interval for the smaller class takes its place.

    References
    ----------
    .. [1] DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3), 837-845.

    Examples
    --------
    >>> round(auc(np.array([3, 1, 0]), np.array([0, 1, 3])).estimate.value, 5)
    0.96875
    """
    n_neg, n_pos = int(negatives.sum()), int(positives.sum())
    if not n_neg or not n_pos:
        return Auc(UNDEFINED, math.nan)
    neg, pos = negatives.astype(float), positives.astype(float)
    above = (np.cumsum(neg) - neg / 2) / n_neg
    below = 1.0 - (np.cumsum(pos) - pos / 2) / n_pos
    value = float(pos @ above) / n_pos
    spread = _variance(neg, below - value), _variance(pos, above - value)
    sd = math.sqrt(spread[0] / n_neg + spread[1] / n_pos)
    width = float(pos @ neg) / n_pos / n_neg
    if 0.0 < value < 1.0 and sd > 0.0:
        return Auc(on_logit_scale(value, sd, n_neg + n_pos), width, spread)
    fewer = min(n_neg, n_pos)
    bound = proportion(round(value * fewer), fewer)
    return Auc(Estimate(value, sd, bound.low, bound.high, n_neg + n_pos), width, spread)


def _variance(counts: NDArray[np.float64], deviation: NDArray[np.float64]) -> float:
    return float(counts @ deviation**2) / max(float(counts.sum()) - 1.0, 1.0)


def bootstrap_auc(negatives: Counts, positives: Counts, rng: np.random.Generator, resamples: int = 1_000) -> Auc:
    """Estimate the area by resampling the bins: a slow cross-check of `auc`.

    Parameters
    ----------
    negatives, positives : ndarray of int64, shape (bins,)
        As for `auc`.
    rng : numpy.random.Generator
        Source of the resamples.
    resamples : int
        Multinomial draws of as many rows as there are.

    Examples
    --------
    >>> counts = np.array([400, 300, 200, 100])
    >>> round(bootstrap_auc(counts, counts[::-1], np.random.default_rng(1)).estimate.value, 3)
    0.75
    """
    closed = auc(negatives, positives)
    if not closed.estimate.defined:
        return closed
    used = np.flatnonzero(negatives + positives)
    observed = np.concatenate((negatives[used], positives[used]))
    n = int(observed.sum())
    values = _areas(rng.multinomial(n, observed / n, size=resamples))
    return Auc(from_resamples(closed.estimate.value, values, n), closed.grid_width, closed.spread)


def paper_auc(negatives: Counts, positives: Counts, rng: np.random.Generator) -> Auc:
    """Estimate the area by the procedure of the paper: the spread of five resamples of the bins.

    Parameters
    ----------
    negatives, positives : ndarray of int64, shape (bins,)
        As for `auc`.
    rng : numpy.random.Generator
        Source of the resamples.

    Examples
    --------
    >>> counts = np.array([400, 300, 200, 100])
    >>> estimate = paper_auc(counts, counts[::-1], np.random.default_rng(1)).estimate
    >>> round(estimate.value, 3), 0.0 < estimate.sd < 0.02
    (0.75, True)
    """
    closed = auc(negatives, positives)
    if not closed.estimate.defined:
        return closed
    values = _areas(thinned_counts(np.concatenate((negatives, positives)), rng))
    estimate = paper_estimate(closed.estimate.value, values, closed.estimate.n)
    return Auc(estimate, closed.grid_width, closed.spread)


def _areas(draws: Counts) -> NDArray[np.float64]:
    """Areas of resamples, shape (resamples, 2 x bins): the bins of the negatives, then those of the positives."""
    neg, pos = np.split(draws.astype(float), 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: NDArray[np.float64] = (pos * (np.cumsum(neg, 1) - neg / 2)).sum(1) / neg.sum(1) / pos.sum(1)
    return areas


def curves(negatives: Counts, positives: Counts) -> dict[str, dict[str, list[float]]]:
    """Draw the ROC and precision-recall curves, thinned to about a hundred points.

    Parameters
    ----------
    negatives, positives : ndarray of int64, shape (bins,)
        As for `auc`.

    Returns
    -------
    dict
        `receiver_operating_characteristic_curve` and `precision_recall_curve` of formats 1.7; empty if a class has no
        rows.

    Examples
    --------
    >>> drawn = curves(np.array([3, 1, 0]), np.array([0, 1, 3]))
    >>> drawn["receiver_operating_characteristic_curve"]["true_positive_rates"]
    [0.0, 0.75, 1.0, 1.0]
    """
    n_neg, n_pos = int(negatives.sum()), int(positives.sum())
    if not n_neg or not n_pos:
        return {}
    used = np.flatnonzero(negatives + positives)[::-1]
    false, true = np.cumsum(negatives[used]), np.cumsum(positives[used])
    reached = np.round((false / n_neg + true / n_pos) * (_CURVE_POINTS - 1) / 2)
    kept = np.flatnonzero(np.diff(reached, append=reached[-1] + 1))
    fpr, tpr = false[kept] / n_neg, true[kept] / n_pos
    precision = true[kept] / (true[kept] + false[kept])
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [0.0, *fpr.tolist()],
            "true_positive_rates": [0.0, *tpr.tolist()],
        },
        "precision_recall_curve": {"precisions": [1.0, *precision.tolist()], "recalls": [0.0, *tpr.tolist()]},
    }
