# SPDX-License-Identifier: Apache-2.0
"""What the latest report of each monitor says, as Prometheus gauges made at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from stream.metrics.subjects import OTHER, FeatureCap, decided, shown, subject_labels
from windows.report import Report, Verdict

_MONITOR = ("model", "model_version", "monitor")
_SUBJECT = (*_MONITOR, "feature", "statistic")
_ROWS = {
    "rows": ("rows", "Events of the latest judged window."),
    "labelled": ("labelled_rows", "Events of the latest judged window that have a label."),
    "late": ("late_rows", "Events and labels that came after their window's close."),
    "rejected": ("rejected_rows", "Rows refused while the window was open."),
    "duplicates": ("duplicate_rows", "Repeated inference ids in the window."),
}
_VALUES: dict[str, tuple[str, Callable[[Verdict], float | None]]] = {
    "value": ("Statistic of {}.", lambda verdict: verdict.value),
    "error": (
        "Error of a statistic of {}: of the sketches, or of a metric one standard deviation.",
        lambda verdict: verdict.error,
    ),
    "threshold": ("Value that a check of {} is held against.", lambda verdict: verdict.threshold),
    "pvalue": ("Probability of such a statistic of {}, were nothing changed.", lambda verdict: verdict.pvalue),
    "lower": (
        "Lower end of the interval of a statistic of {}.",
        lambda verdict: None if verdict.interval is None else verdict.interval[0],
    ),
    "upper": (
        "Upper end of the interval of a statistic of {}.",
        lambda verdict: None if verdict.interval is None else verdict.interval[1],
    ),
    "violating": (
        "1 while a check of {} is violated, else 0.",
        lambda verdict: float(verdict.outcome == "violation") if decided(verdict) else None,
    ),
}

Key = tuple[str, str, str]


class LatestReports:
    """Collector of the newest window's final report of each model version and monitor.

    A preview, a window without rows or a revision of an older window leaves the gauges alone, and a series disappears
    with the verdict it came from. A window of the last rows has verdicts of its own. Reports are bounded by the defined
    models, verdicts by the feature cap.
    """

    def __init__(self, cap: FeatureCap) -> None:
        self._cap = cap
        self._latest: dict[Key, Report] = {}
        self._last_rows: dict[Key, Report] = {}

    def put(self, report: Report) -> None:
        """Remember a final report of a window with rows if no later window has one."""
        key = (report.model, report.version, report.monitor)
        reports = self._latest if report.last_rows is None else self._last_rows
        held = reports.get(key)
        if report.final and report.rows and (held is None or report.window_end_ms >= held.window_end_ms):
            reports[key] = report

    def keep(self, judges: Callable[[str], bool]) -> None:
        """Drop the models that are judged elsewhere."""
        self._latest = {key: report for key, report in self._latest.items() if judges(key[0])}
        self._last_rows = {key: report for key, report in self._last_rows.items() if judges(key[0])}

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge; called by the registry at each scrape."""
        reports = sorted(self._latest.copy().items())
        yield from _windows(reports)
        yield from self._verdicts("verdict", "the latest judged window", reports)
        by_count = sorted(self._last_rows.copy().items())
        yield from self._verdicts("last_rows_verdict", "the last labelled rows", by_count)

    def describe(self) -> Iterator[Metric]:
        """Name no metric beforehand: nothing is known until a report comes."""
        return iter(())

    def _verdicts(self, name: str, window: str, reports: list[tuple[Key, Report]]) -> Iterator[Metric]:
        families = {
            field: GaugeMetricFamily(f"sketchwatch_{name}_{field}", text.format(window), labels=_SUBJECT)
            for field, (text, _) in _VALUES.items()
        }
        for key, report in reports:
            seen: set[tuple[str, str]] = set()
            for verdict in shown(report):
                subject = subject_labels(self._cap, *key, verdict)
                if OTHER in subject or subject in seen:
                    continue
                seen.add(subject)
                for field, (_, value_of) in _VALUES.items():
                    if (value := value_of(verdict)) is not None:
                        families[field].add_metric((*key, *subject), value)
        yield from families.values()


def _windows(reports: list[tuple[Key, Report]]) -> Iterator[Metric]:
    end = GaugeMetricFamily(
        "sketchwatch_window_end_timestamp_seconds", "End of the latest judged window, in event time.", labels=_MONITOR
    )
    outcomes = GaugeMetricFamily(
        "sketchwatch_window_verdicts", "Verdicts of the latest judged window.", labels=(*_MONITOR, "outcome")
    )
    size = GaugeMetricFamily("sketchwatch_window_size_seconds", "Length of the model's windows.", labels=_MONITOR)
    coverage = GaugeMetricFamily(
        "sketchwatch_window_label_coverage_ratio", "Share of the window's events that have a label.", labels=_MONITOR
    )
    partitions = GaugeMetricFamily(
        "sketchwatch_window_partitions_ratio", "Share of the source partitions that are in the report.", labels=_MONITOR
    )
    rows = {
        field: GaugeMetricFamily(f"sketchwatch_window_{name}", text, labels=_MONITOR)
        for field, (name, text) in _ROWS.items()
    }
    for key, report in reports:
        end.add_metric(key, report.window_end_ms / 1_000)
        size.add_metric(key, (report.window_end_ms - report.window_start_ms) / 1_000)
        coverage.add_metric(key, report.labelled / report.rows)
        if report.partitions:
            partitions.add_metric(key, report.partitions_closed / report.partitions)
        for name, family in rows.items():
            family.add_metric(key, getattr(report, name))
        for outcome in ("ok", "violation", "early_warning", "insufficient", "skipped"):
            counted = sum(verdict.outcome == outcome for verdict in report.verdicts if not verdict.advisory)
            outcomes.add_metric((*key, outcome), counted)
    yield from (end, size, outcomes, coverage, partitions, *rows.values())
