# SPDX-License-Identifier: Apache-2.0
"""Verdicts, reports and violations: the records a judgement becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

Outcome = Literal["ok", "violation", "early_warning", "insufficient", "skipped"]
Status = Literal["Completed", "CompletedWithViolations", "InsufficientData", "Failed", "Stopped"]


def iso(time_ms: int) -> str:
    """Write a time as ISO 8601 in UTC.

    Examples
    --------
    >>> iso(0), iso(1_500)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z')
    """
    text = datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(
        timespec="milliseconds" if time_ms % 1_000 else "seconds"
    )
    return text.replace("+00:00", "Z")


class Verdict(NamedTuple):
    """What one check says of one subject (a feature, output, column or metric) in one window."""

    subject: str
    check: str
    mode: str
    outcome: Outcome
    statistic: str = ""
    value: float | None = None
    error: float | None = None
    threshold: float | None = None
    pvalue: float | None = None
    alpha: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    baseline_n: int | None = None
    reason: str | None = None
    description: str = ""
    advisory: bool = False
    """Stands beside the verdict that counts for this subject and check; never a violation of its own."""
    facet: str | None = None
    facet_value: str | None = None
    """Of bias: the column and the sensitive value, which the subject names too."""
    segment: str | None = None
    segment_value: str | None = None
    """Of a part of the rows: the column and its value, which the subject names too."""

    def as_record(self) -> dict[str, Any]:
        """Fields of the public record, without the description; `advisory` and facet only where there is one."""
        fields = ("subject", "check", "mode", "outcome", "statistic", "value", "error", "threshold", "pvalue", "alpha")
        record = {name: getattr(self, name) for name in fields}
        record["interval"] = None if self.interval is None else list(self.interval)
        record |= {"n": self.n, "baseline_n": self.baseline_n, "reason": self.reason}
        if self.facet is not None:
            record |= {"facet": self.facet, "facet_value": self.facet_value}
        if self.segment is not None:
            record |= {"segment": self.segment, "segment_value": self.segment_value}
        return record | {"advisory": True} if self.advisory else record


def window_key(start_ms: int, last_rows: int | None) -> str:
    """Name a window among those of its model version: by its start, or as the last rows, of which there is one.

    Examples
    --------
    >>> window_key(3_600_000, None), window_key(3_600_000, 100)
    ('3600000', 'last-100')
    """
    return str(start_ms) if last_rows is None else f"last-{last_rows}"


def _window(start_ms: int, end_ms: int, last_rows: int | None) -> dict[str, Any]:
    window: dict[str, Any] = {"start": iso(start_ms), "end": iso(end_ms)}
    return window if last_rows is None else window | {"rows": last_rows}


@dataclass(frozen=True, slots=True)
class Report:
    """One monitor's judgement of one window of one model version."""

    model: str
    version: str
    monitor: str
    window_start_ms: int
    window_end_ms: int
    revision: int
    final: bool
    status: Status
    baseline_version: str | None
    definition: str
    rows: int = 0
    labelled: int = 0
    late: int = 0
    rejected: int = 0
    duplicates: int = 0
    partitions: int = 0
    partitions_closed: int = 0
    statistics: dict[str, Any] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    error: str | None = None
    last_rows: int | None = None
    """Of a window of so many labelled rows, whose start and end are those of its rows."""

    @property
    def key(self) -> str:
        """Key of the record on the reports topic."""
        return f"{self.model}|{self.version}|{window_key(self.window_start_ms, self.last_rows)}|{self.monitor}"

    def as_record(self) -> dict[str, Any]:
        """Fields of the public record."""
        names = (
            "revision",
            "final",
            "status",
            "baseline_version",
            "rows",
            "labelled",
            "late",
            "rejected",
            "duplicates",
        )
        record: dict[str, Any] = {
            "model": self.model,
            "model_version": self.version,
            "monitor": self.monitor,
            "window": _window(self.window_start_ms, self.window_end_ms, self.last_rows),
            **{name: getattr(self, name) for name in names},
            "definition_version": self.definition,
            "partitions": self.partitions,
            "partitions_closed": self.partitions_closed,
            "statistics": self.statistics,
            "verdicts": [verdict.as_record() for verdict in self.verdicts],
        }
        return record if self.error is None else record | {"error": self.error}


@dataclass(frozen=True, slots=True)
class Violation:
    """A verdict worth telling: found, warned of early, confirmed or resolved by a later revision."""

    type: Literal["violation", "early_warning", "confirmed", "resolved"]
    model: str
    version: str
    monitor: str
    window_start_ms: int
    window_end_ms: int
    revision: int
    verdict: Verdict
    last_rows: int | None = None

    @property
    def id(self) -> str:
        """Identity across revisions: a consumer that keeps the last record an id sees each violation once."""
        parts = (
            self.model,
            self.version,
            window_key(self.window_start_ms, self.last_rows),
            self.monitor,
            self.verdict.subject,
            self.verdict.check,
        )
        return hashlib.sha256("|".join((*parts, self.type)).encode()).hexdigest()[:32]

    def resolved(self, revision: int, verdict: Verdict) -> Violation:
        """The record that takes this violation back."""
        return replace(self, type="resolved", revision=revision, verdict=verdict)

    def as_record(self) -> dict[str, Any]:
        """Fields of the public record."""
        subject: dict[str, Any] = {
            "metric_name" if self.monitor == "model_quality" else "feature_name": self.verdict.subject
        }
        if self.verdict.facet is not None:
            facet = {"facet": self.verdict.facet, "facet_value": self.verdict.facet_value}
            subject = facet | {"metric_name": self.verdict.statistic}
        elif self.verdict.check == "feature_attribution_drift_check":
            subject = {"label": self.verdict.subject, "metric_name": "shap"}
        if self.verdict.segment is not None:
            subject |= {"segment": self.verdict.segment, "segment_value": self.verdict.segment_value}
        return {
            "id": self.id,
            "type": self.type,
            "model": self.model,
            "model_version": self.version,
            "monitor": self.monitor,
            "window": _window(self.window_start_ms, self.window_end_ms, self.last_rows),
            "revision": self.revision,
            **subject,
            "constraint_check_type": self.verdict.check,
            "description": self.verdict.description,
            "verdict": self.verdict.as_record(),
        }
