# SPDX-License-Identifier: Apache-2.0
"""Data quality verdicts: what a healthy window passes, and what each check catches."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.build import BINARY, baseline_of, column, definition, window_of
from windows.baselines.constraints import read_constraints
from windows.monitors import data_quality, shares
from windows.monitors.data_quality import judge_data_quality
from windows.monitors.settle import Earlier
from windows.report import Verdict

ALPHA = 0.005


def rows(n: int, seed: int) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    wage = rng.lognormal(3, 0.5, n)
    return {
        "age": column(rng.integers(17, 90, n)),
        "wage": Column(Kind.FLOAT, wage, rng.random(n) > 0.05),
        "job": column(rng.choice(["clerk", "nurse", "smith"], n, p=[0.5, 0.3, 0.2])),
        "insured": column(rng.random(n) < 0.7),
    }


BASELINE = baseline_of(Block(20_000, rows(20_000, 1)))


def judge(columns: dict[str, Column], baseline=BASELINE, model=BINARY, earlier=None) -> list[Verdict]:
    n = len(next(iter(columns.values())).values)
    window = window_of(Block(n, columns), model)
    return judge_data_quality(window, baseline, baseline.constraints, ALPHA, earlier or Earlier())


def violated(verdicts: list[Verdict]) -> set[tuple[str, str]]:
    return {(v.subject, v.check) for v in verdicts if v.outcome == "violation" and not v.advisory}


def edited(change) -> object:
    document = copy.deepcopy(BASELINE.constraints.document)
    change(document, {feature["name"]: feature for feature in document["features"]})
    return replace(BASELINE, constraints=read_constraints(document))


def test_a_healthy_window_passes_every_check():
    verdicts = judge(rows(2_000, 2))
    assert violated(verdicts) == set()
    assert {v.check for v in verdicts} == {
        "missing_column_check",
        "completeness_check",
        "data_type_check",
        "categorical_values_check",
        "non_negative_check",
        "outlying_values_check",
    }
    assert {v.outcome for v in verdicts} == {"ok"}


def numbers(values: np.ndarray, column: Column) -> Column:
    return Column(Kind.FLOAT, values, column.valid)


def with_strings(column: Column, rows: np.ndarray) -> Column:
    values = ["old" if chosen else value for value, chosen in zip(column.values.tolist(), rows, strict=True)]
    return Column(Kind.MIXED, np.array(values, dtype=object))


def with_category(column: Column, rows: np.ndarray, name: str = "pilot") -> Column:
    values = np.where(rows, len(column.categories), column.values).astype(np.int32)
    return replace(column, values=values, categories=(*column.categories, name))


@pytest.mark.parametrize(
    ("name", "spoil", "check"),
    [
        ("wage", lambda c, i: replace(c, valid=c.valid & (i % 4 > 0)), "completeness_check"),
        ("wage", lambda c, i: numbers(np.where(i % 5, c.values, np.nan), c), "completeness_check"),
        ("age", lambda c, i: column(c.values + 0.5 * (i % 20 == 0)), "data_type_check"),
        ("age", lambda c, i: with_strings(c, i % 50 == 0), "data_type_check"),
        ("job", lambda c, i: with_category(c, i % 30 == 0), "categorical_values_check"),
        ("age", lambda c, i: column(np.where(i % 40, c.values, -1)), "non_negative_check"),
        ("wage", lambda c, i: numbers(np.where(i % 40, c.values, 1e6), c), "outlying_values_check"),
    ],
)
def test_each_check_catches_what_it_is_for(name, spoil, check):
    columns = rows(2_000, 3)
    columns[name] = spoil(columns[name], np.arange(2_000))
    assert (name, check) in violated(judge(columns))


def test_a_column_that_no_row_has_is_missing_and_nothing_else():
    columns = rows(500, 4)
    del columns["job"]
    verdicts = judge(columns)
    assert violated(verdicts) == {("job", "missing_column_check")}
    assert {v.check for v in verdicts if v.subject == "job"} == {"missing_column_check"}


def test_a_column_of_nulls_is_incomplete_and_not_missing():
    columns = rows(500, 4)
    columns["wage"] = replace(columns["wage"], valid=np.zeros(500, bool))
    assert violated(judge(columns)) == {("wage", "completeness_check")}


def test_a_sparse_column_that_by_chance_is_in_no_row_is_not_missing():
    rng = np.random.default_rng(6)
    sparse = Column(Kind.FLOAT, rng.random(20_000), rng.random(20_000) < 0.01)
    baseline = baseline_of(Block(20_000, {**rows(20_000, 1), "note": sparse}))
    assert violated(judge(rows(60, 7), baseline)) == set()
    assert ("note", "missing_column_check") in violated(judge(rows(2_000, 7), baseline))


def test_an_extra_column_counts_from_a_share_of_rows():
    columns = rows(1_000, 8)
    always, rare = np.ones(1_000, bool), np.arange(1_000) < 5
    columns["new"] = Column(Kind.FLOAT, np.ones(1_000), always)
    columns["odd"] = Column(Kind.FLOAT, np.ones(1_000), rare, absent=~rare)
    assert violated(judge(columns)) == {("new", "extra_column_check")}


def test_outputs_without_a_baseline_are_not_extra_columns():
    columns = rows(1_000, 8)
    columns["prediction.score"] = column(np.random.default_rng(1).random(1_000))
    assert violated(judge(columns)) == set()


def test_columns_beyond_the_limit_are_named():
    model = BINARY.model_copy(update={"columns": BINARY.columns.model_copy(update={"max_features": 4})})
    columns = rows(1_000, 8) | {f"x{i}": column(np.ones(1_000)) for i in range(30)}
    extra = [v for v in judge(columns, model=model) if v.check == "extra_column_check"]
    assert [v.outcome for v in extra] == ["violation"]
    assert "x0" in extra[0].subject


def test_few_rows_are_insufficient():
    verdicts = judge(rows(20, 9))
    assert {v.outcome for v in verdicts} == {"insufficient"}
    assert all("needs 50" in v.reason for v in verdicts)


def test_an_edited_requirement_is_literal_with_the_calibrated_verdict_beside_it():
    baseline = edited(lambda _, features: features["wage"].update(completeness=0.999))
    literal, beside = [
        v for v in judge(rows(2_000, 2), baseline) if (v.subject, v.check) == ("wage", "completeness_check")
    ]
    assert (literal.mode, literal.outcome, literal.advisory, literal.threshold) == (
        "literal",
        "violation",
        False,
        0.999,
    )
    assert (beside.mode, beside.outcome, beside.advisory) == ("calibrated", "ok", True)
    assert literal.description == f"Value: {literal.value} does not meet the constraint requirement! "


def test_a_requirement_of_one_is_violated_by_one_row():
    baseline = edited(lambda _, features: features["job"]["string_constraints"]["domains"].append("pilot"))
    columns = rows(2_000, 2)
    assert violated(judge(columns, baseline)) == set()
    columns["job"] = with_category(columns["job"], np.arange(2_000) == 0, "judge")
    assert violated(judge(columns)) == set()
    assert violated(judge(columns, baseline)) == {("job", "categorical_values_check")}


def test_a_lenient_threshold_of_a_person_holds():
    def change(document, features):
        features["job"]["monitoringConfigOverrides"] = {"domain_content_threshold": 0.5}

    columns = rows(2_000, 3)
    columns["job"] = with_category(columns["job"], np.arange(2_000) % 10 == 0)
    assert ("job", "categorical_values_check") in violated(judge(columns))
    assert violated(judge(columns, edited(change))) == set()


def test_a_feature_switched_off_is_skipped_with_the_reason():
    def change(document, features):
        features["job"]["string_constraints"]["monitoring_config_overrides"] = {"evaluate_constraints": "Disabled"}

    columns = rows(2_000, 3)
    del columns["job"]
    verdicts = judge(columns, edited(change))
    assert violated(verdicts) == set()
    assert [(v.outcome, v.reason) for v in verdicts if v.subject == "job"] == [
        ("skipped", "switched off in constraints.json")
    ]


def test_the_literal_mode_is_literal_everywhere():
    model = definition(data_quality={"mode": "literal"})
    columns = rows(2_000, 2)
    columns["wage"] = replace(columns["wage"], valid=columns["wage"].valid & (np.arange(2_000) > 20))
    assert violated(judge(columns)) == set()
    assert ("wage", "completeness_check") in violated(judge(columns, model=model))


def test_a_removed_feature_is_neither_missing_nor_extra():
    def change(document, features):
        document["features"] = [feature for feature in document["features"] if feature["name"] != "job"]

    baseline = edited(change)
    columns = rows(2_000, 2)
    assert violated(judge(columns, baseline)) == set()
    del columns["job"]
    assert violated(judge(columns, baseline)) == set()


def test_a_revision_needs_more_evidence_for_a_new_alarm_but_keeps_an_old_one():
    columns = rows(2_000, 3)
    columns["age"] = column(np.where(np.arange(2_000) < 3, -1, columns["age"].values))
    subject = ("age", "non_negative_check")
    assert subject in violated(judge(columns))
    assert subject not in violated(judge(columns, earlier=Earlier(revisions=12)))
    assert subject in violated(judge(columns, earlier=Earlier(revisions=12, violated=frozenset({subject}))))


def test_a_constraint_without_a_baseline_column_is_judged_literally():
    document = {"features": [{"name": "age", "inferred_type": "Integral", "completeness": 1.0}]}
    baseline = replace(BASELINE, features={}, constraints=read_constraints(document))
    verdicts = judge({"age": rows(500, 1)["age"]}, baseline)
    assert {v.outcome for v in verdicts if not v.advisory} == {"ok"}
    assert {v.outcome for v in verdicts if v.advisory} == {"insufficient"}


def test_integer_valued_floats_and_numeric_strings_satisfy_an_integral_column():
    columns = rows(300, 5)
    ages = columns["age"].values
    columns["age"] = column([float(a) if i % 2 else str(a) for i, a in enumerate(ages.tolist())])
    assert violated(judge(columns)) == set()


def test_a_handful_of_rows_never_makes_a_column_missing():
    model = definition(data_quality={"mode": "literal"})
    columns = rows(20, 5)
    del columns["job"]
    assert ("job", "missing_column_check") not in violated(judge(columns, model=model))
    columns = rows(60, 5)
    del columns["job"]
    assert ("job", "missing_column_check") in violated(judge(columns, model=model))


def test_an_unexpected_error_in_one_column_leaves_the_others_their_verdicts(monkeypatch):
    def judge_share(share, options):
        return 1 / 0 if share.subject == "wage" else shares.judge_share(share, options)

    monkeypatch.setattr(data_quality, "judge_share", judge_share)
    columns = rows(2_000, 2)
    columns["age"] = replace(columns["age"], valid=np.arange(2_000) % 3 > 0)
    verdicts = judge(columns)
    assert [(v.outcome, v.reason) for v in verdicts if v.subject == "wage"] == [
        ("insufficient", "cannot be judged: ZeroDivisionError: division by zero")
    ]
    assert violated(verdicts) == {("age", "completeness_check")}
