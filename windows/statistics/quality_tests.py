# SPDX-License-Identifier: Apache-2.0
"""One-sided tests: whether a metric is worse in a window than in the baseline."""

from __future__ import annotations

import math

from scipy.special import logit, ndtr

from sketches.binary import BinaryQualityState
from windows.statistics.auc import auc
from windows.statistics.binary_metrics import BETAS, Cells, f_beta
from windows.statistics.losses import LOSSES, loss_pvalue
from windows.statistics.tail import failure_pvalue

_MIN_CLASS = 5
TWINS = {
    "true_positive_rate": "recall",
    "false_negative_rate": "recall",
    "false_positive_rate": "true_negative_rate",
}
"""Metrics that say the same as another; the same hypothesis is tested once."""


def quality_pvalue(metric: str, window: BinaryQualityState, baseline: BinaryQualityState) -> float | None:
    """Probability of a metric at least so bad in a window that is as good as the baseline.

    Parameters
    ----------
    metric : str
        A metric that is not a twin of another.
    window, baseline : BinaryQualityState
        The two samples.

    Returns
    -------
    float or None
        None where the metric is undefined in either sample, or an AUC would rest on fewer than five rows of a class.

    Notes
    -----
    **Method.** Rates, and F1 through TP / (TP + FN + FP): beta-binomial tail of the failures. F0.5, F2 and AUC: z of
    the difference on the logit scale, the larger p-value of Wald's test and the score test. Losses: `loss_pvalue`.
    """
    if metric == "auc":
        return _auc_pvalue(window, baseline)
    if metric in LOSSES:
        return loss_pvalue(metric, window.losses, baseline.losses)
    return cells_pvalue(metric, Cells(*window.cells), Cells(*baseline.cells))


def cells_pvalue(metric: str, now: Cells, was: Cells) -> float | None:
    """Do what `quality_pvalue` does, for a metric of confusion cells.

    Examples
    --------
    >>> round(cells_pvalue("recall", Cells(80, 20, 0, 100), Cells(900, 100, 0, 1_000)), 6)
    0.003332
    """
    if metric in {"f0_5", "f2"}:
        return _f_pvalue(BETAS[metric], now, was)
    (failures, n), (baseline_failures, m) = _failures(metric, now), _failures(metric, was)
    return failure_pvalue(failures, n, baseline_failures, m) if n and m else None


def _failures(metric: str, cells: Cells) -> tuple[int, int]:
    """Failing rows and rows that the metric is a share of."""
    tp, fn, fp, tn = cells
    return {
        "accuracy": (fn + fp, cells.n),
        "recall": (fn, tp + fn),
        "true_negative_rate": (fp, tn + fp),
        "precision": (fp, tp + fp),
        "f1": (fn + fp, tp + fn + fp),
    }[metric]


def _f_pvalue(beta: float, now: Cells, was: Cells) -> float | None:
    if not (now.tp + now.fn + now.fp) or not (was.tp + was.fn + was.fp):
        return None
    # Half a row in every cell keeps value and deviation away from 0 and 1 (Haldane, Anscombe).
    a, b = (f_beta(Cells(*(2 * cell + 1 for cell in cells)), beta) for cells in (now, was))
    own, baseline = math.sqrt(2.0) * a.sd, math.sqrt(2.0) * b.sd
    return worse(a.value, (own, baseline * math.sqrt(b.n / a.n)), b.value, baseline)


def _auc_pvalue(window: BinaryQualityState, baseline: BinaryQualityState) -> float | None:
    counts = window.score_counts
    negatives, positives = (int(of_class.sum()) for of_class in counts)
    if min(negatives, positives) < _MIN_CLASS:
        return None
    now, was = auc(*counts).estimate, auc(*baseline.score_counts)
    if not was.estimate.defined or not 0.0 < was.estimate.value < 1.0:
        return None
    if now.value >= 1.0:
        return 1.0
    # Scores that are all in the wrong order have no logit; half a pair right stands in for none.
    value = now.value if now.value > 0.0 else 0.5 / (negatives * positives)
    expected = math.sqrt(was.spread[0] / negatives + was.spread[1] / positives)
    return worse(value, (now.sd, expected), was.estimate.value, was.estimate.sd)


def worse(value: float, deviations: tuple[float, float], baseline: float, baseline_sd: float) -> float:
    """Give the lower tail of z on the logit scale, by the larger p-value of two deviations of the window's value.

    Parameters
    ----------
    value : float
        Of the window, strictly between 0 and 1, like the baseline's.
    deviations : tuple of float
        The window's own standard deviation, and the one expected of a window that is as good as the baseline.
    baseline, baseline_sd : float
        Value and standard deviation.

    Notes
    -----
    The window's own deviation is on the value's side of the null hypothesis, the one expected of a window as good as
    the baseline on the other: each alone alarms too often for some cells.

    Examples
    --------
    >>> round(worse(0.8, (0.03, 0.02), 0.9, 0.003), 6)
    0.000154
    """
    difference = float(logit(value)) - float(logit(baseline))
    spreads = (
        math.hypot(deviations[0] / (value * (1.0 - value)), baseline_sd / (baseline * (1.0 - baseline))),
        math.hypot(deviations[1], baseline_sd) / (baseline * (1.0 - baseline)),
    )
    if not all(spreads):
        return 1.0 if difference >= 0.0 else 0.0
    return max(float(ndtr(difference / spread)) for spread in spreads)
