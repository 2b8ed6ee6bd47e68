# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics of a worker: what it read, judged and wrote, with labels that no message can multiply."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIServer

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.process_collector import ProcessCollector

from stream.metrics.early_warnings import OpenWarnings
from stream.metrics.lateness_metrics import Lateness
from stream.metrics.report_metrics import LatestReports
from stream.metrics.subjects import OTHER, FeatureCap, decided, shown, subject_labels
from topics.batches import Rejected
from windows.definition import Catalog
from windows.events import Counted, Side
from windows.monitors.data_drift import CHECK
from windows.monitors.early_warning import MONITOR as EARLY_MONITOR
from windows.report import Report, Violation

UNKNOWN = "(unknown)"
"""Label of every model, or version, without a definition: their names come from messages."""

_VERSION = ("model", "model_version")
_CHECKPOINT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """All metrics of one worker process, registered with an injected registry.

    Parameters
    ----------
    registry : CollectorRegistry
        Where the metrics register; one registry holds one `Metrics`.
    catalog : Catalog
        Definitions known to the worker, read at every count: a model it does not hold is labelled `(unknown)`.
    max_features : int
        Features, facet values or whatever one monitor of a model version judges, and as many of their segments, that
        get series of their own; the verdicts of others are counted in `sketchwatch_dropped_verdicts_total` only.

    Examples
    --------
    >>> registry = CollectorRegistry()
    >>> metrics = Metrics(registry, Catalog())
    >>> metrics.ingested("never-defined", "1", "events", 3)
    >>> labels = {"model": "(unknown)", "model_version": "(unknown)", "side": "events"}
    >>> registry.get_sample_value("sketchwatch_ingested_rows_total", labels)
    3.0
    """

    def __init__(self, registry: CollectorRegistry, catalog: Catalog, *, max_features: int = 200) -> None:
        self.registry = registry
        self._catalog = catalog
        self._cap = FeatureCap(max_features)
        self._latest = LatestReports(self._cap)
        self._warnings = OpenWarnings()
        self._lateness = Lateness()
        registry.register(self._latest)
        registry.register(self._warnings)
        registry.register(self._lateness)
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sketchwatch_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sketchwatch_{name}", text, labels, registry=registry)

        self._ingested = counter("ingested_rows_total", "Rows accepted from the source topics.", *_VERSION, "side")
        self._rejected = counter(
            "rejected_rows_total", "Rows refused into the dead letters.", "model", "topic", "reason"
        )
        self._counted = counter(
            "exceptional_rows_total", "Rows that came late, were left out or given up, by reason.", "model", "reason"
        )
        self._forwarded = counter("forwarded_rows_total", "Rows sent on to the partition of their inference id.")
        self._reports = counter("reports_total", "Reports by status.", *_VERSION, "monitor", "status")
        self._violations = counter(
            "violations_total", "Violation records by type.", *_VERSION, "monitor", "feature", "statistic", "outcome"
        )
        self._dropped = counter(
            "dropped_verdicts_total", "Verdicts on features without series of their own.", *_VERSION
        )
        self._lag = gauge(
            "consumer_lag_records", "Records between a partition's end and the checkpoint.", "topic", "partition"
        )
        self._pending = gauge(
            "pending_rows", "Predictions that wait for a label, and labels that came early.", "partition", "side"
        )
        self._checkpoint_at = gauge(
            "last_checkpoint_timestamp_seconds", "When the last checkpoint committed.", "partition"
        )
        self._checkpoint_records = counter("checkpoint_records_total", "Records written by checkpoints.")
        self._checkpoint_bytes = counter("checkpoint_bytes_total", "Bytes written by checkpoints.")
        self._checkpoint = Histogram(
            "sketchwatch_checkpoint_duration_seconds",
            "Time a checkpoint took, its transaction included.",
            buckets=_CHECKPOINT_SECONDS,
            registry=registry,
        )
        self._recovery = gauge("recovery_duration_seconds", "Time the last recovery took.", "partition")

    def ingested(self, model: str, version: str | None, side: Side, rows: int) -> None:
        """Count accepted rows of one block; labels that name no version have an empty one."""
        model, version = self._names(model, version)
        self._ingested.labels(model, version, side).inc(rows)

    def lateness(self, model: str, partition: int, event_time_ms: NDArray[np.int64]) -> None:
        """Observe how far behind the newest event of its partition each event of a block came, shape (n,)."""
        name, _ = self._names(model, None)
        if name != UNKNOWN:
            self._lateness.observe(name, partition, event_time_ms)

    def rejected(self, rejected: Rejected) -> None:
        """Count refused rows by the reason's code."""
        model, _ = self._names(rejected.model, None)
        self._rejected.labels(model, rejected.topic, rejected.reason).inc(rejected.rows)

    def counted(self, counted: Counted) -> None:
        """Count what `step` reported out of the ordinary."""
        model, _ = self._names(counted.model, None)
        self._counted.labels(model, counted.what).inc(counted.rows)

    def forwarded(self, rows: int) -> None:
        """Count rows that lay on a wrong partition."""
        self._forwarded.inc(rows)

    def report(self, report: Report) -> None:
        """Show a report of a model this worker judges, and begin counts of what may be told of it at zero."""
        names = (report.model, report.version)
        self._latest.put(report)
        self._warnings.judged(report)
        self._reports.labels(*names, report.monitor, "Failed")
        self._reports.labels(*names, report.monitor, report.status).inc()
        definition = self._catalog.at(*names, report.window_start_ms)
        early = definition is not None and definition.monitors.data_drift.early_warning.enabled
        for verdict in filter(decided, shown(report)):
            feature, statistic = subject_labels(self._cap, *names, report.monitor, verdict)
            if feature == OTHER:
                self._dropped.labels(*names).inc()
            self._violations.labels(*names, report.monitor, feature, statistic, "violation")
            foreseen = early and report.monitor == EARLY_MONITOR and verdict.check == CHECK
            if foreseen and verdict.segment is None:
                self._violations.labels(*names, report.monitor, feature, "e_value", "early_warning")

    def violation(self, violation: Violation) -> None:
        """Count a violation, early warning, confirmation or resolution."""
        names = (violation.model, violation.version, violation.monitor)
        labels = subject_labels(self._cap, *names, violation.verdict)
        self._violations.labels(*names, *labels, violation.type).inc()
        if violation.type == "early_warning" and OTHER not in labels:
            self._warnings.warned(violation, labels[0])

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Set how many records of a source partition are not in a checkpoint yet."""
        self._lag.labels(topic, partition).set(records)

    def pending(self, partition: int, rows: int, early_labels: int) -> None:
        """Set how many predictions and early labels a partition holds."""
        self._pending.labels(partition, "events").set(rows)
        self._pending.labels(partition, "labels").set(early_labels)

    def checkpointed(self, partition: int, seconds: float, records: int, size_bytes: int, at_s: float) -> None:
        """Record a committed checkpoint; `at_s` is the wall clock in seconds since the epoch."""
        self._checkpoint.observe(seconds)
        self._checkpoint_records.inc(records)
        self._checkpoint_bytes.inc(size_bytes)
        self._checkpoint_at.labels(partition).set(at_s)

    def recovered(self, partition: int, seconds: float) -> None:
        """Record that a partition's state was restored."""
        self._recovery.labels(partition).set(seconds)

    def revoked(self, partition: int) -> None:
        """Drop the series of a partition that this worker lost, so that they cannot look stale."""
        for gauge in (self._lag, self._pending, self._checkpoint_at, self._recovery):
            gauge.remove_by_labels({"partition": str(partition)})

    def judging(self, judges: Callable[[str], bool]) -> None:
        """Drop the reports of every model that another worker judges from now on."""
        self._latest.keep(judges)
        self._warnings.keep(judges)

    def serve(self, port: int, address: str = "127.0.0.1") -> Exporter:
        """Serve the registry over HTTP in a daemon thread.

        Parameters
        ----------
        port : int
            Port to listen on; 0 takes a free one, told by `Exporter.port`.
        address : str
            Address to listen on. There is neither encryption nor authentication: leave it on loopback unless the
            network is trusted.

        Raises
        ------
        OSError
            If the port is taken or the address is not of this machine.
        """
        return Exporter(*start_http_server(port, address, self.registry))

    def _names(self, model: str, version: str | None) -> tuple[str, str]:
        versions = self._catalog.versions(model)
        if not versions:
            return UNKNOWN, UNKNOWN
        return model, "" if version is None else version if version in versions else UNKNOWN


class Exporter:
    """The running HTTP server of a registry; closes as a context manager."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self._server = server
        self._thread = thread

    @property
    def address(self) -> str:
        """Address that it listens on."""
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
