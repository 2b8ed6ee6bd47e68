# SPDX-License-Identifier: Apache-2.0
"""A worker in every kind of trouble, as far as its metrics tell."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from stream.metrics.metrics import Metrics
from topics.batches import Rejected
from windows.events import Counted
from windows.report import Report, Verdict, Violation

HOUR = 3_600_000
NAMES = ("adult", "1")
FACET = {"facet": "personal_status_sex", "facet_value": "A92"}


def verdict(subject: str, check: str, statistic: str, value: float, threshold: float, **fields: Any) -> Verdict:
    """A calibrated verdict with everything that a gauge shows."""
    shown = {"outcome": "ok", "error": 0.01, "pvalue": 0.4, "interval": (0.9 * value, 1.1 * value)} | fields
    return Verdict(subject, check, "calibrated", statistic=statistic, value=value, threshold=threshold, **shown)


VERDICTS = {
    "data_drift": (
        verdict("age", "baseline_drift_check", "ks", 0.3, 0.05, pvalue=1e-9, outcome="violation"),
        verdict("age", "psi_check", "psi", 0.25, 0.2, outcome="violation"),
    ),
    "data_quality": (verdict("stray", "extra_column_check", "share", 0.5, 0.01, outcome="violation"),),
    "model_quality": (
        verdict("recall", "LessThanThreshold", "recall", 0.7, 0.6),
        verdict("accuracy", "LessThanThreshold", "accuracy", 0.8, 0.7),
    ),
    "bias": (verdict("DPL personal_status_sex=A92", "bias_drift_check", "DPL", 0.3, 0.1, **FACET),),
    "attribution_drift": (
        verdict("label0", "feature_attribution_drift_check", "ndcg", 0.8, 0.9, outcome="violation"),
        verdict("attributions.age", "baseline_drift_check", "ks", 0.3, 0.05, outcome="violation"),
    ),
    "embedding_drift": (verdict("text", "embedding_drift_check", "mean_shift", 0.3, 0.05, outcome="violation"),),
}
WARNED = verdict("age", "baseline_drift_check", "e_value", 5_000.0, 100.0, outcome="early_warning")


def unwell(metrics: Metrics, turn: int) -> None:
    """Feed what a worker in every kind of trouble would count in a fraction of a second."""
    times, rows = (turn * HOUR, (turn + 1) * HOUR), {"rows": 1_000, "labelled": 400, "late": 3}
    rows |= {"partitions": 4, "partitions_closed": 4}
    # Before the reports: no scrape finds the last window's warning gone and this one's not there.
    later = ((turn + 1) * HOUR, (turn + 2) * HOUR)
    metrics.violation(Violation("early_warning", *NAMES, "data_drift", *later, 0, WARNED))
    for monitor, verdicts in VERDICTS.items():
        metrics.report(Report(*NAMES, monitor, *times, 1, True, "Completed", "1", "0", **rows, verdicts=verdicts))
    by_count = {"verdicts": VERDICTS["model_quality"], "last_rows": 100}
    metrics.report(Report(*NAMES, "model_quality", *times, 1, True, "Completed", "1", "0", **rows, **by_count))
    metrics.report(Report(*NAMES, "custom", *times, 1, True, "Failed", "1", "0", **rows))
    drift, *_ = VERDICTS["data_drift"]
    metrics.violation(Violation("violation", *NAMES, "data_drift", *times, 1, drift))
    metrics.ingested(*NAMES, "events", 100)
    metrics.ingested("adult", None, "labels", 40)
    metrics.lateness("adult", 0, turn * HOUR + np.random.default_rng(turn).integers(0, 100_000, 100))
    metrics.rejected(Rejected("in", 0, turn, "bad_time", "", 5, "", 9, "adult"))
    for reason in ("late", "unknown_model", "pending_dropped"):
        metrics.counted(Counted(reason, "adult" if reason != "unknown_model" else f"stranger-{turn}", 20))
    metrics.forwarded(2)
    metrics.lag("in", 0, 200_000)
    metrics.pending(0, 600, 20)
    metrics.checkpointed(0, 0.02, 21, 12_000, time.time() - 600)
    metrics.recovered(0, 0.5)
