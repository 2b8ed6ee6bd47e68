# SPDX-License-Identifier: Apache-2.0
"""Reports of a window: which there are, when, and what they say without a baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block, Column
from tests.windows.build import BINARY, baseline_of, block, column, definition, window_of
from windows.baselines.baseline_records import to_json
from windows.definition import Columns, ModelDefinition
from windows.evaluate import evaluate
from windows.monitors.catalogue import monitor_alpha
from windows.monitors.settle import Earlier
from windows.violations import earlier_of, resolved, violation_from_record, violations_of


def rows(n: int, seed: int, *, spoiled: bool = False) -> Block:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    score = np.clip(0.25 + 0.4 * label + rng.normal(0, 0.15, n), 0, 1)
    age = rng.integers(18, 80, n) * (60 if spoiled else 1)
    columns: dict[str, Column] = {"age": column(age), "job": column(rng.choice(["a", "b"], n))}
    return Block(n, columns | {"label": column(label), "score": column(score)})


BASELINE = baseline_of(rows(20_000, 1))


def test_each_enabled_monitor_reports_once():
    reports = evaluate(window_of(rows(1_000, 2)), BASELINE)
    assert [r.monitor for r in reports] == ["data_quality", "data_drift", "model_quality"]
    assert {r.status for r in reports} == {"Completed"}
    assert all(r.final and r.revision == 4 and r.rows == r.labelled == 1_000 for r in reports)


def test_an_unlabelled_model_has_no_quality_report():
    model = ModelDefinition(model="m")
    assert [r.monitor for r in evaluate(window_of(rows(1_000, 2), model), BASELINE)] == ["data_quality", "data_drift"]


def test_a_disabled_monitor_gives_its_budget_to_the_others():
    model = definition(data_quality={"enabled": False})
    assert [r.monitor for r in evaluate(window_of(rows(1_000, 2), model), BASELINE)] == ["data_drift", "model_quality"]
    assert sum(monitor_alpha(model, name) for name in ("data_drift", "model_quality")) == pytest.approx(1 / 50)
    assert monitor_alpha(model, "data_drift") > monitor_alpha(BINARY, "data_drift")


def test_features_are_judged_when_they_are_closed_and_labels_when_theirs_are():
    waiting = window_of(rows(1_000, 2), labels_closed=False)
    assert [(r.monitor, r.final) for r in evaluate(waiting, BASELINE)] == [
        ("data_quality", True),
        ("data_drift", True),
        ("model_quality", False),
    ]
    assert evaluate(replace(waiting, features_closed=False, labelled=0), BASELINE) == []


@pytest.mark.parametrize(("labelled", "previewed"), [(0, False), (982, False), (1_000, True)])
def test_a_preview_waits_until_every_row_is_labelled(labelled, previewed):
    waiting = window_of(rows(1_000, 2), labels_closed=False, labelled=labelled)
    assert ("model_quality" in [r.monitor for r in evaluate(waiting, BASELINE)]) == previewed


def test_an_empty_window_has_no_preview():
    waiting = window_of(rows(1_000, 2).take(np.zeros(1_000, bool)), labels_closed=False)
    assert "model_quality" not in [r.monitor for r in evaluate(waiting, BASELINE)]


def test_without_a_baseline_there_are_statistics_and_the_reason():
    for report in evaluate(window_of(rows(1_000, 2)), None):
        assert report.status == "InsufficientData"
        assert [v.outcome for v in report.verdicts] == ["insufficient"]
        assert "no baseline" in report.verdicts[0].reason
    assert report.statistics["binary_classification_metrics"]["accuracy"]["value"] > 0.7


def test_an_empty_window_is_insufficient():
    for report in evaluate(window_of(rows(1_000, 2).take(np.zeros(1_000, bool))), BASELINE):
        assert (report.status, report.error) == ("InsufficientData", None)


@pytest.mark.parametrize(
    ("part", "subject", "check"),
    [
        ("windows.monitors.reports.judge_anomaly", "*", "anomaly_check"),
        ("windows.monitors.reports.measure_distances", "*", "distances"),
        ("windows.monitors.segment_tests.judge_segments", "*[segments]", "data_drift"),
    ],
)
def test_a_part_of_a_monitor_that_fails_says_so_and_leaves_the_drift_of_columns(monkeypatch, part, subject, check):
    def fail(*_args, **_options):
        raise ValueError("no luck")

    monkeypatch.setattr(part, fail)
    model = BINARY.model_copy(update={"segments": ("job",)})
    _, drift, *_ = evaluate(window_of(rows(1_000, 3, spoiled=True), model), BASELINE)
    assert drift.status == "CompletedWithViolations"
    (told,) = [v for v in drift.verdicts if v.subject == subject]
    assert (told.check, told.outcome, told.reason) == (check, "insufficient", "cannot be judged: ValueError: no luck")


def test_a_monitor_that_fails_says_so_and_the_others_report():
    broken = replace(BASELINE, states={"quality": object()})
    quality, drift, model = evaluate(window_of(rows(1_000, 2)), broken)
    assert (quality.status, drift.status) == ("Completed", "Completed")
    assert model.status == "Failed"
    assert "AttributeError" in model.error
    assert violations_of(model) == []


def test_the_same_window_is_judged_alike_every_time():
    window = window_of(rows(1_000, 2))
    first, second = ([to_json(r.as_record()) for r in evaluate(window, BASELINE)] for _ in range(2))
    assert first == second


def test_statistics_have_the_managed_monitors_shape():
    report = evaluate(window_of(rows(1_000, 2)), BASELINE)[0]
    age = next(f for f in report.statistics["features"] if f["name"] == "age")
    numeric = age["numerical_statistics"]
    assert report.statistics["dataset"] == {"item_count": 1_000}
    assert numeric["common"] == {"num_present": 1_000, "num_missing": 0}
    buckets = numeric["distribution"]["kll"]["buckets"]
    assert len(buckets) == 10
    assert sum(bucket["count"] for bucket in buckets) == 1_000
    job = next(f for f in report.statistics["features"] if f["name"] == "job")
    assert {b["value"] for b in job["string_statistics"]["distribution"]["categorical"]["buckets"]} == {"a", "b"}


def test_violations_come_from_final_reports_and_are_the_same_at_every_revision():
    window = window_of(rows(1_000, 3, spoiled=True))
    report = evaluate(window, BASELINE)[1]
    found = violations_of(report)
    assert [v.verdict.subject for v in found] == ["age"]
    assert violations_of(replace(report, final=False)) == []
    again = violations_of(evaluate(replace(window, revision=9), BASELINE)[1])
    assert [v.id for v in again] == [v.id for v in found]
    assert violation_from_record(found[0].as_record()) == found[0]


def test_a_revision_that_clears_a_violation_resolves_it():
    spoiled, healthy = (evaluate(window_of(rows(1_000, 3, spoiled=s)), BASELINE)[1] for s in (True, False))
    before = violations_of(spoiled)
    healthy = replace(healthy, revision=5)
    taken_back = resolved(before, healthy)
    assert [(v.type, v.verdict.subject, v.revision, v.verdict.outcome) for v in taken_back] == [
        ("resolved", "age", 5, "ok")
    ]
    assert resolved(before, spoiled) == []
    assert resolved(before, replace(healthy, final=False)) == []
    assert resolved(before, replace(healthy, status="Failed")) == []
    assert resolved(before, replace(healthy, window_start_ms=1)) == []
    gone = resolved(before, replace(healthy, verdicts=()))
    assert [(v.verdict.outcome, v.verdict.reason) for v in gone] == [("skipped", "no longer checked")]


def test_each_revision_halves_what_may_newly_alarm():
    window = window_of(rows(1_000, 2))
    first, third = (evaluate(window, BASELINE, earlier={"data_drift": Earlier(n)})[1] for n in (0, 2))
    assert third.verdicts[0].alpha == pytest.approx(first.verdicts[0].alpha / 4)
    known = earlier_of(2, violations_of(evaluate(window_of(rows(1_000, 3, spoiled=True)), BASELINE)[1]))
    kept = evaluate(window_of(rows(1_000, 3, spoiled=True)), BASELINE, earlier={"data_drift": known})[1]
    assert known == Earlier(2, frozenset({("age", "baseline_drift_check")}))
    assert [v.verdict.subject for v in violations_of(kept)] == ["age"]


def test_a_window_revised_ten_thousand_times_is_still_judged():
    window = window_of(rows(1_000, 3, spoiled=True))
    known = earlier_of(10_000, violations_of(evaluate(window, BASELINE)[1]))
    report = evaluate(window, BASELINE, earlier={"data_drift": known})[1]
    assert (report.status, report.error) == ("CompletedWithViolations", None)
    assert [v.verdict.subject for v in violations_of(report)] == ["age"]


@pytest.mark.parametrize("distinct", [16, 17])
def test_categories_beyond_the_cap_are_named_with_their_error(distinct):
    model = ModelDefinition(model="m", columns=Columns(max_categories=16))
    job = np.array([f"job{i % distinct}" for i in range(distinct * 10)])
    (described,) = evaluate(window_of(block(job=job), model), None)[0].statistics["features"]
    named = {key: value for key, value in described["sketchwatch"].items() if "categor" in key}
    if distinct == 16:
        assert named == {}
        return
    assert named["max_categories"] == 16
    counted = window_of(block(job=job), model).profile.features["job"].categories
    assert named["categories_error"] == counted.error > 0
    assert all(10 - count <= named["categories_error"] * len(job) for count in counted.counts().values())
    assert "distribution" not in described["string_statistics"]
