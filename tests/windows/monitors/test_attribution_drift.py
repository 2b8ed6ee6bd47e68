# SPDX-License-Identifier: Apache-2.0
"""Attribution drift: rankings against a policy, each feature's own attributions against the baseline's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sketches.block import Block
from tests.windows.build import block, window_of
from windows.baselines.baseline import Baseline
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.report import Report, Verdict, Violation
from windows.statistics.ndcg import ndcg

SCALES = np.array([0.9, 0.5, 0.3, 0.1])
NAMES = ("age", "job", "sex", "zip")


def model(classes: tuple[str, ...] = (), **options: Any) -> ModelDefinition:
    monitors = {
        "attribution_drift": {"enabled": True, **options},
        "data_quality": {"enabled": False},
        "data_drift": {"enabled": False},
    }
    return ModelDefinition(model="m", monitors=monitors, classes=classes)


MODEL = model()


def rows(n: int, seed: int, scales: np.ndarray = SCALES, prefix: str = "attributions.", shift: float = 0.0) -> Block:
    values = np.random.default_rng(seed).normal(size=(n, 4)) * scales + shift
    return block(**{f"{prefix}{name}": values[:, i] for i, name in enumerate(NAMES)})


def known(of: Block, definition: ModelDefinition = MODEL) -> Baseline:
    return suggest([of], model="m", definition=definition).baseline


BASELINE = known(rows(10_000, 0))


def judge(of: Block, baseline: Baseline | None = BASELINE, definition: ModelDefinition = MODEL) -> Report:
    (report,) = evaluate(window_of(of, definition), baseline)
    assert (report.monitor, report.error) == ("attribution_drift", None)
    return report


def ranking(report: Report, subject: str = "label0") -> Verdict:
    return next(v for v in report.verdicts if v.subject == subject and v.check == "feature_attribution_drift_check")


def drifted(report: Report) -> set[str]:
    found = (v for v in report.verdicts if v.outcome == "violation" and v.check == "baseline_drift_check")
    return {verdict.subject for verdict in found}


def test_a_window_like_the_baseline_is_in_order() -> None:
    report = judge(rows(1_000, 1))
    assert report.status == "Completed"
    assert ranking(report).value == pytest.approx(1.0)
    assert {v.subject for v in report.verdicts} == {"label0", *(f"attributions.{name}" for name in NAMES)}


def test_a_ranking_turned_around_violates_with_the_managed_monitors_words() -> None:
    report = judge(rows(1_000, 1, SCALES[::-1]))
    verdict = ranking(report)
    assert (verdict.mode, verdict.outcome, verdict.threshold) == ("literal", "violation", 0.9)
    assert verdict.value == pytest.approx(ndcg(SCALES, SCALES[::-1]), abs=0.03)
    assert verdict.interval is not None
    assert verdict.interval[0] <= verdict.value <= verdict.interval[1]
    assert verdict.description == f"Feature attribution drift {verdict.value:.6g} exceeds threshold 0.9"
    record = Violation("violation", "m", "1", "attribution_drift", 0, 1, 1, verdict).as_record()
    assert (record["label"], record["metric_name"]) == ("label0", "shap")
    assert record["constraint_check_type"] == "feature_attribution_drift_check"


def test_what_no_ranking_sees_shows_in_shares_and_in_the_features_own_attributions() -> None:
    report = judge(rows(2_000, 1, np.array([0.9, 0.5, 0.11, 0.1])))
    assert ranking(report).outcome == "ok"
    assert drifted(report) == {"attributions.sex"}
    described = report.statistics["sketchwatch"]["labels"]["label0"]
    assert described["share_change"] > 0.1
    assert described["features"][0]["name"] in {"age", "sex"}


def test_attributions_that_all_collapse_keep_their_ranking_and_are_seen_all_the_same() -> None:
    report = judge(rows(1_000, 1, SCALES / 4))
    assert ranking(report).value == pytest.approx(1.0)
    assert drifted(report) == {f"attributions.{name}" for name in NAMES}


def test_attributions_of_opposite_sign_have_the_same_importance_and_are_seen() -> None:
    report = judge(rows(1_000, 1, shift=0.3), known(rows(10_000, 0, shift=-0.3)))
    assert ranking(report).outcome == "ok"
    assert drifted(report) == {f"attributions.{name}" for name in NAMES}


def test_the_threshold_is_the_definitions() -> None:
    turned = rows(1_000, 1, SCALES[::-1])
    assert ranking(judge(turned, definition=model(min_ndcg=0.2))).outcome == "ok"
    assert drifted(judge(rows(2_000, 1, SCALES * 1.4), definition=model(min_distance=0.5))) == set()


def test_statistics_have_the_managed_monitors_shape() -> None:
    report = judge(rows(500, 1))
    shap = report.statistics["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert report.statistics["version"] == "1.0"
    raw = np.abs(np.random.default_rng(1).normal(size=(500, 4)) * SCALES).mean(axis=0)
    assert shap == pytest.approx(dict(zip(NAMES, raw, strict=True)), rel=1e-12)


def test_several_classes_are_ranked_apart_and_tested_together() -> None:
    classes = ("no", "yes")
    definition = model(classes)
    parts = [rows(5_000, i, prefix=f"attributions.{name}.") for i, name in enumerate(classes)]
    baseline = known(Block(5_000, {**parts[0].columns, **parts[1].columns}), definition)
    live = [
        rows(1_000, 7, prefix="attributions.no."),
        rows(1_000, 8, np.roll(SCALES, 2), prefix="attributions.yes."),
    ]
    report = judge(Block(1_000, {**live[0].columns, **live[1].columns}), baseline, definition)
    assert ranking(report, "no").outcome == "ok"
    assert ranking(report, "yes").outcome == "violation"
    assert drifted(report) == {f"attributions.yes.{name}" for name in NAMES}
    assert list(report.statistics["explanations"]["kernel_shap"]) == ["no", "yes"]


def managed(label: str, values: dict[str, float]) -> Baseline:
    labels = {label: {"global_shap_values": values, "expected_value": 0.25}}
    document = {"version": "1.0", "explanations": {"kernel_shap": labels}}
    return Baseline("m", documents={"attribution_drift": document})


@pytest.mark.parametrize("label", ["label0", "0.7956783771514893"])
def test_a_managed_monitors_file_is_enough_for_rankings_and_labels_match_by_position(label: str) -> None:
    baseline = managed(label, {"age": 0.7, "job": -0.4, "sex": 0.2, "zip": 0.1})
    report = judge(rows(500, 1), baseline)
    assert [v.subject for v in report.verdicts] == ["label0"]
    assert ranking(report).outcome == "ok"
    assert ranking(judge(rows(500, 1, SCALES[::-1]), baseline)).outcome == "violation"


def test_features_that_only_one_side_knows_count() -> None:
    report = judge(rows(500, 1), managed("label0", {"age": 0.5, "gone": 0.5, "job": 0.3}))
    live = np.abs(np.random.default_rng(1).normal(size=(500, 4)) * SCALES).mean(axis=0)
    # In the order of the baseline: age, gone, job; then sex and zip, which it does not know.
    expected = ndcg([0.5, 0.5, 0.3, 0.0, 0.0], [live[0], 0.0, live[1], live[2], live[3]])
    assert ranking(report).value == pytest.approx(expected, abs=1e-12)


def test_a_managed_monitors_encoded_features_are_summed_where_the_definition_groups_them() -> None:
    definition = model(groups={"person": ("age", "sex")})
    report = judge(rows(500, 1), managed("label0", {"age": 0.5, "sex": 0.4, "job": 0.3, "zip": 0.1}), definition)
    assert ranking(report).value == pytest.approx(1.0)
    names = [feature["name"] for feature in report.statistics["sketchwatch"]["labels"]["label0"]["features"]]
    assert sorted(names) == ["job", "person", "zip"]


@pytest.mark.parametrize(
    ("of", "baseline", "reason"),
    [
        (block(age=np.arange(300.0)), BASELINE, "no event of the window holds attributions"),
        (rows(300, 1), None, "no baseline of attributions is published"),
        (rows(300, 1), Baseline("m"), "no baseline of attributions is published"),
        (rows(199, 1), BASELINE, "199 rows, needs 200"),
        (rows(300, 1, np.zeros(4)), BASELINE, "no feature has any importance"),
        (rows(300, 1), managed("label0", {"age": 0.0}), "no feature has any importance"),
    ],
)
def test_what_cannot_be_ranked_is_said_to_be_so(of: Block, baseline: Baseline | None, reason: str) -> None:
    report = judge(of, baseline)
    verdict = next(v for v in report.verdicts if v.check == "feature_attribution_drift_check")
    assert verdict.outcome == "insufficient"
    assert verdict.reason is not None
    assert reason in verdict.reason


def test_an_attribute_that_is_missing_in_a_window_cannot_be_tested() -> None:
    held = rows(500, 1)
    short = Block(500, {name: column for name, column in held.columns.items() if name != "attributions.zip"})
    verdict = next(v for v in judge(short).verdicts if v.subject == "attributions.zip")
    assert (verdict.outcome, verdict.reason) == ("insufficient", "0 values, needs 200")


def test_a_damaged_document_fails_this_monitor_alone_and_says_why() -> None:
    bad = replace(BASELINE, documents={"attribution_drift": {"explanations": {"kernel_shap": {"label0": {}}}}})
    (report,) = evaluate(window_of(rows(300, 1), MODEL), bad)
    assert report.status == "Failed"
    assert report.error is not None
    assert "expected global_shap_values of label 'label0'" in report.error


@pytest.mark.statistical
def test_windows_without_drift_do_not_alarm() -> None:
    alarms = sum(judge(rows(400, seed)).status != "Completed" for seed in range(100, 200))
    # The monitor's whole budget is 1 in 50 windows; the test is far below it.
    assert alarms <= 1
