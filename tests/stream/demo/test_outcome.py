# SPDX-License-Identifier: Apache-2.0
"""The demo's verdict on itself follows the last word on each hour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stream.demo.data import HOUR_MS
from stream.demo.outcome import MONITORS, Outcome, expected_reports
from windows.report import iso


def _record(hour: int, monitor: str, **more: Any) -> dict[str, Any]:
    window = {"start": iso((hour - 1) * HOUR_MS), "end": iso(hour * HOUR_MS)}
    return {"model": "m", "model_version": "1", "monitor": monitor, "window": window, "revision": 4, **more}


def _report(hour: int, monitor: str, *, final: bool = True) -> dict[str, Any]:
    return _record(hour, monitor, final=final, rows=10, labelled=9)


def _violation(hour: int, *, type: str = "violation", revision: int = 4) -> dict[str, Any]:  # noqa: A002
    record = _record(hour, "data_drift", type=type, id=f"{hour}/{type}", feature_name="age")
    return record | {"constraint_check_type": "baseline_drift_check", "revision": revision}


def _judged(*violations: dict[str, Any]) -> Outcome:
    outcome = Outcome("m", "1", 0)
    for hour in range(1, 9):
        for monitor in MONITORS:
            outcome.report(_report(hour, monitor))
    for violation in violations:
        outcome.violation(violation)
    return outcome


def test_exactly_the_faulty_hours_are_as_expected() -> None:
    assert _judged(_violation(4), _violation(5)).as_expected
    assert not _judged(_violation(4)).as_expected
    assert not _judged(_violation(4), _violation(5), _violation(6)).as_expected


def test_a_violation_taken_back_does_not_flag_its_hour_until_it_is_found_again() -> None:
    taken_back = (_violation(1), _violation(1, type="resolved", revision=5))
    assert _judged(*taken_back).flagged == ()
    assert _judged(*taken_back, _violation(1, revision=6)).flagged == (1,)


def test_previews_and_hours_after_the_sixth_do_not_count_as_judged() -> None:
    outcome = _judged()
    assert outcome.final == expected_reports()
    outcome.report(_report(6, "model_quality", final=False))
    assert outcome.final == expected_reports() - 1
    assert not outcome.as_expected


def test_records_of_other_models_and_versions_are_not_the_demos() -> None:
    outcome = _judged()
    outcome.violation(_violation(2) | {"model": "other"})
    outcome.violation(_violation(2) | {"model_version": "2"})
    assert outcome.flagged == ()


def test_the_files_hold_the_last_report_of_each_hour_and_monitor_and_what_stands(tmp_path: Path) -> None:
    _judged(_violation(5), _violation(4), _violation(1), _violation(1, type="resolved", revision=5)).write(tmp_path)
    reports = [json.loads(line) for line in (tmp_path / "reports.jsonl").read_text().splitlines()]
    violations = [json.loads(line) for line in (tmp_path / "violations.jsonl").read_text().splitlines()]
    assert [(report["window"]["start"], report["monitor"]) for report in reports] == [
        (iso(hour * HOUR_MS), monitor) for hour in range(6) for monitor in MONITORS
    ]
    assert [record["window"]["start"] for record in violations] == [iso(3 * HOUR_MS), iso(4 * HOUR_MS)]


def test_an_hour_sums_up_who_found_what() -> None:
    hour = _judged(_violation(4)).hours()[3]
    assert hour == {
        "hour": 4,
        "from": iso(3 * HOUR_MS),
        "rows": 10,
        "labelled": 9,
        "data_quality": [],
        "data_drift": ["age"],
        "model_quality": [],
    }
