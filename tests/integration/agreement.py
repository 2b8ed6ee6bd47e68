# SPDX-License-Identifier: Apache-2.0
"""Everything that can be read from the topics, compared with the truth: equality throughout, never a tolerance."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from tests.integration.observed import Record, latest, objects, repeated
from tests.integration.partials import Merged, merged_partials
from tests.integration.truth import Truth, Window
from windows.report import iso

MONITORS = ("data_quality", "data_drift", "model_quality")
Judged = tuple[str, str, str, str]


def check_partials(records: list[Record], truth: Truth, partitions: int) -> None:
    """Merge the partial states and compare every count, sum and confusion cell."""
    merged = merged_partials(records, partitions)
    assert set(merged) >= set(truth.windows)
    # The watermark lies a label horizon ahead; the windows up to it are empty.
    assert not any(merged[start_ms].counts["rows"] for start_ms in set(merged) - set(truth.windows))
    for start_ms, window in truth.windows.items():
        check_window(merged[start_ms], window, truth, partitions)


def check_window(found: Merged, window: Window, truth: Truth, partitions: int) -> None:
    """Compare one window's states."""
    assert found.closed == partitions
    counts = {"rows": window.rows, "late": window.late, "duplicates": window.duplicates}
    counts["labelled"] = len(truth.labelled(window))
    assert {name: found.counts[name] for name in counts} == counts
    for name, feature in window.features.items():
        assert found.feature(name) == feature.summary()
    assert found.quality.cells == truth.cells(window)
    for counted, scores in zip(found.quality.score_counts, truth.scores(window), strict=True):
        assert counted.tolist() == np.histogram(scores, found.quality.edges)[0].tolist()


def check_reports(records: list[Record], truth: Truth, partitions: int) -> None:
    """Compare the last report of every window and monitor; none may have come twice."""
    assert repeated([(r["monitor"], r["window"]["start"], r["revision"]) for r in objects(records)]) == {}
    rejected: Counter[str] = Counter()
    for key, value in latest(records).items():
        _, _, start, monitor = key.decode().split("|")
        report, window = json.loads(value), truth.windows.get(int(start), Window())
        assert report["final"]
        assert report["partitions"] == report["partitions_closed"] == partitions
        told = {name: report[name] for name in ("rows", "late", "duplicates", "labelled")}
        counts = {"rows": window.rows, "late": window.late, "duplicates": window.duplicates}
        assert told == counts | {"labelled": len(truth.labelled(window))}
        rejected[monitor] += report["rejected"]
        if monitor == "model_quality":
            tp, fn, fp, tn = truth.cells(window)
            matrix = report["statistics"]["binary_classification_metrics"]["confusion_matrix"]
            assert matrix == {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}
    assert rejected == dict.fromkeys(MONITORS, truth.rejected)


def check_violations(violations: list[Record], reports: list[Record], truth: Truth) -> None:
    """Compare the violations in force with the verdicts of the last reports; none may have come twice."""
    told = objects(violations)
    assert repeated([(v["id"], v["revision"]) for v in told]) == {}
    final = objects([Record(0, 0, key, value, {}) for key, value in latest(reports).items()])
    violated = {
        (report["monitor"], report["window"]["start"], verdict["subject"], verdict["check"])
        for report in final
        for verdict in report["verdicts"]
        if verdict["outcome"] == "violation" and not verdict.get("advisory")
    }
    assert in_force(told) == violated
    every = {(monitor, iso(start_ms)) for monitor in MONITORS for start_ms in truth.windows}
    assert {judged[:2] for judged in violated} >= every, "the traffic should violate its baseline in every window"


def in_force(told: list[dict[str, Any]]) -> set[Judged]:
    """Pick the violations that no later revision took back."""
    newest: dict[Judged, tuple[int, str]] = {}
    for record in told:
        subject = record.get("feature_name", record.get("metric_name", ""))
        judged = record["monitor"], record["window"]["start"], subject, record["constraint_check_type"]
        newest[judged] = max(newest.get(judged, (-1, "")), (record["revision"], record["type"]))
    return {judged for judged, (_, kind) in newest.items() if kind == "violation"}


def check_dead_letters(records: list[Record], truth: Truth) -> None:
    """Compare the places of the dead letters; each message is refused once."""
    letters = objects(records)
    found = [(letter["topic"], letter["partition"], letter["offset"]) for letter in letters]
    assert sorted(found) == sorted(truth.dead.elements())
