# SPDX-License-Identifier: Apache-2.0
"""A worker in every kind of trouble, as far as its metrics tell."""

from __future__ import annotations

import time

import numpy as np

from stream.metrics.metrics import Metrics
from topics.batches import Rejected
from windows.events import Counted
from windows.report import Report, Verdict, Violation

HOUR = 3_600_000
NAMES = ("adult", "1")


def unwell(metrics: Metrics, turn: int) -> None:
    """Feed what a worker in every kind of trouble would count in a fraction of a second."""
    drift = Verdict("age", "baseline_drift_check", "calibrated", "violation", "ks", 0.3, 0.01, 0.05, 1e-9)
    recall = Verdict("recall", "recall", "calibrated", "ok", "recall", 0.7, None, 0.6, 0.4, interval=(0.65, 0.75))
    accuracy = Verdict("accuracy", "accuracy", "calibrated", "ok", "accuracy", 0.8, None, 0.7, 0.4, interval=(0.7, 0.9))
    stray = Verdict("stray", "extra_column_check", "calibrated", "violation", "share", 0.5, None, 0.01)
    times = (turn * HOUR, (turn + 1) * HOUR)
    for monitor, verdicts in (
        ("data_drift", (drift,)),
        ("data_quality", (stray,)),
        ("model_quality", (recall, accuracy)),
    ):
        rows = {"rows": 1_000, "labelled": 400, "late": 3, "partitions": 4, "partitions_closed": 4}
        metrics.report(Report(*NAMES, monitor, *times, 1, True, "Completed", "1", "0", **rows, verdicts=verdicts))
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
