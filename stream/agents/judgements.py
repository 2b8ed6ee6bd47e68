# SPDX-License-Identifier: Apache-2.0
"""What was said of a window before: needed to take a violation back, and not to repeat one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from topics.records import to_json
from windows.definition import ModelDefinition
from windows.monitors.settle import Earlier
from windows.report import Report, Violation
from windows.violations import earlier_of, resolved, settled, violation_from_record, violations_of


@dataclass(slots=True)
class Judgement:
    """The judgements of one window of one model version.

    Parameters
    ----------
    revision : int
        Of the latest reports.
    features_closed, labels_closed : bool
        Which monitors have judged.
    reports : dict of str to int
        How often each monitor judged, previews apart.
    violations : list of Violation
        Those in force.
    baseline : str
        Version of the baseline that judged, empty for none; a later one does not judge the window again.
    warnings : list of Violation
        Early warnings that no closing test has settled yet.

    Examples
    --------
    >>> judgement = Judgement(3, features_closed=True, reports={"data_drift": 1})
    >>> Judgement.from_bytes(judgement.to_bytes()) == judgement
    True
    """

    revision: int = 0
    features_closed: bool = False
    labels_closed: bool = False
    reports: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    baseline: str = ""
    warnings: list[Violation] = field(default_factory=list)

    def pinned(self, definition: ModelDefinition) -> ModelDefinition:
        """Name the baseline that judged before where a definition asks for the latest."""
        if definition.baseline != "latest" or not self.baseline:
            return definition
        return definition.model_copy(update={"baseline": self.baseline})

    def earlier(self) -> dict[str, Earlier]:
        """Sum up by monitor, for `evaluate`."""
        return {
            monitor: earlier_of(count, [v for v in self.violations if v.monitor == monitor])
            for monitor, count in self.reports.items()
        }

    def warn(self, found: Iterable[Violation]) -> list[Violation]:
        """Take early warnings in; list those that were not given before."""
        given = {warning.id for warning in self.warnings}
        fresh = [] if self.features_closed else [warning for warning in found if warning.id not in given]
        self.warnings += fresh
        return fresh

    def follow(self, report: Report) -> list[Violation]:
        """Take a report in; list the violations that are new, differ from before, or are taken back."""
        if not report.final:
            return []
        self.baseline = report.baseline_version or self.baseline
        self.reports[report.monitor] = self.reports.get(report.monitor, 0) + 1
        if report.status == "Failed":
            return []
        before = [v for v in self.violations if v.monitor == report.monitor]
        now = violations_of(report)
        self.violations = [v for v in self.violations if v.monitor != report.monitor] + now
        known = {v.id: v.verdict for v in before}
        foreseen = [warning for warning in self.warnings if warning.monitor == report.monitor]
        self.warnings = [warning for warning in self.warnings if warning.monitor != report.monitor]
        news = [v for v in now if known.get(v.id) != v.verdict]
        return news + settled(foreseen, report) + resolved(before, report)

    def to_bytes(self) -> bytes:
        """Write the judgement as JSON."""
        names = ("revision", "features_closed", "labels_closed", "reports", "baseline")
        record: dict[str, Any] = {name: getattr(self, name) for name in names}
        said = {"violations": self.violations, "warnings": self.warnings}
        return to_json(record | {name: [v.as_record() for v in listed] for name, listed in said.items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        record: Mapping[str, Any] = json.loads(data)
        said = {name: [violation_from_record(v) for v in record.get(name, ())] for name in ("violations", "warnings")}
        return cls(**{**record, **said})
