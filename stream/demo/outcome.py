# SPDX-License-Identifier: Apache-2.0
"""What came of the demo: the last report of each hour and monitor, and the violations that stand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from stream.commands.standing import Record, standing
from stream.demo.data import FAULTY_HOURS, HOUR_MS, HOURS

MONITORS = ("data_quality", "data_drift", "model_quality")


@dataclass(slots=True)
class Outcome:
    """Collects records of one model version and judges the hours.

    Parameters
    ----------
    model, version : str
        Whose records count.
    start_ms : int
        Start of the first hour.
    """

    model: str
    version: str
    start_ms: int
    _reports: dict[tuple[int, str], Record] = field(default_factory=dict)
    _violations: dict[str, Record] = field(default_factory=dict)

    def report(self, record: Record) -> None:
        """Take a report; the latest of an hour and monitor counts."""
        # The watermarks at the end close some hours more, which are empty.
        if (record["model"], record["model_version"]) == (self.model, self.version) and self.hour(record) <= HOURS:
            self._reports[self.hour(record), str(record["monitor"])] = record

    def violation(self, record: Record) -> None:
        """Take a violation; the latest of an id counts."""
        if (record["model"], record["model_version"]) == (self.model, self.version):
            self._violations[str(record["id"])] = record

    def hour(self, record: Record) -> int:
        """Number of a record's window, from 1."""
        start = datetime.fromisoformat(record["window"]["start"])
        return (round(start.timestamp() * 1_000) - self.start_ms) // HOUR_MS + 1

    @property
    def reports(self) -> list[Record]:
        """The last report of each hour and monitor, in order."""
        return [self._reports[key] for key in sorted(self._reports, key=lambda key: (key[0], MONITORS.index(key[1])))]

    @property
    def violations(self) -> list[Record]:
        """The violations that no later revision took back, in order of their windows."""
        return sorted(standing(self._violations.values()), key=self._order)

    def _order(self, record: Record) -> tuple[Any, ...]:
        monitor = MONITORS.index(record["monitor"])
        return self.hour(record), monitor, _subject(record), record["constraint_check_type"]

    @property
    def final(self) -> int:
        """How many of the hours' reports are final, of `expected_reports`."""
        return sum(bool(report["final"]) for report in self._reports.values())

    @property
    def flagged(self) -> tuple[int, ...]:
        """The hours with violations."""
        return tuple(sorted({self.hour(record) for record in self.violations}))

    @property
    def as_expected(self) -> bool:
        """Whether every hour was judged and exactly the faulty ones are flagged."""
        return self.final == expected_reports() and self.flagged == FAULTY_HOURS

    def hours(self) -> list[dict[str, Any]]:
        """Sum up each hour: when it began, its rows and labels, and the subjects each monitor found."""
        found = []
        for hour in range(1, HOURS + 1):
            reports = {monitor: self._reports.get((hour, monitor)) for monitor in MONITORS}
            summary: dict[str, Any] = {"hour": hour, "from": None, "rows": None, "labelled": None}
            for report in reports.values():
                if report is not None:
                    summary |= {"from": report["window"]["start"], "rows": report["rows"]}
                    summary["labelled"] = report["labelled"]
            for monitor, report in reports.items():
                summary[monitor] = None if report is None else self._subjects(hour, monitor)
            found.append(summary)
        return found

    def _subjects(self, hour: int, monitor: str) -> list[str]:
        records = [record for record in self.violations if (self.hour(record), record["monitor"]) == (hour, monitor)]
        return list(dict.fromkeys(map(_subject, records)))

    def write(self, directory: Path) -> None:
        """Write `reports.jsonl` and `violations.jsonl`."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, records in (("reports", self.reports), ("violations", self.violations)):
            lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            (directory / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def expected_reports() -> int:
    """Reports that six hours and all monitors make."""
    return HOURS * len(MONITORS)


def _subject(record: Record) -> str:
    return str(record.get("feature_name", record.get("metric_name")))
