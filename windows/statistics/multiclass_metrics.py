# SPDX-License-Identifier: Apache-2.0
"""Metrics of a classifier of many classes from its confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from windows.statistics.binary_metrics import BETAS, Cells, f_beta, from_resamples
from windows.statistics.intervals import UNDEFINED, Estimate, on_logit_scale, proportion
from windows.statistics.paper_procedure import paper_estimate, thinned_counts

Matrix = NDArray[np.int64]
Floats = NDArray[np.float64]
WEIGHTED = {"weighted_precision": 0.0} | {f"weighted_{name}": beta for name, beta in BETAS.items()}
"""Weighted metrics by their beta: precision is F-beta with no weight on recall."""
MULTICLASS_METRICS = ("accuracy", "weighted_recall", *WEIGHTED)
_RESAMPLES_AT_ONCE = 100


def closed_form(confusion: Matrix) -> dict[str, Estimate]:
    """Estimate every metric of all classes with its standard deviation and interval in closed form.

    Parameters
    ----------
    confusion : ndarray of int64, shape (K, K)
        Rows by actual (first axis) and predicted class.

    Returns
    -------
    dict of str to Estimate
        In the order of `MULTICLASS_METRICS`; undefined without rows.

    Notes
    -----
    **Method.** A weighted metric is the mean of its classes' values, each with the weight of its actual rows; a class
    that was never predicted has precision 0. Weighted recall is accuracy, and has Wilson's interval; the others the
    delta method with the gradient in closed form, on the logit scale.

    **Error.** Coverage 93-97 % from 200 rows on for ten classes of some rows each
    (tests/statistical/test_multiclass.py); with classes of a few rows a weighted metric is biased downwards.

    References
    ----------
    .. [1] Sokolova, Lapalme (2009), Information Processing & Management 45(4), 427-437.

    Examples
    --------
    >>> estimates = closed_form(np.array([[1180, 510], [268, 138]]))
    >>> round(estimates["accuracy"].value, 12), round(estimates["weighted_f1"].value, 12)
    (0.628816793893, 0.657116234666)
    """
    recall = proportion(int(np.trace(confusion)), int(confusion.sum()))
    weighted = {name: weighted_f(confusion, beta) for name, beta in WEIGHTED.items()}
    return {"accuracy": recall, "weighted_recall": recall, **weighted}


def weighted_f(confusion: Matrix, beta: float, groups: ArrayLike | None = None) -> Estimate:
    """Estimate the weighted mean of F-beta over the classes.

    Parameters
    ----------
    confusion : ndarray, shape (K, K)
        Rows, or any weights, by actual and predicted class.
    beta : float
        Weight of recall; 0 for precision.
    groups : array_like of int, shape (K,), optional
        Number of the group of each class, from 0: classes of one group count together, as if their F-beta were one
        metric, right only where the very class is right.

    Examples
    --------
    >>> round(weighted_f(np.array([[8, 2], [4, 6]]), 1.0).value, 12)
    0.69696969697
    """
    cells = confusion.astype(float)
    n = float(cells.sum())
    if n <= 0.0:
        return UNDEFINED
    group = np.arange(len(cells)) if groups is None else np.asarray(groups)
    actual, predicted, right = (
        np.bincount(group, weights=each).astype(float) for each in (cells.sum(1), cells.sum(0), np.diagonal(cells))
    )
    value = float(_weighted(actual, predicted, right, beta))
    slope = _gradient(actual, predicted, right, beta)
    gradient = slope[0][group][:, None] + slope[1][group] + np.diag(slope[2][group]) - value / n
    # The metric is unchanged when all cells grow alike, so the gradient is orthogonal to the cells and Var = sum g^2 c.
    sd = math.sqrt(float((gradient**2 * cells).sum()))
    rows = round(n)
    if 0.0 < value < 1.0 and sd > 0.0:
        return on_logit_scale(value, sd, rows)
    bound = proportion(round(value * rows), rows)
    return Estimate(value, sd, bound.low, bound.high, rows)


def _weighted(actual: Floats, predicted: Floats, right: Floats, beta: float) -> Floats:
    """Weighted F-beta from the totals by class, shape (..., K)."""
    w = beta * beta
    total = w * actual + predicted
    values = np.divide((1.0 + w) * right, total, out=np.zeros_like(total), where=total > 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = (actual * values).sum(-1) / actual.sum(-1)
    return mean


def _gradient(actual: Floats, predicted: Floats, right: Floats, beta: float) -> tuple[Floats, Floats, Floats]:
    """Derivative of the sum of actual x F-beta over n, by the totals of the actual, predicted and right rows.

    A row in cell (a, b) adds one to actual[a] and predicted[b], and to right[a] if a = b.
    """
    n, w = actual.sum(), beta * beta
    total = w * actual + predicted
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
    values = (1.0 + w) * right * inverse
    share = actual * inverse
    return values * (1.0 - w * share) / n, -values * share / n, (1.0 + w) * share / n


def per_class(confusion: Matrix, classes: Sequence[str]) -> dict[str, dict[str, Estimate]]:
    """Estimate precision, recall and F-beta of each class against all others.

    Parameters
    ----------
    confusion : ndarray of int64, shape (K, K)
        Rows by actual and predicted class.
    classes : sequence of str
        Their K names.

    Returns
    -------
    dict of str to dict of str to Estimate
        By class and metric, of the classes with rows; undefined where a denominator is zero.

    Examples
    --------
    >>> estimates = per_class(np.array([[8, 2], [4, 6]]), ("cat", "dog"))
    >>> estimates["cat"]["recall"].value, round(estimates["dog"]["precision"].value, 6)
    (0.8, 0.75)
    """
    found = {}
    for i, name in enumerate(classes):
        cells = against_others(confusion, i)
        if cells.n > cells.tn:
            found[name] = {
                "precision": proportion(cells.tp, cells.tp + cells.fp),
                "recall": proportion(cells.tp, cells.tp + cells.fn),
                **{metric: f_beta(cells, beta) for metric, beta in BETAS.items()},
            }
    return found


def against_others(confusion: Matrix, i: int) -> Cells:
    """Count the rows of class number `i` as positive, those of all others as negative.

    Examples
    --------
    >>> against_others(np.array([[8, 2], [4, 6]]), 0)
    Cells(tp=8, fn=2, fp=4, tn=6)
    """
    tp, actual, predicted = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
    return Cells(tp, actual - tp, predicted - tp, int(confusion.sum()) - actual - predicted + tp)


def best_constant(confusion: Matrix) -> dict[str, Estimate]:
    """Estimate the metrics of the classifier that predicts the most frequent class for every row.

    Parameters
    ----------
    confusion : ndarray of int64, shape (K, K)
        Rows by actual and predicted class.

    Returns
    -------
    dict of str to Estimate
        In the order of `MULTICLASS_METRICS`, without intervals (NaN); undefined without rows. The standard deviation
        takes the class as given.

    Examples
    --------
    >>> round(best_constant(np.array([[1, 1], [2, 4]]))["weighted_precision"].value, 6)
    0.5625
    """
    return constant_classifier(int(confusion.sum(1).max(initial=0)), int(confusion.sum()))


def constant_classifier(rows: int, n: int) -> dict[str, Estimate]:
    """Estimate the metrics of a classifier that predicts for all of `n` rows a class that `rows` of them have.

    Examples
    --------
    >>> {name: round(estimate.value, 6) for name, estimate in constant_classifier(406, 2096).items() if "f" in name}
    {'weighted_f0_5': 0.044734, 'weighted_f1': 0.062864, 'weighted_f2': 0.105703}
    """
    if not n:
        return dict.fromkeys(MULTICLASS_METRICS, UNDEFINED)
    p = rows / n
    sd = math.sqrt(p * (1.0 - p) / n)

    def estimate(value: float, slope: float) -> Estimate:
        return Estimate(value, slope * sd, math.nan, math.nan, n)

    # The class has weight p and F-beta (1 + w) p / (1 + w p), the others 0.
    weighted = {
        name: estimate((1.0 + w) * p * p / (1.0 + w * p), (1.0 + w) * p * (2.0 + w * p) / (1.0 + w * p) ** 2)
        for name, w in ((name, beta * beta) for name, beta in WEIGHTED.items())
    }
    return {"accuracy": estimate(p, 1.0), "weighted_recall": estimate(p, 1.0), **weighted}


def points(actual: Floats, predicted: Floats, right: Floats) -> dict[str, Floats]:
    """Compute every metric of many confusion matrices at once.

    Parameters
    ----------
    actual, predicted, right : ndarray of float64, shape (..., K)
        Rows by actual class, by predicted class, and those on the diagonal.

    Returns
    -------
    dict of str to ndarray of float64, shape (...)
        NaN without rows.

    Examples
    --------
    >>> totals = np.array([[10.0, 10.0], [12.0, 8.0], [8.0, 6.0]])
    >>> float(points(*totals)["accuracy"])
    0.7
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy: Floats = right.sum(-1) / actual.sum(-1)
    weighted = {name: _weighted(actual, predicted, right, beta) for name, beta in WEIGHTED.items()}
    return {"accuracy": accuracy, "weighted_recall": accuracy, **weighted}


def bootstrap(confusion: Matrix, rng: np.random.Generator, resamples: int = 1_000) -> dict[str, Estimate]:
    """Estimate every metric of all classes by resampling the cells: a cross-check of the closed forms.

    Parameters
    ----------
    confusion : ndarray of int64, shape (K, K)
        Rows by actual and predicted class.
    rng : numpy.random.Generator
        Source of the resamples; seed it by model, window and revision so that a replay says the same.
    resamples : int
        Multinomial draws of as many rows as there are.

    References
    ----------
    .. [1] Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> estimate = bootstrap(np.array([[400, 100], [50, 450]]), np.random.default_rng(1))["accuracy"]
    >>> estimate.value, 0.8 < estimate.low < 0.85 < estimate.high < 0.9
    (0.85, True)
    """
    n = int(confusion.sum())
    if not n:
        return dict.fromkeys(MULTICLASS_METRICS, UNDEFINED)
    used = confusion > 0
    draws = (
        rng.multinomial(n, confusion[used] / n, size=min(_RESAMPLES_AT_ONCE, resamples - first))
        for first in range(0, resamples, _RESAMPLES_AT_ONCE)
    )
    resampled = [_resampled_points(used, drawn) for drawn in draws]
    return {
        name: from_resamples(float(value[0]), np.concatenate([drawn[name] for drawn in resampled]), n)
        for name, value in _resampled_points(used, confusion[used][None]).items()
    }


def paper(confusion: Matrix, rng: np.random.Generator) -> dict[str, Estimate]:
    """Estimate every metric of all classes by the procedure of the paper: the spread of five resamples.

    Examples
    --------
    >>> estimate = paper(np.array([[400, 100], [50, 450]]), np.random.default_rng(1))["accuracy"]
    >>> estimate.value, 0.0 < estimate.sd < 0.02
    (0.85, True)
    """
    n = int(confusion.sum())
    if not n:
        return dict.fromkeys(MULTICLASS_METRICS, UNDEFINED)
    used = confusion > 0
    resampled = _resampled_points(used, thinned_counts(confusion[used], rng))
    values = _resampled_points(used, confusion[used][None])
    return {name: paper_estimate(float(values[name][0]), resampled[name], n) for name in MULTICLASS_METRICS}


def _resampled_points(used: NDArray[np.bool_], drawn: Matrix) -> dict[str, Floats]:
    """Metrics of resamples of the cells that are used, shape (resamples, cells)."""
    cells = np.zeros((len(drawn), *used.shape))
    cells[:, used] = drawn
    return points(cells.sum(2), cells.sum(1), np.diagonal(cells, axis1=1, axis2=2))
