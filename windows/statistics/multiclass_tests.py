# SPDX-License-Identifier: Apache-2.0
"""One-sided tests: whether a classifier of many classes is worse in a window than on the baseline."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sketches.multiclass import MulticlassQualityState
from windows.statistics.losses import LOSSES, loss_pvalue
from windows.statistics.multiclass_metrics import WEIGHTED, against_others, weighted_f
from windows.statistics.quality_tests import cells_pvalue, worse
from windows.statistics.tail import failure_pvalue

MULTICLASS_TWINS = {"weighted_recall": "accuracy"}
"""Metrics that say the same as another; the same hypothesis is tested once."""
_ENOUGH = 5.0

Matrix = NDArray[np.int64]


def multiclass_pvalue(metric: str, window: MulticlassQualityState, baseline: MulticlassQualityState) -> float | None:
    """Probability of a metric at least so bad in a window that is as good as the baseline.

    Parameters
    ----------
    metric : str
        `accuracy`, one of `WEIGHTED` or of `LOSSES`, or a metric of one class, such as `recall.cat`.
    window, baseline : MulticlassQualityState
        The two samples.

    Returns
    -------
    float or None
        None where the metric is undefined in either sample; for losses also where their declared classes differ.

    Notes
    -----
    **Method.** Accuracy: beta-binomial tail of the failures. Weighted metrics: z of the difference on the logit scale,
    the larger p-value of Wald's test and the score test. A class that less than five rows are expected of, by the
    baseline's share, tells more of chance than of the model, and biases its metric; such classes count together, in
    both samples. Losses: `loss_pvalue`; metrics of one class: `cells_pvalue`.

    **Error.** At most 1.25 times the level (tests/statistical/test_multiclass.py).

    Examples
    --------
    >>> from sketches import MulticlassQualitySpec
    >>> window, baseline = MulticlassQualitySpec().empty(), MulticlassQualitySpec().empty()
    >>> window.cells = {("cat", "cat"): 80, ("cat", "dog"): 20, ("dog", "dog"): 100}
    >>> baseline.cells = {("cat", "cat"): 900, ("cat", "dog"): 100, ("dog", "dog"): 1_000}
    >>> round(multiclass_pvalue("accuracy", window, baseline), 6)
    0.00439
    """
    if metric in LOSSES:
        # Losses over other classes are other losses.
        alike = set(window.spec.classes) == set(baseline.spec.classes)
        return loss_pvalue(metric, window.losses, baseline.losses) if alike else None
    classes, now, was = _aligned(window, baseline)
    n, m = int(now.sum()), int(was.sum())
    if not n or not m:
        return None
    if metric == "accuracy":
        return failure_pvalue(n - int(np.trace(now)), n, m - int(np.trace(was)), m)
    if metric in WEIGHTED:
        return _weighted_pvalue(WEIGHTED[metric], now, was)
    of_class, _, name = metric.partition(".")
    i = classes.index(name)
    return cells_pvalue(of_class, against_others(now, i), against_others(was, i))


def _aligned(window: MulticlassQualityState, baseline: MulticlassQualityState) -> tuple[list[str], Matrix, Matrix]:
    """Give the classes of both, and both confusion matrices over them."""
    classes = list(dict.fromkeys((*baseline.classes, *window.classes)))
    place = {name: i for i, name in enumerate(classes)}
    matrices = []
    for state in (window, baseline):
        at = np.array([place[name] for name in state.classes], dtype=np.int64)
        matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
        matrix[np.ix_(at, at)] = state.confusion
        matrices.append(matrix)
    return classes, matrices[0], matrices[1]


def _weighted_pvalue(beta: float, now: Matrix, was: Matrix) -> float:
    n, m = int(now.sum()), int(was.sum())
    groups = _groups(was, n)
    window, baseline = (weighted_f(cells, beta, groups) for cells in (now, was))
    if int(np.trace(now)) == n:
        return 1.0
    # Half a row right, or half a row wrong, stands in for none, which has no logit.
    value = max(window.value, 0.5 / (n + 1.0))
    was_value = min(max(baseline.value, 0.5 / (m + 1.0)), 1.0 - 0.5 / (m + 1.0))
    sd = baseline.sd if was_value == baseline.value else math.sqrt(was_value * (1.0 - was_value) / m)
    return worse(value, (window.sd, sd * math.sqrt(m / n)), was_value, sd)


def _groups(was: Matrix, n: int) -> NDArray[np.int64]:
    """Number the classes; those with few rows, in the smaller sample by the baseline's share, share the number 0."""
    share = min(n / int(was.sum()), 1.0)
    enough = np.minimum(was.sum(0), was.sum(1)) * share >= _ENOUGH
    return np.where(enough, np.cumsum(enough), 0)
