# SPDX-License-Identifier: Apache-2.0
"""Bias verdicts: calibrated, by the paper's rule, and where one metric or the whole baseline says nothing."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from sketches.block import Block
from tests.windows.build import baseline_of, block, window_of
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.partition.specs import label_specs
from windows.report import Report, Verdict
from windows.statistics.bias_metrics import BIAS_METRICS
from windows.violations import violation_from_record, violations_of

COLUMNS = {"drop": ["secret"], "hash": ["name"]}
FACETS = [{"name": "sex", "values": ["f"]}, {"name": "age", "above": 40}]
JUDGED = set(BIAS_METRICS) - {"KL", "JS", "LP", "TVD", "KS"}


def model(**options) -> ModelDefinition:
    bias = {"facets": FACETS, "group": "region"} | options
    return ModelDefinition(model="m", problem_type="BinaryClassification", monitors={"bias": bias})


def people(n: int, seed: int, *, gap: float = 0.15, predicted_gap: float | None = None) -> Block:
    """Women have a positive label less often by a gap, and a positive prediction too."""
    rng = np.random.default_rng(seed)
    woman, region = rng.random(n) < 0.4, rng.integers(0, 3, n)
    label = rng.random(n) < 0.45 - gap * woman
    wrong = rng.random(n) < 0.2
    score = np.where(label ^ wrong, 0.8, 0.2)
    if predicted_gap is not None:
        score = np.where(woman & (rng.random(n) < predicted_gap), 0.1, score)
    return block(
        sex=np.where(woman, "f", "m"),
        age=rng.integers(18, 80, n),
        region=region.astype(str),
        label=label.astype(int),
        score=score,
    )


BASELINE = baseline_of(people(20_000, 1), definition=model())


def judge(
    rows: Block, baseline: Baseline | None = BASELINE, definition: ModelDefinition | None = None, /, **fields
) -> Report:
    window = window_of(rows, definition or model(), **fields)
    (report,) = [report for report in evaluate(window, baseline) if report.monitor == "bias"]
    assert report.error is None
    return report


def verdict(report: Report, subject: str, *, advisory: bool = False) -> Verdict:
    (found,) = [said for said in report.verdicts if said.subject == subject and said.advisory == advisory]
    return found


def violated(report: Report) -> set[str]:
    return {said.subject for said in report.verdicts if said.outcome == "violation" and not said.advisory}


def with_limits(keep_counts: bool = True, **limits: float | str | None) -> Baseline:
    """The baseline with some limits of sex=f written by a person, or by another system."""
    document = copy.deepcopy(BASELINE.documents["bias"])
    for stage in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for metric in document[stage]["facets"]["sex"][0]["metrics"]:
            metric["value"] = limits.get(metric["name"], metric["value"])
    return replace(BASELINE, documents={"bias": document}, states=BASELINE.states if keep_counts else {})


def test_a_healthy_window_is_quiet_and_every_metric_is_there():
    report = judge(people(2_500, 2))
    assert report.status == "Completed"
    assert not violated(report)
    names = {(said.facet, said.facet_value, said.statistic) for said in report.verdicts}
    assert names == {(f, v, m) for f, v in (("sex", "f"), ("age", "(40, Infinity)")) for m in BIAS_METRICS}
    assert {said.statistic for said in report.verdicts if said.pvalue is not None} == JUDGED


@pytest.mark.parametrize("n", [400, 2_500])
def test_predictions_that_turn_against_women_are_found(n):
    report = judge(people(n, 3, predicted_gap=0.8))
    assert {"DPPL sex=f", "DI sex=f"} <= violated(report)
    assert all("sex=f" in subject or subject.startswith("GE") for subject in violated(report))
    said = verdict(report, "DPPL sex=f")
    assert said.pvalue is not None
    assert said.alpha is not None
    assert said.pvalue < said.alpha
    assert said.threshold == pytest.approx(BASELINE_DPPL)


BASELINE_DPPL = next(
    metric["value"]
    for metric in BASELINE.documents["bias"]["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    if metric["name"] == "DPPL"
)


@pytest.mark.parametrize("accepted", [0, 3])
def test_women_who_are_all_rejected_are_found(accepted):
    rows = people(2_500, 3)
    score, woman = rows.columns["score"].values.copy(), rows.columns["sex"].values == 0
    score[woman] = 0.1
    score[np.flatnonzero(woman)[:accepted]] = 0.8
    denied = Block(rows.n, {**rows.columns, "score": block(score=score).columns["score"]})
    assert {"DPPL sex=f", "DI sex=f", "RD sex=f"} <= violated(judge(denied))


def test_less_bias_than_the_baseline_has_is_no_violation_and_bias_the_other_way_is():
    assert not violated(judge(people(2_500, 4, gap=0.0)))
    assert "DPL sex=f" in violated(judge(people(2_500, 5, gap=-0.45)))


def test_the_report_has_the_form_of_an_analysis_with_intervals():
    report = judge(people(2_500, 2))
    assert report.statistics["dataset"] == {"item_count": 2_500, "capped": []}
    facets = report.statistics["post_training_bias_metrics"]["facets"]
    (entry,) = facets["age"]
    assert entry["value_or_threshold"] == "(40, Infinity)"
    names = [metric["name"] for metric in entry["metrics"]]
    assert names[:-2] == sorted(names[:-2])
    assert names[-2:] == ["equal_opportunity", "statistical_parity"]
    metrics = {metric["name"]: metric for metric in facets["sex"][0]["metrics"]}
    assert metrics["equal_opportunity"]["value"] == metrics["RD"]["value"]
    assert metrics["statistical_parity"]["value"] == metrics["DPPL"]["value"]
    low, high = metrics["DPPL"]["interval"]
    assert low < metrics["DPPL"]["value"] < high
    assert metrics["DPPL"]["n"] == 2_500


def test_a_violation_names_facet_value_and_metric():
    report = judge(people(2_500, 3, predicted_gap=0.8))
    (violation,) = [v for v in violations_of(report) if v.verdict.subject == "DPPL sex=f"]
    record = violation.as_record()
    assert (record["facet"], record["facet_value"], record["metric_name"]) == ("sex", "f", "DPPL")
    assert record["constraint_check_type"] == "bias_drift_check"
    value, limit = violation.verdict.value, violation.verdict.threshold
    expected = f"Metric value {value} doesn't meet the baseline constraint requirement {limit}"
    assert record["description"] == expected
    assert "feature_name" not in record
    assert violation_from_record(record) == violation
    assert len({v.id for v in violations_of(report)}) == len(violations_of(report))


def test_no_facet_value_named_means_each_in_turn():
    definition = model(facets=[{"name": "sex"}], group=None)
    report = judge(people(2_500, 6), baseline_of(people(20_000, 1), definition=definition), definition)
    assert {said.facet_value for said in report.verdicts} == {"f", "m"}
    women, men = (verdict(report, f"DPL sex={value}") for value in ("f", "m"))
    assert women.value == pytest.approx(-men.value)
    assert women.pvalue == pytest.approx(men.pvalue)
    assert not any(said.statistic in {"CDDL", "CDDPL"} for said in report.verdicts)
    entries = report.statistics["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    assert next(entry for entry in entries if entry["name"] == "CDDL") == {
        "name": "CDDL",
        "description": "Conditional Demographic Disparity in Labels (CDDL)",
        "value": None,
        "error": "no group variable is defined",
    }


@pytest.mark.parametrize("text", ["18", "18.0"])
@pytest.mark.parametrize("values", [["18.0"], [18], [18.0]])
def test_a_number_is_the_same_value_of_a_facet_however_it_is_written(text, values):
    definition = model(facets=[{"name": "age", "values": values}], group=None, metrics=["CI"])
    rows = people(2_500, 6)
    young = rows.columns["age"].values < 30
    column = block(age=np.where(young, int(text), 40) if text == "18" else np.where(young, text, "40")).columns["age"]
    rows = Block(rows.n, {**rows.columns, "age": column})
    said = verdict(judge(rows, baseline_of(rows, definition=definition), definition), "CI age=18")
    assert said.value == pytest.approx(1.0 - 2.0 * young.mean())


def test_metrics_may_be_chosen_also_by_their_other_names():
    definition = model(metrics=["equal_opportunity", "DPL"])
    report = judge(people(2_500, 2), BASELINE, definition)
    assert {said.statistic for said in report.verdicts} == {"RD", "DPL"}


def test_a_named_metric_that_nothing_was_kept_for_is_said():
    definition = model(metrics=["CDDL"])
    bias = definition.monitors.bias.model_copy(update={"group": None, "metrics": ("FT", "CDDL")})
    definition = definition.model_copy(update={"monitors": definition.monitors.model_copy(update={"bias": bias})})
    report = judge(people(2_500, 2), BASELINE, definition)
    assert verdict(report, "FT sex=f").reason == "no sample of rows was kept"
    assert verdict(report, "CDDL sex=f").reason == "no group variable is defined"
    assert {said.outcome for said in report.verdicts} == {"insufficient"}


def test_only_the_values_of_most_rows_are_judged_and_the_others_counted():
    definition = model(facets=[{"name": "age"}], group=None, metrics=["CI"], max_values=3)
    rows = people(2_500, 2)
    age = np.concatenate([np.arange(18, 60), rows.columns["age"].values[42:] % 3 + 70])
    rows = Block(rows.n, {**rows.columns, "age": block(age=age).columns["age"]})
    for baseline in (baseline_of(rows, definition=definition), Baseline("m", documents={"bias": {}})):
        report = judge(rows, baseline, definition)
        assert {said.facet_value for said in report.verdicts} == {"70", "71", "72", None}
        said = verdict(report, "* age")
        assert (said.outcome, said.reason) == (
            "insufficient",
            "42 more values are not judged: use above = ..., or name values",
        )
    entries = baseline_of(rows, definition=definition).documents["bias"]["pre_training_bias_metrics"]["facets"]["age"]
    assert [entry["value_or_threshold"] for entry in entries] == ["70", "71", "72"]


@pytest.mark.parametrize("mode", ["calibrated", "literal"])
def test_a_metric_of_everybody_is_judged_whatever_facet_is_new(mode):
    definition = model(facets=[{"name": "region", "values": ["1"]}, *FACETS], metrics=["GE"], group=None, mode=mode)
    report = judge(people(2_500, 2), BASELINE, definition)
    assert verdict(report, "GE sex=f", advisory=mode == "literal").pvalue is not None


def test_metrics_that_say_the_same_are_tested_once():
    report = judge(people(2_500, 2))
    assert verdict(report, "KS sex=f").reason == "says no more than DPL, which decides"
    assert verdict(report, "GE sex=f").pvalue is not None
    assert verdict(report, "GE age=(40, Infinity)").outcome == "skipped"


def test_a_metric_without_a_value_leaves_the_others():
    rows = people(2_500, 2)
    nobody = Block(rows.n, {**rows.columns, "score": block(score=np.full(rows.n, 0.1)).columns["score"]})
    report = judge(nobody)
    assert verdict(report, "CDDPL sex=f").reason == "window: no positive labels"
    assert verdict(report, "DAR sex=f").outcome == "insufficient"
    assert verdict(report, "DPL sex=f").outcome == "ok"
    assert verdict(report, "DI sex=f").reason == "window: no predicted positives"
    assert verdict(report, "DI sex=f").value is None
    entries = report.statistics["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    (failed,) = [entry for entry in entries if entry["name"] == "CDDPL"]
    assert (failed["value"], failed["error"]) == (None, "no positive labels")


def test_a_facet_that_no_row_has_is_said_so():
    (said,) = judge(people(500, 2), BASELINE_OF_NOTHING, MISSPELT).verdicts
    assert (said.subject, said.outcome) == ("* sx", "insufficient")
    assert said.reason == "no row of the window or of the baseline has a value of it"


MISSPELT = model(facets=[{"name": "sx"}], group=None)
BASELINE_OF_NOTHING = baseline_of(people(500, 1), definition=MISSPELT)


def test_a_baseline_of_an_earlier_definition_is_held_against_what_it_counted():
    definition = model(facets=[*FACETS, {"name": "region", "values": ["1"]}], group="sex")
    report = judge(people(2_500, 2), BASELINE, definition)
    assert verdict(report, "DPL sex=f").pvalue is not None
    assert verdict(report, "CDDL sex=f").reason == "the baseline has the group variable region"
    assert verdict(report, "DPL region=1").reason == "the baseline has no value of it"
    (other,) = judge(people(2_500, 2), BASELINE, model(positive_labels=["0"])).verdicts
    assert other.reason == "the baseline is of other favourable labels: suggest it with this definition"


def test_few_rows_in_a_count_give_insufficient():
    report = judge(people(20, 7))
    assert verdict(report, "RD sex=f").reason == "window: fewer than 5 rows in a count it divides by"
    assert verdict(report, "RD sex=f").outcome == "insufficient"


def test_the_papers_rule_wants_the_interval_apart_from_the_allowed_range():
    definition = model(mode="literal")
    report = judge(people(2_500, 2), with_limits(DPL=0.3, DPPL=0.01, DI=0.97), definition)
    assert verdict(report, "DPL sex=f").outcome == "ok"
    assert {"DPPL sex=f", "DI sex=f"} <= violated(report)
    dppl = verdict(report, "DPPL sex=f")
    assert dppl.interval is not None
    assert dppl.interval[0] > 0.01
    assert verdict(report, "DPPL sex=f", advisory=True).mode == "calibrated"


@pytest.mark.parametrize(("limit", "log", "literal"), [(0.97, True, False), (1.03, True, False), (0.3, False, True)])
def test_parity_of_disparate_impact_is_one_unless_the_file_is_taken_literally(limit, log, literal):
    baseline = with_limits(DI=limit)
    for flag, expected in ((False, log), (True, literal)):
        report = judge(people(2_500, 2), baseline, model(mode="literal", literal_di=flag))
        assert (verdict(report, "DI sex=f").outcome == "violation") is expected


def test_an_infinite_limit_allows_everything_and_a_missing_one_nothing_to_hold_against():
    report = judge(people(2_500, 2), with_limits(TE="Infinity", RD=None), model(mode="literal"))
    assert verdict(report, "TE sex=f").outcome == "ok"
    assert verdict(report, "RD sex=f").reason == "the baseline has no value of it"


def test_what_a_person_wrote_is_meant_literally():
    report = judge(people(2_500, 2), with_limits(DPPL=0.01))
    assert verdict(report, "DPPL sex=f").mode == "literal"
    assert violated(report) == {"DPPL sex=f"}
    assert verdict(report, "DPPL sex=f", advisory=True).outcome == "ok"
    assert verdict(report, "DPL sex=f").mode == "calibrated"


def test_a_file_from_elsewhere_is_honoured_literally():
    report = judge(people(2_500, 2), with_limits(keep_counts=False, DPPL=0.01))
    assert "DPPL sex=f" in violated(report)
    assert verdict(report, "DPL sex=f").mode == "literal"
    assert verdict(report, "DPL sex=f", advisory=True).reason == "the baseline has no counts of it"


def test_values_that_a_file_has_as_one_side_are_judged_together():
    document = {"post_training_bias_metrics": {"facets": {"region": [REGIONS]}}}
    definition = model(facets=[{"name": "region", "values": ["0", "1"]}], group=None)
    report = judge(people(2_500, 2), Baseline("m", documents={"bias": document}), definition)
    together = verdict(report, "DPPL region=0,1")
    assert together.threshold == 0.5
    assert together.outcome == "ok"
    assert verdict(report, "DPPL region=0").outcome == "insufficient"


def test_values_may_be_defined_as_one_side():
    definition = model(facets=[{"name": "region", "values": ["2", "0"], "together": True}], group=None)
    rows = people(2_500, 2)
    report = judge(rows, baseline_of(people(20_000, 1), definition=definition), definition)
    assert {said.facet_value for said in report.verdicts} == {"2,0"}
    inside = rows.columns["region"].values != 1
    label = rows.columns["label"].values
    expected = label[~inside].mean() - label[inside].mean()
    assert verdict(report, "DPL region=2,0").value == pytest.approx(expected, rel=1e-12)
    assert verdict(report, "DPL region=2,0").pvalue is not None


REGIONS = {"value_or_threshold": "0,1", "metrics": [{"name": "DPPL", "value": 0.5}]}


def test_the_papers_resamples_say_the_same_for_the_same_window():
    definition = model(mode="literal", interval="paper")
    first, again = (judge(people(2_500, 2), BASELINE, definition) for _ in range(2))
    assert first.verdicts == again.verdicts
    closed = judge(people(2_500, 2), BASELINE, model(mode="literal"))
    narrow, wide = (verdict(report, "DPL sex=f").error for report in (first, closed))
    assert narrow < wide


def test_the_papers_deviations_are_none_of_the_calibrated_tests():
    paper, closed = (judge(people(2_500, 2), BASELINE, model(interval=of)) for of in ("paper", "closed"))
    assert [said.pvalue for said in paper.verdicts] == [said.pvalue for said in closed.verdicts]


def test_nothing_is_judged_before_the_labels_are_there_or_without_a_baseline():
    rows = people(500, 2)
    assert judge(rows, rows=1_000).verdicts[0].reason == "label coverage 0.500, needs 0.95"
    (preview,) = judge(rows, labels_closed=False).verdicts
    assert preview.outcome == "skipped"
    (missing,) = judge(rows, None).verdicts
    assert (missing.outcome, missing.reason) == ("insufficient", "no baseline of bias is published")


def test_favourable_numbers_of_a_regression_lie_above_a_threshold():
    definition = ModelDefinition(
        model="m",
        problem_type="Regression",
        monitors={"bias": {"facets": [{"name": "sex", "values": ["f"]}], "label_above": 100.0}},
    )
    state = bias_state(definition, label=[120.0, 100.0, 90.0, 101.0], value=[99.0, 130.0, 110.0, math.nan])
    assert state.table("sex").sides("f").sum(axis=1).tolist() == [[[0, 1, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1]]]


def bias_state(definition: ModelDefinition, label: list[float], value: list[float]):
    state = label_specs(definition)["bias"].empty()
    columns = {"sex": np.array(["f", "f", "m", "m"]), "label": np.array(label), "prediction.value": np.array(value)}
    state.update(block(**columns))
    return state


@pytest.mark.parametrize(
    ("problem", "options", "said"),
    [
        ("Regression", {"facets": FACETS}, "label_above for facets of a Regression, got none"),
        ("BinaryClassification", {"facets": FACETS, "label_above": 1.0}, "label_above for a Regression only"),
        ("BinaryClassification", {"facets": [{"name": "sex"}, {"name": "sex"}]}, "each facet once"),
        ("BinaryClassification", {"facets": [{"name": "secret"}]}, "that are not dropped, got .'secret'"),
        ("BinaryClassification", {"facets": FACETS, "group": "name"}, "got hashed columns .'name'"),
        ("BinaryClassification", {"facets": FACETS, "metrics": ["DLP"]}, "expected one of .*, got 'DLP'"),
        ("BinaryClassification", {"facets": [{"name": "age", "above": 4, "values": ["5"]}]}, "values or above"),
        ("BinaryClassification", {"facets": [{"name": "age", "together": True}]}, "values that are together"),
    ],
)
def test_options_that_make_no_sense_are_refused(problem, options, said):
    with pytest.raises(ValidationError, match=said):
        ModelDefinition(model="m", problem_type=problem, monitors={"bias": options}, columns=COLUMNS)
