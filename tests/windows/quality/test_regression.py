# SPDX-License-Identifier: Apache-2.0
"""Quality verdicts of regressions: calibrated, literal and in the managed monitors' manner; their files."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from sketches.block import Block
from tests.windows.build import column
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records, to_json
from windows.baselines.quality_constraints import read_quality_constraints
from windows.baselines.roles import Roles, by_role
from windows.baselines.suggest import Suggestion, suggest
from windows.definition import ModelDefinition
from windows.errors import BaselineError
from windows.evaluate import evaluate
from windows.partition.specs import QUALITY, label_specs, profile_spec
from windows.report import Report
from windows.window_profile import WindowProfile

ROLES = Roles(label="y", prediction="p", numeric=True)


def model(**quality) -> ModelDefinition:
    return ModelDefinition.model_validate(
        {"model": "m", "problem_type": "Regression", "monitors": {"model_quality": quality}}
    )


def rows(n: int, seed: int, spread: float = 10.0, offset: float = 0.0) -> Block:
    rng = np.random.default_rng(seed)
    signal = 150.0 + 20.0 * rng.standard_normal(n)
    label = signal + spread * rng.laplace(size=n) + offset
    return Block(n, {"x": column(signal), "y": column(label), "p": column(signal)})


def suggestion(block: Block, definition: ModelDefinition | None = None) -> Suggestion:
    return suggest([block], model="m", roles=ROLES, definition=definition or model())


def window(block: Block, definition: ModelDefinition, **fields) -> WindowProfile:
    monitored, _, judged = by_role(block, ROLES)
    profile, quality = profile_spec(definition).empty(), label_specs(definition)[QUALITY].empty()
    profile.update(monitored)
    quality.update(judged)
    counts = dict.fromkeys(("late", "rejected", "duplicates"), 0) | dict.fromkeys(
        ("partitions", "partitions_closed", "revision"), 1
    )
    closed = {"features_closed": True, "labels_closed": True}
    known = {"rows": block.n, "labelled": quality.n, **counts, **closed}
    return WindowProfile(definition, 0, profile, {QUALITY: quality}, **(known | fields))


BASELINE = suggestion(rows(20_000, 1)).baseline


def judge(block: Block, baseline: Baseline = BASELINE, definition: ModelDefinition | None = None, **fields) -> Report:
    return evaluate(window(block, definition or model(), **fields), baseline)[-1]


def violated(report: Report) -> set[str]:
    return {v.subject for v in report.verdicts if v.outcome == "violation" and not v.advisory}


def with_thresholds(*, foreign: bool = False, **thresholds: float) -> Baseline:
    document = copy.deepcopy(BASELINE.quality_constraints.document)
    if foreign:
        del document["sketchwatch"]
    for name, threshold in thresholds.items():
        document["regression_constraints"][name]["threshold"] = threshold
    return replace(BASELINE, quality_constraints=read_quality_constraints(document))


def test_a_healthy_window_passes_and_says_what_was_tested():
    report = judge(rows(2_000, 2))
    assert (report.monitor, report.status, report.final) == ("model_quality", "Completed", True)
    outcomes = {v.subject: (v.outcome, v.reason) for v in report.verdicts}
    assert outcomes == {
        "mae": ("ok", None),
        "mse": ("ok", None),
        "rmse": ("skipped", "decided by mse"),
        "r2": ("ok", None),
    }
    tested = [v for v in report.verdicts if v.outcome == "ok"]
    assert all(v.pvalue > 0.001 and v.interval[0] < v.value < v.interval[1] and v.error > 0 for v in tested)
    assert {v.baseline_n for v in tested} == {20_000}


def test_statistics_have_the_managed_monitors_form_with_intervals():
    block = rows(500, 2)
    label, value = (block.columns[name].values for name in ("y", "p"))
    described = judge(block).statistics["regression_metrics"]
    assert list(described) == ["mae", "mse", "rmse", "r2"]
    assert described["mae"]["value"] == pytest.approx(abs(label - value).mean(), rel=1e-12)
    assert described["rmse"]["value"] == pytest.approx(math.sqrt(((label - value) ** 2).mean()), rel=1e-12)
    assert set(described["r2"]) == {"value", "standard_deviation", "interval", "n", "heavy_tailed"}
    assert described["r2"]["n"] == 500


def test_larger_errors_and_shifted_labels_are_found():
    wider = judge(rows(2_000, 3, spread=13.0))
    assert violated(wider) == {"mae", "mse", "r2"}
    mae = next(v for v in wider.verdicts if v.subject == "mae")
    assert mae.check == "GreaterThanThreshold"
    assert mae.description == f"Metric mae with {mae.value:.6g} was GreaterThanThreshold {mae.threshold:.6g}"
    assert violated(judge(rows(2_000, 4, offset=8.0))) >= {"mae", "mse"}


def test_a_better_window_is_no_violation():
    assert violated(judge(rows(2_000, 5, spread=5.0))) == set()


def test_heavy_tails_are_flagged_and_others_are_not():
    rng = np.random.default_rng(6)
    signal = 150.0 + 20.0 * rng.standard_normal(2_000)
    for errors, flagged in ((rng.normal(size=2_000), False), (rng.standard_t(2.5, 2_000), True)):
        block = Block(2_000, {"x": column(signal), "y": column(signal + errors), "p": column(signal)})
        described = judge(block).statistics["regression_metrics"]
        assert {metric["heavy_tailed"] for metric in described.values()} == {flagged}


def test_labels_that_do_not_vary_leave_r2_insufficient_and_the_others_judged():
    n = 500
    block = Block(n, {"x": column(np.zeros(n)), "y": column(np.full(n, 150.0)), "p": column(np.linspace(140, 160, n))})
    report = judge(block)
    r2 = next(v for v in report.verdicts if v.subject == "r2")
    assert (r2.outcome, r2.reason) == ("insufficient", "the labels do not vary, or predictions are absent")
    assert next(v for v in report.verdicts if v.subject == "mse").outcome == "ok"
    assert b'"value": "NaN"' in to_json(report.statistics)


def test_nothing_is_judged_early_or_of_too_few_labels():
    block = rows(2_000, 3, spread=30.0)
    assert {v.outcome for v in judge(block, labels_closed=False).verdicts} == {"skipped"}
    reasons = {v.reason for v in judge(block, rows=4_000).verdicts}
    assert reasons == {"label coverage 0.500, needs 0.95"}
    assert {v.reason for v in judge(rows(150, 3)).verdicts} == {"150 labelled rows, needs 200"}


def test_a_threshold_a_person_set_is_literal_and_a_foreign_file_allows_one_deviation():
    metric = judge(rows(2_000, 2)).statistics["regression_metrics"]["mae"]
    value, sd = metric["value"], metric["standard_deviation"]
    for threshold, expected in ((value - 1e-6, {"mae"}), (value + 1e-6, set())):
        report = judge(rows(2_000, 2), with_thresholds(mae=threshold))
        assert violated(report) == expected
        literal, beside = [v for v in report.verdicts if v.subject == "mae"]
        assert (literal.mode, beside.mode, beside.advisory) == ("literal", "calibrated", True)
    for threshold, expected in ((value - 1.01 * sd, True), (value - 0.99 * sd, False)):
        report = judge(rows(2_000, 2), with_thresholds(foreign=True, mae=threshold))
        assert ("mae" in violated(report)) is expected


@pytest.mark.parametrize(("metric", "sign"), [("mse", 1.0), ("r2", -1.0)])
def test_the_interval_mode_violates_when_the_whole_interval_is_worse(metric, sign):
    definition = model(mode="interval")
    low, high = judge(rows(2_000, 2)).statistics["regression_metrics"][metric]["interval"]
    best = low if sign > 0 else high
    for threshold, expected in ((best - sign * 1e-6, True), (best + sign * 1e-6, False)):
        report = judge(rows(2_000, 2), with_thresholds(**{metric: threshold}), definition)
        assert (metric in violated(report)) is expected


def test_the_papers_deviation_is_smaller_and_the_same_at_every_replay():
    definition = model(interval="paper")
    first, second = (judge(rows(2_000, 2), definition=definition) for _ in range(2))
    assert to_json(first.as_record()) == to_json(second.as_record())
    closed, own = (judge(rows(2_000, 2), definition=d).statistics["regression_metrics"] for d in (model(), definition))
    for name, metric in own.items():
        assert metric["value"] == closed[name]["value"]
        assert 0.0 < metric["standard_deviation"] < 1.2 * closed[name]["standard_deviation"]


def test_a_metric_without_a_deviation_is_not_held_against_one():
    one = Block(1, {"x": column(np.zeros(1)), "y": column(np.ones(1)), "p": column(np.full(1, 1e6))})
    report = judge(one, with_thresholds(foreign=True), model(min_rows=1, mode="one_sd"))
    mae = next(v for v in report.verdicts if v.subject == "mae" and not v.advisory)
    assert (mae.outcome, mae.reason, mae.error) == ("insufficient", "the metric has no standard deviation", None)
    assert mae.value == 999_999.0


def test_a_baseline_keeps_its_sums_in_files_and_records(tmp_path: Path):
    write_baseline(BASELINE, tmp_path)
    statistics = json.loads((tmp_path / "model_quality" / "statistics.json").read_bytes())
    constraints = json.loads((tmp_path / "model_quality" / "constraints.json").read_bytes())
    assert statistics["dataset"] == {"item_count": 20_000}
    assert constraints["regression_constraints"]["r2"]["comparison_operator"] == "LessThanThreshold"
    assert {entry["comparison_operator"] for name, entry in constraints["regression_constraints"].items()} == {
        "LessThanThreshold",
        "GreaterThanThreshold",
    }
    thresholds = {name: entry["threshold"] for name, entry in constraints["regression_constraints"].items()}
    assert thresholds == {name: metric["value"] for name, metric in statistics["regression_metrics"].items()}
    for again in (read_baseline(tmp_path), baseline_from_records(dict(baseline_records(BASELINE)))):
        assert again.quality.to_bytes() == BASELINE.quality.to_bytes()
        assert to_json(judge(rows(2_000, 2), again).statistics) == to_json(judge(rows(2_000, 2)).statistics)
        assert violated(judge(rows(2_000, 3, spread=13.0), again)) == {"mae", "mse", "r2"}


def test_the_managed_monitors_own_files_are_read_and_held_literally(tmp_path: Path):
    """The example of the paper's appendix B: four rows, and no deviation of r2."""
    printed = {"mae": 0.5, "mse": 0.5000000000000001, "rmse": 0.7071067811865476, "r2": -1.6666666666666674}
    deviations = {"mae": 0.2260776661041756, "mse": 0.2260776661041756, "rmse": 0.13949944301704126, "r2": "NaN"}
    (tmp_path / "model_quality").mkdir()
    statistics = {
        "version": 0.0,
        "dataset": {"item_count": 4},
        "regression_metrics": {
            name: {"value": value, "standard_deviation": deviations[name]} for name, value in printed.items()
        },
    }
    constraints = {
        "version": 0.0,
        "regression_constraints": {
            name: {
                "threshold": value,
                "comparison_operator": "LessThanThreshold" if name == "r2" else "GreaterThanThreshold",
            }
            for name, value in printed.items()
        },
    }
    for name, document in (("statistics", statistics), ("constraints", constraints)):
        (tmp_path / "model_quality" / f"{name}.json").write_text(json.dumps(document))
    baseline = read_baseline(tmp_path, model="m")
    report = judge(rows(2_000, 2), baseline)
    assert violated(report) == {"mae", "mse", "rmse"}
    beside = {v.subject: v.reason for v in report.verdicts if v.advisory}
    assert beside["mae"] == "the baseline has no quality counts"


def test_few_rows_and_far_labels_are_warned_of():
    assert any("500 labelled rows with a prediction" in warning for warning in suggestion(rows(500, 1)).warnings)
    block = rows(3_000, 1)
    far = Block(block.n, {**block.columns, "y": column(block.columns["y"].values + 1e6)})
    (warning,) = [text for text in suggestion(far).warnings if "label_center" in text]
    assert warning.endswith("set monitors.model_quality.label_center = 1.00015e+06, if they vary at all")
    centred = suggestion(far, model(label_center=1_000_150.0))
    assert not any("label_center" in text for text in centred.warnings)
    assert centred.baseline.quality.spec.center == 1_000_150.0


def test_what_is_not_a_regression_is_refused_in_one_line():
    for quality, message in (
        ({"absent_label": "0"}, "expected no monitors.model_quality.absent_label for a Regression"),
        ({"interval": "bootstrap"}, 'expected monitors.model_quality.interval "closed" or "paper"'),
    ):
        with pytest.raises(ValidationError, match=message):
            model(**quality)
    with pytest.raises(BaselineError, match="expected no score column for a regression, got 's'"):
        by_role(Block(1, {"s": column(np.ones(1))}), Roles(score="s", numeric=True))
    with pytest.raises(BaselineError, match="expected numbers in label column 'y', got STRING"):
        by_role(Block(1, {"y": column(np.array(["a"]))}), Roles(label="y", numeric=True))
