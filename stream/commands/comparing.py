# SPDX-License-Identifier: Apache-2.0
"""Compare an old file of violations with our verdicts on the same window."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.batch.job import Job
from stream.batch.judging import judge
from stream.commands.tables import TableError
from stream.kafka.following import Follower
from stream.settings import Settings
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.kinds import read_document
from windows.comparison import Compared, OldRule, OldViolation, compare, read_violations
from windows.monitors.data_drift import is_categorical
from windows.report import Verdict
from windows.statistics.deequ_emulation import distance_le_2_0_21
from windows.statistics.l_infinity import robust
from windows.violations import verdict_from_record
from windows.window_profile import WindowProfile


@dataclass(frozen=True, slots=True)
class Ours:
    """All verdicts on a window, and what the old rule makes of its columns, where its rows are at hand."""

    verdicts: tuple[Verdict, ...]
    old_rules: Mapping[str, OldRule]


def compare_with(path: Path, ours: Ours) -> list[Compared]:
    """Lay a file of old violations beside our verdicts; raises `windows.errors.BaselineError`."""
    old: tuple[OldViolation, ...] = read_violations(read_document(path))
    return compare(old, ours.verdicts, ours.old_rules)


def from_rows(job: Job, *, emulate: bool = False) -> Ours:
    """Judge rows as a job does.

    Parameters
    ----------
    job : Job
        Rows and baseline.
    emulate : bool
        Whether our literal distances, too, are those of Deequ up to 2.0.21.

    Raises
    ------
    StreamError, windows.errors.BaselineError
        As `stream.batch.run.run`.
    """
    judged = judge(job, emulate_deequ=emulate)
    verdicts = tuple(verdict for report in judged.reports for verdict in report.verdicts)
    return Ours(verdicts, old_rules_of(judged.window, judged.baseline))


def old_rules_of(window: WindowProfile, baseline: Baseline) -> dict[str, OldRule]:
    """Compute the old distance of every column of numbers that has one."""
    rules: dict[str, OldRule] = {}
    if baseline.constraints is None:
        return rules
    for name, required in baseline.constraints.features.items():
        now, was = window.profile.features.get(name), baseline.features.get(name)
        if now is None or was is None or not now.numbers or not was.numbers or is_categorical(was, required):
            continue
        old = distance_le_2_0_21(now.quantiles, was.quantiles)
        method, threshold = required.settings.numeric_rule
        distance = robust(old.value, old.n, old.m) if method == "Robust" else old.value
        rules[name] = OldRule(distance, threshold)
    return rules


def from_report_file(path: Path, window_start: str | None = None) -> Ours:
    """Take our verdicts from a file of reports, one a line.

    Raises
    ------
    TableError
        If it holds none of the window, or reports of several and none is named.
    """
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return _of_records(records, window_start, str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{path}: expected reports, one JSON object a line: {error}") from None


def from_topic(settings: Settings, model: str, version: str, window_start: str | None) -> Ours:
    """Take our verdicts from the topic of reports; raises `TableError` as `from_report_file`."""
    topic = Topics(settings.topic_prefix).reports
    with Follower(settings, topic) as follower:
        records = [record for _, record in follower.read_to_end()]
    mine = [one for one in records if (one.get("model"), one.get("model_version")) == (model, version)]
    return _of_records(mine, window_start, topic)


def _of_records(records: Iterable[Mapping[str, Any]], window_start: str | None, where: str) -> Ours:
    latest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for record in records:
        start = str(record["window"]["start"])
        if record.get("final", True) and window_start in (None, start):
            latest[start, str(record["monitor"])] = record
    starts = sorted({start for start, _ in latest})
    if len(starts) != 1:
        expected = "reports of one window" if window_start is None else f"reports of the window {window_start}"
        got = f"{', '.join(starts[:5])}: name one with --window" if starts else "none"
        raise TableError(f"{where}: expected {expected}, got {got}")
    found = (verdict_from_record(one) for record in latest.values() for one in record["verdicts"])
    return Ours(tuple(found), {})
