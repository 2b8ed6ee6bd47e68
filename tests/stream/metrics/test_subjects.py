# SPDX-License-Identifier: Apache-2.0
"""Series of every monitor's verdicts: told apart by their labels, and bounded whatever messages say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from stream.metrics.metrics import Metrics
from stream.metrics.subjects import OTHER, FeatureCap, subject_labels
from tests.stream.metrics.test_metrics import HOUR, report, sample, verdict
from windows.definition import Catalog, ModelDefinition
from windows.report import Verdict, Violation

EARLY = {"data_drift": {"early_warning": {"enabled": True}}}
NAMES = {"model": "adult", "model_version": "1"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), Catalog((ModelDefinition(model="adult", monitors=EARLY),)), max_features=3)


def bias(value: str = "Female", metric: str = "DPL", outcome: str = "ok", **fields) -> Verdict:
    facet = {"facet": "sex", "facet_value": value}
    return Verdict(f"{metric} sex={value}", "bias_drift_check", "calibrated", outcome, metric, 0.2, **facet, **fields)


def of_segment(subject: str = "age", statistic: str = "ks", value: str = "Female", check: str = "") -> Verdict:
    segment = {"segment": "sex", "segment_value": value}
    check = check or "baseline_drift_check"
    return Verdict(f"{subject}[sex={value}]", check, "calibrated", "violation", statistic, 0.3, **segment)


def warning(hour: int = 1, subject: str = "age", outcome: str = "early_warning") -> Violation:
    early = Verdict(subject, "baseline_drift_check", "calibrated", "early_warning", "e_value", 5_000.0, 0.01, 100.0)
    return Violation(outcome, "adult", "1", "data_drift", hour * HOUR, (hour + 1) * HOUR, 0, early)


def evidence(metrics: Metrics, feature: str = "age") -> float | None:
    return sample(metrics, "early_warning_evidence", **NAMES, monitor="data_drift", feature=feature)


@pytest.mark.parametrize(
    ("monitor", "one", "labels"),
    [
        ("bias", bias(), ("sex=Female", "DPL")),
        ("bias", bias(metric="GE"), ("*", "GE")),
        ("attribution_drift", Verdict("label0", "feature_attribution_drift_check", "literal", "ok", "ndcg", 0.9), None),
        ("attribution_drift", verdict()._replace(subject="attributions.age"), ("attributions.age", "ks")),
        ("embedding_drift", Verdict("text", "embedding_drift_check", "calibrated", "ok", "mean_shift", 0.1), None),
        ("model_quality", Verdict("rmse", "GreaterThanThreshold", "calibrated", "ok", "rmse", 5.0), ("", "rmse")),
        ("model_quality", of_segment("accuracy", "accuracy"), ("sex=Female", "accuracy")),
        ("data_drift", of_segment(), ("age[sex=Female]", "ks")),
        ("data_drift", Verdict("age", "psi_check", "literal", "ok", "psi", 0.1), ("age", "psi")),
        ("data_drift", Verdict("*", "anomaly_check", "random_cut_forest", "ok", "displacement", 2.0), None),
        ("ranges", Verdict("age", "range_check", "literal", "ok", value=0.5), ("age", "range")),
    ],
)
def test_a_verdict_is_told_by_what_it_is_of(monitor: str, one: Verdict, labels: tuple[str, str] | None) -> None:
    if labels is None:
        labels = (one.subject, one.mode if one.check == "anomaly_check" else one.statistic)
    assert subject_labels(FeatureCap(3), "adult", "1", monitor, one) == labels


def test_facet_values_and_metrics_have_series_of_their_own(metrics: Metrics) -> None:
    found = (bias(), bias("Male"), bias(metric="DI", outcome="violation", interval=(0.1, 0.3), threshold=0.15))
    metrics.report(report(*found, monitor="bias"))
    labels = NAMES | {"monitor": "bias", "feature": "sex=Female", "statistic": "DI"}
    names = ("value", "lower", "upper", "threshold", "violating")
    assert [sample(metrics, f"verdict_{name}", **labels) for name in names] == [0.2, 0.1, 0.3, 0.15, 1.0]
    assert sample(metrics, "verdict_value", **labels | {"feature": "sex=Male", "statistic": "DPL"}) == 0.2
    assert sample(metrics, "violations_total", **labels, outcome="violation") == 0


def test_a_facet_value_that_the_baseline_does_not_know_never_becomes_a_label(metrics: Metrics) -> None:
    metrics.report(report(bias(), bias("evil", outcome="insufficient"), monitor="bias"))
    page = generate_latest(metrics.registry).decode()
    assert "sex=Female" in page
    assert "evil" not in page


def test_segments_are_capped_and_leave_room_for_features(metrics: Metrics) -> None:
    many = [of_segment(f"f{i}") for i in range(50)]
    metrics.report(report(*many, *(verdict(f"g{i}") for i in range(3))))
    labels = NAMES | {"monitor": "data_drift", "statistic": "ks"}
    shown = [sample(metrics, "verdict_value", **labels, feature=f"f{i}[sex=Female]") for i in range(5)]
    assert shown == [0.3, 0.3, 0.3, None, None]
    assert [sample(metrics, "verdict_value", **labels, feature=f"g{i}") for i in range(3)] == [0.25] * 3
    assert sample(metrics, "dropped_verdicts_total", **NAMES) == 47
    metrics.violation(Violation("violation", "adult", "1", "data_drift", HOUR, 2 * HOUR, 1, many[-1]))
    assert sample(metrics, "violations_total", **labels, feature=OTHER, outcome="violation") == 1


def test_an_unusual_column_is_shown_if_the_baseline_knows_it(metrics: Metrics) -> None:
    found = [Verdict(name, "anomaly_check", "z_score", "violation", "mean", 9.0) for name in ("age", "evil")]
    metrics.report(report(verdict(), *found))
    labels = NAMES | {"monitor": "data_drift", "statistic": "z_score"}
    assert sample(metrics, "verdict_value", **labels, feature="age") == 9.0
    assert "evil" not in generate_latest(metrics.registry).decode()
    assert sample(metrics, "dropped_verdicts_total", **NAMES) == 1


def test_monitors_do_not_take_each_other_s_room(metrics: Metrics) -> None:
    metrics.report(report(*(verdict(f"f{i}") for i in range(10))))
    metrics.report(report(bias(), monitor="bias"))
    labels = NAMES | {"monitor": "bias", "feature": "sex=Female", "statistic": "DPL"}
    assert sample(metrics, "verdict_value", **labels) == 0.2


def test_the_last_rows_have_series_of_their_own(metrics: Metrics) -> None:
    accuracy = Verdict("accuracy", "LessThanThreshold", "calibrated", "ok", "accuracy", 0.8, interval=(0.7, 0.9))
    metrics.report(report(accuracy, monitor="model_quality"))
    latest = report(accuracy._replace(value=0.6), monitor="model_quality", hour=2, last_rows=100)
    metrics.report(latest)
    metrics.report(replace(latest, window_end_ms=HOUR, verdicts=(accuracy._replace(value=0.1),)))
    labels = NAMES | {"monitor": "model_quality", "feature": "", "statistic": "accuracy"}
    assert sample(metrics, "verdict_value", **labels) == 0.8
    assert sample(metrics, "last_rows_verdict_value", **labels) == 0.6
    assert sample(metrics, "last_rows_verdict_upper", **labels) == 0.9
    assert sample(metrics, "window_end_timestamp_seconds", **NAMES, monitor="model_quality") == 7_200
    metrics.judging(lambda model: model != "adult")
    assert sample(metrics, "last_rows_verdict_value", **labels) is None


def test_an_early_warning_is_shown_until_its_window_is_judged(metrics: Metrics) -> None:
    metrics.violation(warning(hour=2))
    metrics.report(report(verdict(), hour=1))
    metrics.report(report(verdict(), hour=2, monitor="data_quality"))
    metrics.report(replace(report(verdict(), hour=2), final=False))
    assert evidence(metrics) == 5_000
    metrics.report(report(verdict(), hour=2))
    assert evidence(metrics) is None


def test_an_early_warning_goes_with_its_model(metrics: Metrics) -> None:
    metrics.violation(warning())
    metrics.judging(lambda model: model == "adult")
    assert evidence(metrics) == 5_000
    metrics.judging(lambda model: model != "adult")
    assert evidence(metrics) is None


def test_what_became_of_a_warning_is_no_warning(metrics: Metrics) -> None:
    metrics.violation(warning(outcome="confirmed"))
    assert evidence(metrics) is None


def test_warnings_are_counted_by_type_and_from_zero(metrics: Metrics) -> None:
    labels = NAMES | {"monitor": "data_drift", "feature": "age", "statistic": "e_value"}
    metrics.report(report(verdict(), of_segment()))
    assert sample(metrics, "violations_total", **labels, outcome="early_warning") == 0
    of_segments = labels | {"feature": "age[sex=Female]"}
    assert sample(metrics, "violations_total", **of_segments, outcome="early_warning") is None
    metrics.violation(warning())
    metrics.violation(warning(outcome="resolved"))
    assert sample(metrics, "violations_total", **labels, outcome="early_warning") == 1
    assert sample(metrics, "violations_total", **labels, outcome="resolved") == 1


def test_warnings_beyond_the_cap_are_counted_only(metrics: Metrics) -> None:
    metrics.report(report(*(verdict(f"f{i}") for i in range(3))))
    metrics.violation(warning(subject="f9"))
    assert evidence(metrics, OTHER) is None
    labels = NAMES | {"monitor": "data_drift", "feature": OTHER, "statistic": "e_value"}
    assert sample(metrics, "violations_total", **labels, outcome="early_warning") == 1
