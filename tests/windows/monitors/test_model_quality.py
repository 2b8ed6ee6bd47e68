# SPDX-License-Identifier: Apache-2.0
"""Model quality verdicts: calibrated, literal and in the managed monitors' manner."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block
from sketches.score_losses import ScoreLosses
from tests.windows.build import BINARY, baseline_of, column, definition, window_of
from windows.baselines.baseline_records import to_json
from windows.baselines.quality_constraints import read_quality_constraints
from windows.evaluate import evaluate
from windows.report import Report
from windows.statistics.binary_metrics import Cells

OF_SCORES = {"auc", "log_loss", "brier_score"}
TESTED = {"recall", "precision", "accuracy", "true_negative_rate", "f0_5", "f1", "f2"} | OF_SCORES
TWINS = {"true_positive_rate", "false_positive_rate", "false_negative_rate"}


def rows(n: int, seed: int, flipped: float = 0.0) -> Block:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.25).astype(int)
    score = 1 / (1 + np.exp(-rng.normal(np.where(label, 1.0, -1.5), 1.2)))
    flip = rng.random(n) < flipped
    return Block(n, {"label": column(np.where(flip, 1 - label, label)), "score": column(score)})


BASELINE = baseline_of(rows(20_000, 1))


def judge(block: Block, baseline=BASELINE, model=BINARY, **fields) -> Report:
    return evaluate(window_of(block, model, **fields), baseline)[-1]


def violated(report: Report) -> set[str]:
    return {v.subject for v in report.verdicts if v.outcome == "violation" and not v.advisory}


@pytest.mark.parametrize(
    ("label", "score", "subject", "said"),
    [
        (0, None, "recall", "window: no row has the label '1'"),
        (1, None, "true_negative_rate", "window: every row has the label '1'"),
        (None, 0.1, "precision", "window: no row is predicted '1'"),
    ],
)
def test_a_metric_without_a_value_says_what_is_absent_and_where(label, score, subject, said):
    held = rows(2_000, 2)
    columns = {
        "label": held.columns["label"] if label is None else column(np.full(held.n, label)),
        "score": held.columns["score"] if score is None else column(np.full(held.n, score)),
    }
    (found,) = [v for v in judge(Block(held.n, columns)).verdicts if v.subject == subject]
    assert (found.outcome, found.reason) == ("insufficient", said)


def test_a_metric_that_the_baseline_has_not_says_so():
    negative = Block(20_000, {**rows(20_000, 1).columns, "label": column(np.zeros(20_000, int))})
    baseline = replace(BASELINE, states={**BASELINE.states, "quality": baseline_of(negative).quality})
    (recall,) = [v for v in judge(rows(2_000, 2), baseline).verdicts if v.subject == "recall"]
    assert (recall.outcome, recall.reason) == ("insufficient", "baseline: no row has the label '1'")


def with_thresholds(*, foreign: bool = False, **thresholds: float) -> object:
    document = copy.deepcopy(BASELINE.quality_constraints.document)
    if foreign:
        del document["sketchwatch"]
    for name, threshold in thresholds.items():
        document["binary_classification_constraints"][name]["threshold"] = threshold
    return replace(BASELINE, quality_constraints=read_quality_constraints(document))


def test_a_healthy_window_passes_and_says_what_was_tested():
    report = judge(rows(2_000, 2))
    assert (report.monitor, report.status, report.final) == ("model_quality", "Completed", True)
    assert {v.subject for v in report.verdicts if v.outcome == "ok"} == TESTED
    assert {v.subject for v in report.verdicts if v.outcome == "skipped"} == TWINS
    assert all(
        v.pvalue is not None and v.interval is not None and v.error > 0 for v in report.verdicts if v.outcome == "ok"
    )


def test_flipped_labels_are_found():
    report = judge(rows(2_000, 3, flipped=1 / 3))
    assert report.status == "CompletedWithViolations"
    assert violated(report) >= {"accuracy", "recall", "auc", "f1"}
    accuracy = next(v for v in report.verdicts if v.subject == "accuracy")
    assert accuracy.check == "LessThanThreshold"
    assert (
        accuracy.description
        == f"Metric accuracy with {accuracy.value:.6g} was LessThanThreshold {accuracy.threshold:.6g}"
    )


def test_a_better_window_is_no_violation():
    n = 2_000
    label = np.random.default_rng(5).integers(0, 2, n)
    assert violated(judge(Block(n, {"label": column(label), "score": column(0.1 + 0.8 * label)}))) == set()


def test_nothing_is_judged_before_the_label_horizon():
    report = judge(rows(2_000, 3, flipped=1 / 3), labels_closed=False)
    assert (report.final, report.status) == (False, "InsufficientData")
    assert {(v.outcome, v.reason) for v in report.verdicts} == {
        ("skipped", "labels may still arrive: the label horizon has not passed")
    }
    assert report.statistics["binary_classification_metrics"]["accuracy"]["value"] < 0.8


def test_too_few_labels_of_all_rows_are_insufficient():
    report = judge(rows(2_000, 3, flipped=1 / 3), rows=4_000)
    assert {(v.outcome, v.reason) for v in report.verdicts} == {("insufficient", "label coverage 0.500, needs 0.95")}


def test_too_few_labelled_rows_are_insufficient():
    report = judge(rows(150, 3))
    assert {v.outcome for v in report.verdicts} == {"insufficient"}


def test_a_label_that_means_something_by_its_absence_is_counted():
    n = 4_000
    label, score = (rows(n, 6).columns[name].values for name in ("label", "score"))
    reported = Block(n, {"score": column(score), "label": replace(column(label), valid=label == 1)})
    model = definition(model_quality={"absent_label": "0"})
    report = judge(reported, model=model, labelled=int(label.sum()))
    predicted = score > 0.5
    matrix = report.statistics["binary_classification_metrics"]["confusion_matrix"]
    assert matrix["1"] == {"0": int((~predicted & (label == 1)).sum()), "1": int((predicted & (label == 1)).sum())}
    assert matrix["0"] == {"0": int((~predicted & (label == 0)).sum()), "1": int((predicted & (label == 0)).sum())}
    assert {v.subject for v in report.verdicts if v.outcome == "ok"} == TESTED - OF_SCORES
    assert next(v for v in report.verdicts if v.subject == "auc").outcome == "insufficient"


def test_a_threshold_a_person_set_is_literal():
    value = judge(rows(2_000, 2)).statistics["binary_classification_metrics"]["recall"]["value"]
    for threshold, expected in ((value + 1e-6, {"recall"}), (value - 1e-6, set())):
        report = judge(rows(2_000, 2), with_thresholds(recall=threshold))
        assert violated(report) == expected
        literal, beside = [v for v in report.verdicts if v.subject == "recall"]
        assert (literal.mode, beside.mode, beside.advisory) == ("literal", "calibrated", True)


def test_a_foreign_file_allows_one_standard_deviation():
    metric = judge(rows(2_000, 2)).statistics["binary_classification_metrics"]["recall"]
    value, sd = metric["value"], metric["standard_deviation"]
    for threshold, expected in ((value + 1.01 * sd, True), (value + 0.99 * sd, False)):
        report = judge(rows(2_000, 2), with_thresholds(foreign=True, recall=threshold))
        assert ("recall" in violated(report)) is expected
        assert next(v for v in report.verdicts if v.subject == "recall").mode == "one_sd"


def test_the_interval_mode_violates_when_the_whole_interval_is_worse():
    model = definition(model_quality={"mode": "interval"})
    low, high = judge(rows(2_000, 2)).statistics["binary_classification_metrics"]["false_positive_rate"]["interval"]
    for threshold, expected in ((low - 1e-6, True), (low + 1e-6, False), (high, False)):
        report = judge(rows(2_000, 2), with_thresholds(false_positive_rate=threshold), model)
        assert ("false_positive_rate" in violated(report)) is expected


def test_bootstrap_intervals_are_the_same_at_every_replay():
    model = definition(model_quality={"interval": "bootstrap"})
    first, second = (judge(rows(2_000, 2), model=model) for _ in range(2))
    assert to_json(first.as_record()) == to_json(second.as_record())
    closed = judge(rows(2_000, 2))
    for name in ("accuracy", "auc"):
        metrics = [r.statistics["binary_classification_metrics"][name] for r in (first, closed)]
        assert metrics[0]["standard_deviation"] == pytest.approx(metrics[1]["standard_deviation"], rel=0.15)
        assert metrics[0]["value"] == metrics[1]["value"]


def test_a_window_of_one_class_is_insufficient_where_the_other_is_needed():
    n = 500
    score = np.random.default_rng(1).random(n) * 0.4
    report = judge(Block(n, {"label": column(np.zeros(n, int)), "score": column(score)}))
    outcomes = {v.subject: v.outcome for v in report.verdicts}
    assert outcomes["recall"] == outcomes["precision"] == outcomes["auc"] == "insufficient"
    assert outcomes["accuracy"] == outcomes["true_negative_rate"] == "ok"


def test_a_model_without_scores_has_every_metric_but_those_of_scores():
    block = rows(2_000, 2)
    monitored = window_of(block)
    monitored.quality.scores, monitored.quality.losses = np.zeros_like(monitored.quality.scores), ScoreLosses()
    report = evaluate(monitored, BASELINE)[-1]
    assert {v.subject for v in report.verdicts if v.outcome == "insufficient"} == OF_SCORES
    assert {v.subject for v in report.verdicts if v.outcome == "ok"} == TESTED - OF_SCORES


def test_all_metrics_are_counted_from_the_joined_rows():
    block = rows(2_000, 2)
    label, predicted = block.columns["label"].values == 1, block.columns["score"].values > 0.5
    cells = Cells(
        *(int(c.sum()) for c in (label & predicted, label & ~predicted, ~label & predicted, ~label & ~predicted))
    )
    assert judge(block).statistics["binary_classification_metrics"]["confusion_matrix"] == {
        "0": {"0": cells.tn, "1": cells.fp},
        "1": {"0": cells.fn, "1": cells.tp},
    }


def test_perfect_scores_on_both_sides_are_no_violation():
    n = 2_000
    label = np.arange(n) % 2
    block = Block(n, {"label": column(label), "score": column(0.1 + 0.8 * label)})
    report = judge(block, baseline_of(block))
    assert violated(report) == set()


def test_scores_that_became_too_sure_are_found_by_log_loss_alone():
    block = rows(2_000, 2)
    score = block.columns["score"].values
    sure = Block(block.n, {**block.columns, "score": column(score**12 / (score**12 + (1 - score) ** 12))})
    assert violated(judge(sure)) == {"log_loss"}


def test_statistics_have_the_managed_monitors_names_and_ours():
    described = judge(rows(2_000, 2)).statistics["binary_classification_metrics"]
    theirs = {"recall", "precision", "accuracy", "f0_5", "f1", "f2"}
    rates = {f"{answer}_{sign}_rate" for answer in ("true", "false") for sign in ("positive", "negative")}
    curves = {"receiver_operating_characteristic_curve", "precision_recall_curve"}
    ours = {"log_loss", "brier_score", "calibration_error", "calibration_curve"}
    twins = {f"{name}_best_constant_classifier" for name in theirs}
    assert described.keys() == {"confusion_matrix", "auc", *theirs, *rates, *twins, *curves, *ours}
    assert described["precision_best_constant_classifier"].keys() == {"value", "standard_deviation"}
    error = described["calibration_error"]
    assert math.isnan(error["standard_deviation"])
    assert 0.0 < error["expected_if_calibrated"] < 0.1


def test_the_papers_deviation_is_smaller_and_the_values_are_the_same():
    closed, paper = (
        judge(rows(20_000, 2), model=model).statistics["binary_classification_metrics"]
        for model in (BINARY, definition(model_quality={"interval": "paper"}))
    )
    for name in TESTED - {"log_loss", "brier_score"}:
        assert paper[name]["value"] == pytest.approx(closed[name]["value"], rel=1e-12)
        assert paper[name]["standard_deviation"] < closed[name]["standard_deviation"]
    assert paper["log_loss"] == closed["log_loss"]
