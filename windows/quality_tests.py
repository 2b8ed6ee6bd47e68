# SPDX-License-Identifier: Apache-2.0
"""One-sided tests: whether a metric is worse in a window than in the baseline."""

from __future__ import annotations

import math

from scipy.special import logit, ndtr

from sketches.binary import BinaryQualityState
from windows.auc import auc
from windows.binary_metrics import BETAS, Cells, f_beta
from windows.tail import failure_pvalue

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
    the difference on the logit scale with both standard deviations, cells half a row apart from zero.
    """
    if metric == "auc":
        return _auc_pvalue(window, baseline)
    now, was = Cells(*window.cells), Cells(*baseline.cells)
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
    return _worse(a.value, a.sd * math.sqrt(2.0), b.value, b.sd * math.sqrt(2.0))


def _auc_pvalue(window: BinaryQualityState, baseline: BinaryQualityState) -> float | None:
    a, b = auc(*window.score_counts).estimate, auc(*baseline.score_counts).estimate
    if min(counts.sum() for counts in window.score_counts) < _MIN_CLASS:
        return None
    if not a.defined or not b.defined or not 0.0 < b.value < 1.0:
        return None
    if a.value >= b.value:
        return 1.0 if a.value >= 1.0 else _worse(a.value, a.sd, b.value, b.sd)
    # Perfectly wrong scores have no logit; the interval's bound stands in for the value.
    value = a.value if a.value > 0.0 else a.high
    sd = a.sd if a.sd > 0.0 else (a.high - a.low) / 4.0
    return _worse(value, sd, b.value, b.sd)


def _worse(value: float, sd: float, baseline: float, baseline_sd: float) -> float:
    scales = (sd / (value * (1.0 - value)), baseline_sd / (baseline * (1.0 - baseline)))
    spread = math.hypot(*scales)
    if spread == 0.0:
        return 1.0 if value >= baseline else 0.0
    return float(ndtr((float(logit(value)) - float(logit(baseline))) / spread))
