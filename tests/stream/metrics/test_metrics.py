# SPDX-License-Identifier: Apache-2.0
"""Metrics: what they count, and that nothing a message says can multiply their labels."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from stream.metrics.metrics import UNKNOWN, Metrics
from stream.metrics.subjects import OTHER
from topics.batches import Rejected
from windows.definition import Catalog, ModelDefinition
from windows.events import Counted
from windows.report import Report, Verdict, Violation

HOUR = 3_600_000


def verdict(subject: str = "age", outcome: str = "ok", value: float | None = 0.25, **fields) -> Verdict:
    return Verdict(subject, "baseline_drift_check", "calibrated", outcome, "ks", value, **fields)


def report(*verdicts: Verdict, hour: int = 1, monitor: str = "data_drift", **fields) -> Report:
    fields = {"rows": 100, "labelled": 40, "partitions": 4, "partitions_closed": 3} | fields
    times = (hour * HOUR, (hour + 1) * HOUR)
    return Report("adult", "1", monitor, *times, 1, True, "Completed", "1", "0", **fields, verdicts=verdicts)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), Catalog((ModelDefinition(model="adult"),)), max_features=3)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"sketchwatch_{name}", labels)


def drift(metrics: Metrics, name: str, feature: str = "age", statistic: str = "ks") -> float | None:
    labels = {"model": "adult", "model_version": "1", "monitor": "data_drift"}
    return sample(metrics, f"verdict_{name}", **labels, feature=feature, statistic=statistic)


def test_a_verdict_shows_its_value_error_threshold_and_interval(metrics: Metrics) -> None:
    metrics.report(report(verdict(error=0.01, threshold=0.05, interval=(0.2, 0.3), outcome="violation")))
    shown = [drift(metrics, name) for name in ("value", "error", "threshold", "lower", "upper", "violating")]
    assert shown == [0.25, 0.01, 0.05, 0.2, 0.3, 1.0]
    assert drift(metrics, "pvalue") is None


def test_a_later_window_replaces_the_series_of_the_one_before(metrics: Metrics) -> None:
    metrics.report(report(verdict("age"), verdict("hours"), hour=1))
    metrics.report(report(verdict("age", value=0.5), hour=2))
    assert drift(metrics, "value", "age") == 0.5
    assert drift(metrics, "value", "hours") is None


def test_a_revision_of_an_older_window_leaves_the_gauges_alone(metrics: Metrics) -> None:
    metrics.report(report(verdict(value=0.5), hour=2))
    metrics.report(report(verdict(value=0.9), hour=1))
    assert drift(metrics, "value") == 0.5


def test_a_revision_of_the_newest_window_replaces_it(metrics: Metrics) -> None:
    metrics.report(report(verdict(value=0.5), hour=2))
    metrics.report(report(verdict(value=0.4), hour=2))
    assert drift(metrics, "value") == 0.4


def test_a_preview_of_a_newer_window_leaves_the_gauges_alone(metrics: Metrics) -> None:
    metrics.report(report(verdict(value=0.5), hour=2))
    metrics.report(replace(report(verdict(value=0.9), hour=3), final=False))
    assert drift(metrics, "value") == 0.5


def test_an_advisory_verdict_counts_nowhere(metrics: Metrics) -> None:
    metrics.report(report(verdict(), verdict(outcome="violation", value=0.9, advisory=True)))
    labels = {"model": "adult", "model_version": "1", "monitor": "data_drift"}
    assert drift(metrics, "value") == 0.25
    assert drift(metrics, "violating") == 0
    assert sample(metrics, "window_verdicts", **labels, outcome="violation") == 0


def test_a_check_without_data_enough_is_neither_violated_nor_fine(metrics: Metrics) -> None:
    metrics.report(report(verdict(outcome="insufficient", value=None), verdict("hours", outcome="insufficient")))
    assert drift(metrics, "violating") is None
    assert drift(metrics, "value") is None
    assert drift(metrics, "value", "hours") == 0.25
    assert "violations_total{" not in generate_latest(metrics.registry).decode()


def test_checks_of_one_feature_are_told_apart(metrics: Metrics) -> None:
    shares = [
        Verdict("age", f"{check}_check", "calibrated", "ok", "share", value)
        for check, value in (("completeness", 0.9), ("data_type", 0.8))
    ]
    metrics.report(report(*shares, monitor="data_quality"))
    labels = {"model": "adult", "model_version": "1", "monitor": "data_quality", "feature": "age"}
    assert sample(metrics, "verdict_value", **labels, statistic="completeness") == 0.9
    assert sample(metrics, "verdict_value", **labels, statistic="data_type") == 0.8


def test_windows_tell_their_end_coverage_and_partitions(metrics: Metrics) -> None:
    metrics.report(report(verdict(), late=7))
    labels = {"model": "adult", "model_version": "1", "monitor": "data_drift"}
    assert sample(metrics, "window_end_timestamp_seconds", **labels) == 7_200
    assert sample(metrics, "window_label_coverage_ratio", **labels) == 0.4
    assert sample(metrics, "window_partitions_ratio", **labels) == 0.75
    assert sample(metrics, "window_late_rows", **labels) == 7
    assert sample(metrics, "window_verdicts", **labels, outcome="ok") == 1


def test_a_window_without_rows_leaves_the_gauges_alone(metrics: Metrics) -> None:
    """The hours between the last event of a replay and its watermark say nothing of the model."""
    metrics.report(report(verdict(value=0.5), hour=2))
    metrics.report(report(verdict(outcome="insufficient", value=None), hour=3, rows=0, labelled=0))
    assert drift(metrics, "value") == 0.5


def test_a_quality_metric_is_a_statistic_and_no_feature(metrics: Metrics) -> None:
    metrics.report(report(Verdict("recall", "recall", "calibrated", "ok", "recall", 0.7), monitor="model_quality"))
    labels = {"model": "adult", "model_version": "1", "monitor": "model_quality"}
    assert sample(metrics, "verdict_value", **labels, feature="", statistic="recall") == 0.7


def test_violations_are_counted_from_zero_so_that_an_increase_is_seen(metrics: Metrics) -> None:
    labels = {"model": "adult", "model_version": "1", "monitor": "data_drift", "feature": "age", "statistic": "ks"}
    metrics.report(report(verdict(outcome="violation")))
    assert sample(metrics, "violations_total", **labels, outcome="violation") == 0
    metrics.violation(
        Violation("violation", "adult", "1", "data_drift", HOUR, 2 * HOUR, 1, verdict(outcome="violation"))
    )
    assert sample(metrics, "violations_total", **labels, outcome="violation") == 1


def test_features_beyond_the_cap_share_one_label_and_are_counted(metrics: Metrics) -> None:
    metrics.report(report(*(verdict(f"f{i}") for i in range(10))))
    assert [drift(metrics, "value", f"f{i}") for i in range(4)] == [0.25, 0.25, 0.25, None]
    assert drift(metrics, "value", OTHER) is None
    assert sample(metrics, "dropped_verdicts_total", model="adult", model_version="1") == 7


def test_a_column_that_only_messages_name_never_becomes_a_label(metrics: Metrics) -> None:
    extra = Verdict("evil", "extra_column_check", "calibrated", "violation", "share", 0.5)
    metrics.report(report(extra, monitor="data_quality"))
    metrics.violation(Violation("violation", "adult", "1", "data_quality", HOUR, 2 * HOUR, 1, extra))
    page = generate_latest(metrics.registry).decode()
    assert "evil" not in page
    assert f'feature="{OTHER}"' in page


@pytest.mark.parametrize("count", [1, 500])
def test_models_without_a_definition_share_one_label(metrics: Metrics, count: int) -> None:
    for i in range(count):
        metrics.ingested(f"stranger-{i}", "1", "events", 2)
        metrics.counted(Counted("unknown_model", f"stranger-{i}", 2))
        metrics.rejected(Rejected("in", 0, i, "bad_time", "", 2, "", 9, f"stranger-{i}"))
        metrics.lateness(f"stranger-{i}", 0, np.array([1, 2]))
    assert sample(metrics, "ingested_rows_total", model=UNKNOWN, model_version=UNKNOWN, side="events") == 2 * count
    assert sample(metrics, "exceptional_rows_total", model=UNKNOWN, reason="unknown_model") == 2 * count
    assert sample(metrics, "rejected_rows_total", model=UNKNOWN, topic="in", reason="bad_time") == 2 * count
    assert "stranger" not in generate_latest(metrics.registry).decode()


def test_a_version_without_a_definition_is_unknown_too(metrics: Metrics) -> None:
    metrics.ingested("adult", "77", "events", 1)
    metrics.ingested("adult", None, "labels", 1)
    assert sample(metrics, "ingested_rows_total", model="adult", model_version=UNKNOWN, side="events") == 1
    assert sample(metrics, "ingested_rows_total", model="adult", model_version="", side="labels") == 1


def test_lateness_of_blocks_adds_up_to_one_histogram(metrics: Metrics) -> None:
    times = np.random.default_rng(1).integers(0, 10_000_000, 5_000)
    late = np.maximum.accumulate(times) - times
    for block in np.split(times, [0, 1_000, 1_001, 4_000]):
        metrics.lateness("adult", 0, block)
    for edge in (0.0, 1.0, 300.0, 3_600.0):
        counted = sample(metrics, "event_lateness_seconds_bucket", model="adult", le=str(edge))
        assert counted == (late <= edge * 1_000).sum()
    assert sample(metrics, "event_lateness_seconds_count", model="adult") == 5_000
    assert sample(metrics, "event_lateness_seconds_sum", model="adult") == pytest.approx(late.sum() / 1_000)


def test_a_partition_that_runs_ahead_makes_no_other_late(metrics: Metrics) -> None:
    metrics.lateness("adult", 0, np.array([10_000_000]))
    metrics.lateness("adult", 1, np.array([0, 1]))
    assert sample(metrics, "event_lateness_seconds_bucket", model="adult", le="0.0") == 3


def test_a_lost_partition_takes_its_series_along(metrics: Metrics) -> None:
    for partition in (0, 1):
        metrics.lag("in", partition, 5)
        metrics.pending(partition, 10, 2)
        metrics.checkpointed(partition, 0.02, 21, 12_000, 1_700_000_000.0)
        metrics.recovered(partition, 0.3)
    metrics.revoked(1)
    page = generate_latest(metrics.registry).decode()
    assert 'partition="0"' in page
    assert 'partition="1"' not in page
    assert sample(metrics, "checkpoint_duration_seconds_count") == 2
    assert sample(metrics, "checkpoint_bytes_total") == 24_000


def test_a_model_that_moved_away_is_shown_no_longer(metrics: Metrics) -> None:
    metrics.report(report(verdict()))
    metrics.judging(lambda model: model == "adult")
    assert drift(metrics, "value") == 0.25
    metrics.judging(lambda model: model != "adult")
    assert drift(metrics, "value") is None


def test_serving_is_on_loopback_and_ends_with_the_context(metrics: Metrics) -> None:
    metrics.forwarded(3)
    with metrics.serve(0) as exporter:
        url = f"http://127.0.0.1:{exporter.port}/metrics"
        assert exporter.address == "127.0.0.1"
        assert b"sketchwatch_forwarded_rows_total 3.0" in urllib.request.urlopen(url).read()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)


def test_names_and_labels_keep_to_prometheus_conventions(metrics: Metrics) -> None:
    """One prefix, base units, `_total` on counters alone, and labels from the closed list."""
    metrics.report(report(verdict()))
    allowed = {"model", "model_version", "feature", "statistic", "monitor", "outcome", "topic", "partition", "reason"}
    allowed |= {"side", "status", "le"}
    for family in metrics.registry.collect():
        if family.name.startswith("process_"):
            continue
        assert re.fullmatch(r"sketchwatch(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        assert not re.search(r"_(ms|millis|minutes|percent|kb)\b", family.name)
        for sampled in family.samples:
            assert set(sampled.labels) <= allowed, family.name
            assert sampled.name.endswith("_total") == (family.type == "counter") or sampled.name.endswith("_created")
