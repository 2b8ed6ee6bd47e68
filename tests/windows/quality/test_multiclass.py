# SPDX-License-Identifier: Apache-2.0
"""Quality verdicts of many classes: calibrated, literal and of single classes; their files, ours and others'."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records, to_json
from windows.baselines.imported import imported_quality
from windows.baselines.quality_constraints import read_quality_constraints
from windows.baselines.roles import Roles
from windows.baselines.suggest import Suggestion, suggest
from windows.data_set import window_of_rows
from windows.definition import ModelDefinition
from windows.errors import BaselineError
from windows.evaluate import evaluate
from windows.quality.multiclass import measure
from windows.report import Report
from windows.statistics.multiclass_metrics import MULTICLASS_METRICS

CLASSES = ("ant", "bee", "cat", "dog")
ROLES = Roles(label="y", classes=CLASSES)
TESTED = (set(MULTICLASS_METRICS) - {"weighted_recall"}) | {"log_loss", "brier_score"}


def model(*, classes: tuple[str, ...] = CLASSES, **quality) -> ModelDefinition:
    return ModelDefinition.model_validate(
        {
            "model": "m",
            "problem_type": "MulticlassClassification",
            "classes": classes,
            "monitors": {"model_quality": quality},
        }
    )


def rows(n: int, seed: int, *, swapped: float = 0.0, steeper: float = 1.0, labelled: float = 1.0) -> Block:
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 2.5, (n, 4))
    chance = np.exp(logit) / np.exp(logit).sum(1, keepdims=True)
    label = (chance.cumsum(1) < rng.random((n, 1))).sum(1)
    label = np.where(rng.random(n) < swapped, (label + 1) % 4, label).astype(np.int32)
    told = np.exp(steeper * logit) / np.exp(steeper * logit).sum(1, keepdims=True)
    scores = {f"prediction.scores.{name}": Column(Kind.FLOAT, told[:, i]) for i, name in enumerate(CLASSES)}
    known = None if labelled == 1.0 else rng.random(n) < labelled
    return Block(n, {"x": Column(Kind.FLOAT, logit[:, 0]), "y": Column(Kind.STRING, label, known, CLASSES), **scores})


def suggestion(block: Block, definition: ModelDefinition | None = None) -> Suggestion:
    return suggest([block], model="m", roles=ROLES, definition=definition or model())


BASELINE = suggestion(rows(20_000, 1)).baseline


def judge(block: Block, baseline: Baseline = BASELINE, definition: ModelDefinition | None = None) -> Report:
    return evaluate(window_of_rows([block], definition or model(), roles=ROLES), baseline)[-1]


def violated(report: Report) -> set[str]:
    return {v.subject for v in report.verdicts if v.outcome == "violation" and not v.advisory}


def with_thresholds(**thresholds: float) -> Baseline:
    document = copy.deepcopy(BASELINE.quality_constraints.document)
    entries = document["multiclass_classification_constraints"]
    for name, threshold in thresholds.items():
        entries[name] = {"threshold": threshold, "comparison_operator": "LessThanThreshold"}
    return replace(BASELINE, quality_constraints=read_quality_constraints(document))


def test_a_healthy_window_passes_and_says_what_was_tested():
    report = judge(rows(2_000, 2))
    assert (report.monitor, report.status, report.error) == ("model_quality", "Completed", None)
    outcomes = {v.subject: (v.outcome, v.reason) for v in report.verdicts}
    assert {name for name, (outcome, _) in outcomes.items() if outcome == "ok"} == TESTED
    assert outcomes["weighted_recall"] == ("skipped", "decided by accuracy")
    assert {v.check for v in report.verdicts if v.subject in {"log_loss", "brier_score"}} == {"GreaterThanThreshold"}
    assert {v.baseline_n for v in report.verdicts if v.outcome == "ok"} == {20_000}


def test_swapped_labels_are_found_in_every_metric():
    assert violated(judge(rows(2_000, 3, swapped=0.3))) == TESTED


def test_scores_that_became_too_sure_are_found_by_their_losses_alone():
    assert violated(judge(rows(2_000, 4, steeper=3.0))) == {"log_loss", "brier_score"}


def test_a_better_window_is_no_violation():
    block = rows(2_000, 5)
    scores = np.stack([block.columns[f"prediction.scores.{name}"].values for name in CLASSES])
    right = Column(Kind.STRING, scores.argmax(0).astype(np.int32), None, CLASSES)
    assert violated(judge(Block(block.n, {**block.columns, "y": right}))) == set()


def test_a_threshold_that_a_person_set_is_literal_also_for_a_single_class():
    described = judge(rows(2_000, 2)).statistics["multiclass_classification_metrics"]
    for name, value in (
        ("weighted_f1", described["weighted_f1"]["value"]),
        ("recall.dog", described["per_class"]["dog"]["recall"]["value"]),
    ):
        for threshold, expected in ((value + 1e-6, {name}), (value - 1e-6, set())):
            report = judge(rows(2_000, 2), with_thresholds(**{name: threshold}))
            assert violated(report) == expected
            literal, beside = [v for v in report.verdicts if v.subject == name]
            assert (literal.mode, beside.mode, beside.advisory) == ("literal", "calibrated", True)
            assert 0.001 < beside.pvalue < 1.0


def test_a_constraint_on_a_class_that_nobody_saw_is_skipped():
    report = judge(rows(500, 2), with_thresholds(**{"recall.emu": 0.5}))
    assert [(v.outcome, v.reason) for v in report.verdicts if v.subject == "recall.emu"] == [
        ("skipped", "no such metric")
    ]


@pytest.mark.parametrize("method", ["bootstrap", "paper"])
def test_other_intervals_are_the_same_at_every_replay_and_have_the_same_values(method):
    definition = model(interval=method)
    first, second = (judge(rows(2_000, 2), definition=definition) for _ in range(2))
    assert to_json(first.as_record()) == to_json(second.as_record())
    closed = judge(rows(2_000, 2))
    for name in MULTICLASS_METRICS:
        other, ours = (r.statistics["multiclass_classification_metrics"][name] for r in (first, closed))
        assert other["value"] == pytest.approx(ours["value"], rel=1e-12)
        assert other["standard_deviation"] == pytest.approx(
            ours["standard_deviation"], rel=0.1 if method == "bootstrap" else 0.99
        )
        assert other["standard_deviation"] != ours["standard_deviation"]


def test_a_model_without_scores_has_every_metric_but_the_losses():
    block = rows(2_000, 2)
    predicted = Column(Kind.STRING, block.columns["y"].values, None, CLASSES)
    bare = Block(block.n, {"x": block.columns["x"], "y": block.columns["y"], "p": predicted})
    definition, roles = model(classes=()), Roles(label="y", prediction="p")
    baseline = suggest([bare], model="m", roles=roles, definition=definition).baseline
    assert "log_loss" not in baseline.quality_constraints.metrics
    report = evaluate(window_of_rows([bare], definition, roles=roles), baseline)[-1]
    assert {v.subject for v in report.verdicts if v.outcome == "ok"} == TESTED - {"log_loss", "brier_score"}
    described = report.statistics["multiclass_classification_metrics"]
    assert not {"log_loss", "brier_score", "calibration_error", "calibration_curve"} & described.keys()
    lost = next(v for v in judge(block, BASELINE, model(classes=CLASSES[:1])).verdicts if v.subject == "log_loss")
    assert lost.outcome == "insufficient"


def test_a_label_that_means_something_by_its_absence_is_counted():
    whole, reported = rows(4_000, 6), rows(4_000, 6, labelled=0.8)
    label, known = (reported.columns["y"].values, reported.columns["y"].valid)
    scores = np.stack([whole.columns[f"prediction.scores.{name}"].values for name in CLASSES])
    definition = model(absent_label="cat")
    report = judge(reported, definition=definition)
    counted = np.where(known, label, 2)
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (counted, scores.argmax(0)), 1)
    matrix = report.statistics["multiclass_classification_metrics"]["confusion_matrix"]
    assert [[matrix[actual][predicted] for predicted in CLASSES] for actual in CLASSES] == expected.tolist()
    assert next(v for v in report.verdicts if v.subject == "log_loss").outcome == "insufficient"


def test_absent_labels_are_counted_with_classes_beyond_the_cap_too():
    spec = MulticlassQualitySpec(max_classes=1)
    block = rows(300, 7)
    window = window_of_rows([block], model(), roles=ROLES)
    quality = spec.empty()
    for (actual, predicted), count in window.states["quality"].cells.items():
        quality.add(actual, predicted, count // 2)
    capped = replace(window, states={"quality": quality}, definition=model(absent_label="ant"))
    report = evaluate(capped, BASELINE)[-1]
    matrix = report.statistics["multiclass_classification_metrics"]["confusion_matrix"]
    assert sum(sum(row.values()) for row in matrix.values()) == 300
    assert report.statistics["multiclass_classification_metrics"]["first_class_beyond_the_cap"] == "bee"


def test_statistics_have_the_managed_monitors_form_with_intervals_and_classes():
    described = judge(rows(500, 2)).statistics["multiclass_classification_metrics"]
    twins = {f"{name}_best_constant_classifier" for name in MULTICLASS_METRICS}
    assert described.keys() == {
        "confusion_matrix",
        *MULTICLASS_METRICS,
        *twins,
        "log_loss",
        "brier_score",
        "calibration_error",
        "calibration_curve",
        "per_class",
    }
    for name in twins:
        assert described[name].keys() == {"value", "standard_deviation"}
    assert described["weighted_f1"].keys() == {"value", "standard_deviation", "interval", "n"}
    assert list(described["per_class"]) == list(CLASSES)
    assert json.loads(to_json(described))["calibration_error"]["standard_deviation"] == "NaN"


def test_of_many_classes_only_cells_with_rows_are_told():
    state = MulticlassQualitySpec().empty()
    for i in range(40):
        state.add(f"c{i:02d}", f"c{i:02d}", 3)
    state.add("c00", "c39", 1)
    matrix = measure(state, "closed", np.random.default_rng(1)).described["confusion_matrix"]
    assert matrix["c00"] == {"c00": 3, "c39": 1}
    assert matrix["c39"] == {"c39": 3}


def test_a_baseline_is_the_same_from_its_files_and_from_its_records(tmp_path: Path):
    write_baseline(BASELINE, tmp_path)
    written = json.loads((tmp_path / "model_quality" / "constraints.json").read_text())
    assert list(written["multiclass_classification_constraints"]) == list(MULTICLASS_METRICS)
    assert list(written["sketchwatch"]["constraints"]) == ["log_loss", "brier_score"]
    published = replace(BASELINE, baseline_version="3")
    for again in (read_baseline(tmp_path), baseline_from_records(dict(baseline_records(published)))):
        assert isinstance(again.quality, MulticlassQualityState)
        assert again.quality.to_bytes() == BASELINE.quality.to_bytes()
        assert again.quality.spec == BASELINE.quality.spec
        assert again.quality_constraints.metrics == BASELINE.quality_constraints.metrics
        assert violated(judge(rows(2_000, 3, swapped=0.3), again)) == TESTED


def test_a_managed_monitors_files_are_honoured_literally_beside_the_calibrated_verdict(tmp_path: Path):
    described = judge(rows(20_000, 1)).statistics["multiclass_classification_metrics"]
    folder = tmp_path / "model_quality"
    folder.mkdir()
    theirs = {"version": 0.0, "multiclass_classification_metrics": {"confusion_matrix": described["confusion_matrix"]}}
    limit = {"threshold": described["accuracy"]["value"], "comparison_operator": "LessThanThreshold"}
    (folder / "statistics.json").write_text(json.dumps({**theirs, "dataset": {"item_count": 20_000}}))
    (folder / "constraints.json").write_text(
        json.dumps({"version": 0.0, "multiclass_classification_constraints": {"accuracy": limit}})
    )
    baseline = read_baseline(tmp_path, model="m", version="1")
    assert baseline.quality.cells == BASELINE.quality.cells
    literal, beside = judge(rows(2_000, 3, swapped=0.3), baseline).verdicts
    assert (literal.mode, literal.outcome) == ("one_sd", "violation")
    assert (beside.mode, beside.outcome, beside.advisory) == ("calibrated", "violation", True)


@pytest.mark.parametrize("matrix", [{"a": {"a": -1}}, {"a": {"a": 1.5}}, {"a": {"a": "x"}}, {"a": [1]}, [1]])
def test_a_matrix_of_anything_but_counts_is_refused(matrix):
    with pytest.raises(BaselineError, match=r"expected a confusion_matrix \{class: \{class: n\}\}"):
        imported_quality({"multiclass_classification_metrics": {"confusion_matrix": matrix}})


def test_rare_classes_and_classes_beyond_the_cap_are_warned_of():
    quiet, few = suggestion(rows(20_000, 1)).warnings, suggestion(rows(300, 1)).warnings
    assert not any("labelled rows" in warning for warning in quiet)
    assert any(warning.startswith("300 labelled rows, ") and "of class" in warning for warning in few)
    names = tuple(f"c{i:03d}" for i in range(150))
    codes = np.arange(3_000, dtype=np.int32) % 150
    block = Block(3_000, {name: Column(Kind.STRING, codes, None, names) for name in ("y", "p")})
    many = suggest([block], model="m", roles=Roles("y", "p"), definition=model(classes=())).warnings
    assert "more than 100 classes: those from 'c100' on are counted as one" in many


def test_a_binary_baseline_has_no_counts_for_a_window_of_many_classes():
    binary = ModelDefinition(model="m", problem_type="BinaryClassification", positive_class="cat")
    baseline = suggest([rows(2_000, 1)], model="m", roles=ROLES, definition=binary).baseline
    accuracy = next(v for v in judge(rows(2_000, 2), baseline).verdicts if v.subject == "accuracy")
    assert (accuracy.outcome, accuracy.reason) == ("insufficient", "the baseline has no quality counts")


@pytest.mark.parametrize(
    ("classes", "more"), [((), "; name `classes` in the definition to derive predictions from scores"), (CLASSES, "")]
)
def test_rows_without_any_prediction_are_said_to_have_none(classes, more):
    held = rows(2_000, 2)
    outputs = {f"prediction.scores.{name}" for name in CLASSES} if classes else set()
    block = Block(held.n, {name: column for name, column in held.columns.items() if name not in outputs})
    window = window_of_rows([block], model(classes=classes), roles=Roles(label="y", classes=classes))
    report = evaluate(window, BASELINE)[-1]
    accuracy = next(v for v in report.verdicts if v.subject == "accuracy")
    assert (accuracy.outcome, accuracy.reason) == ("insufficient", f"window: no labelled row has a prediction{more}")
