# SPDX-License-Identifier: Apache-2.0
"""From reports to what is told: violations found, and violations taken back by a later revision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from windows.monitors.settle import Earlier
from windows.report import Report, Verdict, Violation, window_key


def violations_of(report: Report) -> list[Violation]:
    """List the violations of a report; a preview has none.

    Examples
    --------
    >>> bad = (Verdict("age", "completeness_check", "literal", "violation"),)
    >>> report = Report("m", "1", "data_quality", 0, 1_000, 4, True, "CompletedWithViolations", "1", "0", verdicts=bad)
    >>> [violation.verdict.subject for violation in violations_of(report)]
    ['age']
    """
    if not report.final:
        return []
    return [_violation(report, verdict) for verdict in report.verdicts if _counts(verdict)]


def _counts(verdict: Verdict) -> bool:
    return verdict.outcome == "violation" and not verdict.advisory


def _violation(report: Report, verdict: Verdict) -> Violation:
    return Violation(
        "violation",
        report.model,
        report.version,
        report.monitor,
        report.window_start_ms,
        report.window_end_ms,
        report.revision,
        verdict,
        report.last_rows,
    )


def resolved(previous: Iterable[Violation], report: Report) -> list[Violation]:
    """List the earlier violations that a later revision of their report takes back.

    Parameters
    ----------
    previous : iterable of Violation
        What earlier revisions said; other windows, monitors and types are left alone.
    report : Report
        The later revision. A preview or a failed report takes nothing back.

    Returns
    -------
    list of Violation
        Of type resolved, with the verdict of today, or the earlier one marked as skipped if the check is gone.
    """
    if not report.final or report.status == "Failed":
        return []
    today = {(verdict.subject, verdict.check): verdict for verdict in report.verdicts if not verdict.advisory}
    found = []
    for violation in previous:
        window = window_key(violation.window_start_ms, violation.last_rows)
        same = (violation.model, violation.version, window, violation.monitor)
        today_window = window_key(report.window_start_ms, report.last_rows)
        if violation.type != "violation" or same != (report.model, report.version, today_window, report.monitor):
            continue
        verdict = today.get((violation.verdict.subject, violation.verdict.check))
        if verdict is None:
            verdict = violation.verdict._replace(outcome="skipped", reason="no longer checked")
        if not _counts(verdict):
            text = f"Resolved by revision {report.revision}"
            found.append(violation.resolved(report.revision, verdict._replace(description=text)))
    return found


def settled(warnings: Iterable[Violation], report: Report) -> list[Violation]:
    """Say what became of early warnings once the monitor that they foresaw has judged the window.

    Parameters
    ----------
    warnings : iterable of Violation
        Of type early_warning, of the report's window and monitor.
    report : Report
        Its closing judgement.

    Returns
    -------
    list of Violation
        Of type confirmed or resolved, one for each warning, with the verdict of the closing test.
    """
    today = {(verdict.subject, verdict.check): verdict for verdict in report.verdicts if not verdict.advisory}
    found = []
    for warning in warnings:
        verdict = today.get((warning.verdict.subject, warning.verdict.check))
        if verdict is None:
            verdict = warning.verdict._replace(outcome="skipped", reason="not checked at the close")
        kept: Literal["confirmed", "resolved"] = "confirmed" if _counts(verdict) else "resolved"
        text = f"Early warning {kept} at the close"
        text = f"{text}: {verdict.description}" if kept == "confirmed" else text
        told = replace(warning, type=kept, revision=report.revision, verdict=verdict._replace(description=text))
        found.append(told)
    return found


def earlier_of(reports: int, violations: Iterable[Violation]) -> Earlier:
    """Sum up what one monitor said of a window, for `evaluate`.

    Parameters
    ----------
    reports : int
        How often the monitor judged the window, previews apart.
    violations : iterable of Violation
        Those of its latest report.
    """
    return Earlier(reports, frozenset((v.verdict.subject, v.verdict.check) for v in violations))


def violation_from_record(record: Mapping[str, Any]) -> Violation:
    """Read a violation from its public record.

    Examples
    --------
    >>> verdict = Verdict("age", "baseline_drift_check", "simple", "violation")
    >>> bad = Violation("violation", "m", "1", "data_drift", 0, 1_000, 1, verdict)
    >>> violation_from_record(bad.as_record()) == bad
    True
    """
    return Violation(
        record["type"],
        record["model"],
        record["model_version"],
        record["monitor"],
        _time_ms(record["window"]["start"]),
        _time_ms(record["window"]["end"]),
        record["revision"],
        verdict_from_record(record["verdict"], record["description"]),
        record["window"].get("rows"),
    )


def verdict_from_record(record: Mapping[str, Any], description: str = "") -> Verdict:
    """Read a verdict from its public record.

    Examples
    --------
    >>> verdict = Verdict("age", "baseline_drift_check", "simple", "violation", value=0.3, interval=(0.1, 0.5))
    >>> verdict_from_record(verdict.as_record()) == verdict
    True
    """
    known = set(Verdict._fields) - {"description"}
    verdict = {name: _number(value) for name, value in record.items() if name in known}
    if verdict.get("interval") is not None:
        low, high = verdict["interval"]
        verdict["interval"] = (_number(low), _number(high))
    return Verdict(**verdict, description=description)


def _time_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def _number(value: Any) -> Any:
    special = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return special.get(value, value) if isinstance(value, str) else value
