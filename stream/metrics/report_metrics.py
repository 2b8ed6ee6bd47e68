# SPDX-License-Identifier: Apache-2.0
"""What the latest report of each monitor says, as Prometheus gauges made at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from windows.report import Report, Verdict

OTHER = "(other)"
"""Stands for every feature beyond the cap; no model or feature can be called so by a definition."""

_MONITOR = ("model", "model_version", "monitor")
_SUBJECT = (*_MONITOR, "feature", "statistic")
_ROWS = {
    "rows": ("rows", "Events of the latest judged window."),
    "labelled": ("labelled_rows", "Events of the latest judged window that have a label."),
    "late": ("late_rows", "Events and labels that came after their window's close."),
    "rejected": ("rejected_rows", "Rows refused while the window was open."),
    "duplicates": ("duplicate_rows", "Repeated inference ids in the window."),
}
_VALUES = {
    "value": "Statistic of the latest judged window.",
    "error": "Its error: of the sketches, or of a quality metric one standard deviation.",
    "threshold": "Value at which the check turns into a violation.",
    "pvalue": "Probability of such a statistic in a healthy window.",
}


class FeatureCap:
    """Admit the first features of each model version, so that names from messages cannot grow the label set.

    Parameters
    ----------
    limit : int
        Features and outputs of one model version that get series of their own.

    Examples
    --------
    >>> cap = FeatureCap(limit=1)
    >>> cap.admits("adult", "1", "age"), cap.admits("adult", "1", "hours"), cap.admits("adult", "1", "age")
    (True, False, True)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._admitted: dict[tuple[str, str], set[str]] = {}

    def admits(self, model: str, version: str, feature: str) -> bool:
        """Say whether a feature has, or now gets, a label of its own."""
        admitted = self._admitted.setdefault((model, version), set())
        if feature not in admitted and len(admitted) < self.limit:
            admitted.add(feature)
        return feature in admitted


def shown(report: Report) -> Iterator[Verdict]:
    """Verdicts worth a series: neither skipped nor told beside another one."""
    return (verdict for verdict in report.verdicts if not (verdict.advisory or verdict.outcome == "skipped"))


def decided(verdict: Verdict) -> bool:
    """Whether there were data enough to say yes or no."""
    return verdict.outcome != "insufficient"


def subject_labels(cap: FeatureCap, model: str, version: str, monitor: str, verdict: Verdict) -> tuple[str, str]:
    """Labels `feature` and `statistic` of a verdict; a model-quality metric is a statistic of no feature.

    A feature has one drift verdict, told by its statistic, and many shares, each told by its check. An extra column's
    name comes from messages alone, so it never becomes a label.
    """
    if monitor == "model_quality":
        return "", verdict.subject
    named = verdict.check != "extra_column_check" and cap.admits(model, version, verdict.subject)
    statistic = verdict.check.removesuffix("_check") if verdict.statistic in {"", "share"} else verdict.statistic
    return verdict.subject if named else OTHER, statistic


class LatestReports:
    """Collector of the newest window's final report of each model version and monitor.

    A preview, a window without rows or a revision of an older window leaves the gauges alone, and a series disappears
    with the verdict it came from. Reports are bounded by the defined models, verdicts by the feature cap.
    """

    def __init__(self, cap: FeatureCap) -> None:
        self._cap = cap
        self._latest: dict[tuple[str, str, str], Report] = {}

    def put(self, report: Report) -> None:
        """Remember a final report of a window with rows if no later window has one."""
        key = (report.model, report.version, report.monitor)
        held = self._latest.get(key)
        if report.final and report.rows and (held is None or report.window_end_ms >= held.window_end_ms):
            self._latest[key] = report

    def keep(self, judges: Callable[[str], bool]) -> None:
        """Drop the models that are judged elsewhere."""
        self._latest = {key: report for key, report in self._latest.items() if judges(key[0])}

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge; called by the registry at each scrape."""
        reports = sorted(self._latest.copy().items())
        yield from _windows(reports)
        yield from self._verdicts(reports)

    def describe(self) -> Iterator[Metric]:
        """Name no metric beforehand: nothing is known until a report comes."""
        return iter(())

    def _verdicts(self, reports: list[tuple[tuple[str, str, str], Report]]) -> Iterator[Metric]:
        values = {
            field: GaugeMetricFamily(f"sketchwatch_verdict_{field}", text, labels=_SUBJECT)
            for field, text in _VALUES.items()
        }
        lower = GaugeMetricFamily(
            "sketchwatch_verdict_lower", "Lower end of the statistic's interval.", labels=_SUBJECT
        )
        upper = GaugeMetricFamily(
            "sketchwatch_verdict_upper", "Upper end of the statistic's interval.", labels=_SUBJECT
        )
        violating = GaugeMetricFamily(
            "sketchwatch_verdict_violating", "1 while the check is violated, else 0.", labels=_SUBJECT
        )
        for key, report in reports:
            seen: set[tuple[str, str]] = set()
            for verdict in shown(report):
                subject = subject_labels(self._cap, *key, verdict)
                if OTHER in subject or subject in seen:
                    continue
                seen.add(subject)
                labels = (*key, *subject)
                if decided(verdict):
                    violating.add_metric(labels, float(verdict.outcome == "violation"))
                for name, family in values.items():
                    if (value := getattr(verdict, name)) is not None:
                        family.add_metric(labels, value)
                if verdict.interval is not None:
                    lower.add_metric(labels, verdict.interval[0])
                    upper.add_metric(labels, verdict.interval[1])
        yield from (*values.values(), lower, upper, violating)


def _windows(reports: list[tuple[tuple[str, str, str], Report]]) -> Iterator[Metric]:
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
