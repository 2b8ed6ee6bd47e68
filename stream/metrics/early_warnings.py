# SPDX-License-Identifier: Apache-2.0
"""What open windows are warned of, as a Prometheus gauge made at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from windows.report import Report, Violation


class OpenWarnings:
    """Collector of the features warned of in windows that no closing test has judged yet."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, str, str], Violation] = {}

    def warned(self, warning: Violation, feature: str) -> None:
        """Remember the evidence against a feature, whose name is a label."""
        self._held[warning.model, warning.version, warning.monitor, feature] = warning

    def judged(self, report: Report) -> None:
        """Forget what its monitor was expected to find in the report's window, or in one before."""
        if report.final and report.last_rows is None:
            monitor = (report.model, report.version, report.monitor)
            for key, warning in self._held.copy().items():
                if key[:3] == monitor and warning.window_start_ms <= report.window_start_ms:
                    del self._held[key]

    def keep(self, judges: Callable[[str], bool]) -> None:
        """Drop the models that are judged elsewhere."""
        self._held = {key: warning for key, warning in self._held.items() if judges(key[0])}

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge; called by the registry at each scrape."""
        evidence = GaugeMetricFamily(
            "sketchwatch_early_warning_evidence",
            "E-value against a feature warned of in an open window; gone once the window is judged.",
            labels=("model", "model_version", "monitor", "feature"),
        )
        for key, warning in sorted(self._held.copy().items(), key=lambda held: held[0]):
            evidence.add_metric(key, warning.verdict.value or 0.0)
        yield evidence

    def describe(self) -> Iterator[Metric]:
        """Name no metric beforehand: nothing is known until a window is warned of."""
        return iter(())
