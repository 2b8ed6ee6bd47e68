# SPDX-License-Identifier: Apache-2.0
"""Data drift verdicts, in every mode."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.build import BINARY, baseline_of, column, definition, window_of
from windows.baselines.constraints import read_constraints
from windows.evaluate import evaluate
from windows.monitors import data_drift, numeric_drift
from windows.monitors.data_drift import judge_data_drift
from windows.report import Verdict

ALPHA = 0.008


def rows(n: int, seed: int, **shift: float) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    columns = {f"x{i}": column(rng.normal(shift.get(f"x{i}", 0.0), 1, n)) for i in range(6)}
    columns["count"] = column(rng.poisson(5 + shift.get("count", 0.0), n))
    jobs = np.array([0.5, 0.3, 0.2]) + np.array([-1, 0, 1]) * shift.get("job", 0.0)
    columns["job"] = column(rng.choice(["clerk", "nurse", "smith"], n, p=jobs))
    columns["score"] = column(rng.beta(2, 5 - shift.get("score", 0.0), n))
    return columns


BASELINE = baseline_of(Block(20_000, rows(20_000, 1)))


def judge(columns: dict[str, Column], baseline=BASELINE, model=BINARY) -> list[Verdict]:
    window = window_of(Block(len(next(iter(columns.values())).values), columns), model)
    return judge_data_drift(window, baseline, baseline.constraints, ALPHA)


def violated(verdicts: list[Verdict]) -> set[str]:
    return {v.subject for v in verdicts if v.outcome == "violation" and not v.advisory}


def foreign(**distribution) -> object:
    document = copy.deepcopy(BASELINE.constraints.document)
    del document["sketchwatch"]
    document["monitoring_config"]["distribution_constraints"].update(distribution)
    return replace(BASELINE, constraints=read_constraints(document))


def test_a_healthy_window_has_a_verdict_for_every_input_and_output_and_no_violation():
    verdicts = judge(rows(3_000, 2))
    assert violated(verdicts) == set()
    assert {v.outcome for v in verdicts} == {"ok"}
    assert {v.subject for v in verdicts} == {
        *(f"x{i}" for i in range(6)),
        "count",
        "job",
        "prediction.score",
        "prediction.label",
    }


@pytest.mark.parametrize(("name", "shift"), [("x3", 0.3), ("count", 1.0), ("job", 0.1)])
def test_a_shift_of_one_column_is_found_in_that_column_alone(name, shift):
    assert violated(judge(rows(3_000, 3, **{name: shift}))) == {name}


def test_a_shift_of_the_outputs_is_found():
    assert violated(judge(rows(3_000, 3, score=2.0))) == {"prediction.score", "prediction.label"}


def test_a_new_category_is_found():
    columns = rows(2_000, 4)
    values = np.where(np.arange(2_000) % 12 == 0, 3, columns["job"].values).astype(np.int32)
    columns["job"] = replace(columns["job"], values=values, categories=(*columns["job"].categories, "pilot"))
    assert violated(judge(columns)) == {"job"}


def test_a_sure_but_small_effect_is_no_violation():
    verdicts = judge(rows(200_000, 5, x2=0.1))
    tiny = next(v for v in verdicts if v.subject == "x2")
    assert tiny.pvalue < 1e-6
    assert tiny.value - tiny.error < 0.05
    assert violated(verdicts) == set()


def test_the_text_is_the_one_that_users_parse():
    verdict = next(v for v in judge(rows(3_000, 3, x3=0.5)) if v.subject == "x3")
    found = re.search(r"distance: (.+) exceeds threshold: (.+)", verdict.description)
    assert float(found[1]) == pytest.approx(verdict.value, rel=1e-5)
    assert float(found[2]) == 0.05


def test_few_values_are_insufficient():
    columns = rows(3_000, 6)
    columns["x1"] = replace(columns["x1"], valid=np.arange(3_000) < 30)
    verdict = next(v for v in judge(columns) if v.subject == "x1")
    assert (verdict.outcome, verdict.reason) == ("insufficient", "30 values, needs 50")


def test_a_missing_column_is_insufficient():
    columns = rows(3_000, 6)
    del columns["x1"]
    assert next(v for v in judge(columns) if v.subject == "x1").outcome == "insufficient"


def test_a_foreign_file_is_literal_with_the_calibrated_verdict_beside_it():
    verdicts = judge(rows(3_000, 3, x3=0.3), foreign())
    literal, beside = [v for v in verdicts if v.subject == "x3"]
    assert (literal.mode, literal.outcome, literal.threshold, literal.pvalue) == ("robust", "ok", 0.1, None)
    assert (beside.mode, beside.outcome, beside.advisory) == ("calibrated", "violation", True)
    assert violated(verdicts) == set()
    assert violated(judge(rows(3_000, 3, x3=0.3), foreign(comparison_method="Simple"))) == {"x3"}


def test_a_foreign_chi_squared_violates_below_its_threshold():
    baseline = foreign(categorical_drift_method="ChiSquared", categorical_comparison_threshold=0.001)
    verdicts = judge(rows(3_000, 3, job=0.1), baseline)
    job = next(v for v in verdicts if v.subject == "job")
    assert (job.mode, job.outcome, job.threshold) == ("chi_squared", "violation", 0.001)
    assert job.pvalue < 0.001
    assert next(v for v in judge(rows(3_000, 2), baseline) if v.subject == "job").outcome == "ok"


def test_a_person_who_edits_the_threshold_gets_it_literally():
    document = copy.deepcopy(BASELINE.constraints.document)
    document["features"][0]["monitoring_config_overrides"] = {
        "comparison_threshold": 0.15,
        "comparison_method": "Simple",
    }
    name = document["features"][0]["name"]
    baseline = replace(BASELINE, constraints=read_constraints(document))
    verdicts = judge(rows(3_000, 2), baseline)
    assert {(v.subject, v.mode, v.threshold) for v in verdicts if v.mode != "calibrated"} == {(name, "simple", 0.15)}


def test_a_smallest_effect_edited_in_the_file_holds_unless_the_definition_sets_one():
    document = copy.deepcopy(BASELINE.constraints.document)
    document["sketchwatch"]["min_distance"] = 0.3
    baseline = replace(BASELINE, constraints=read_constraints(document))
    columns = rows(3_000, 3, x3=0.4)
    assert violated(judge(columns, baseline)) == set()
    assert violated(judge(columns, baseline, definition(data_drift={"min_distance": 0.1}))) == {"x3"}


@pytest.mark.parametrize(
    ("mode", "shift", "found"),
    [
        ("simple", 0.3, True),
        ("robust", 0.3, False),
        ("robust", 0.6, True),
        ("t_test", 0.3, True),
        ("t_test", 0.05, False),
    ],
)
def test_the_definitions_numeric_modes(mode, shift, found):
    verdicts = judge(rows(3_000, 3, x3=shift), model=definition(data_drift={"mode": mode}))
    assert violated(verdicts) == ({"x3"} if found else set())
    assert {v.mode for v in verdicts if v.subject == "x3" and not v.advisory} == {mode}


@pytest.mark.parametrize("mode", ["l_infinity", "chi_squared"])
def test_the_definitions_categorical_modes(mode):
    model = definition(data_drift={"categorical_mode": mode, "mode": "simple"})
    assert violated(judge(rows(3_000, 2), model=model)) == set()
    assert "job" in violated(judge(rows(3_000, 3, job=0.15), model=model))


def test_a_constant_baseline_cannot_be_t_tested():
    baseline = baseline_of(Block(200, {"x": column(np.ones(200))}))
    verdicts = judge({"x": column(np.zeros(200))}, baseline, definition(data_drift={"mode": "t_test"}))
    assert [v.outcome for v in verdicts if not v.advisory] == ["insufficient"]


def test_the_marginal_pvalue_finds_more_with_a_small_baseline():
    small = {name: c for name, c in rows(1_000, 2).items() if name != "score"}
    columns = {name: c for name, c in rows(2_000, 3, x3=0.25).items() if name != "score"}
    found = {}
    for marginal in (False, True):
        verdicts = judge(columns, baseline_of(Block(1_000, small)), definition(data_drift={"marginal": marginal}))
        found[marginal] = next(v.pvalue for v in verdicts if v.subject == "x3")
    assert found[True] < 1e-4 < found[False]


def test_more_values_than_the_cap_are_compared_by_the_frequent_ones():
    rng = np.random.default_rng(9)

    def many(n: int, share: float) -> Column:
        ids = np.where(rng.random(n) < share, "hot", np.char.add("id", rng.integers(0, 10**6, n).astype(str)))
        return column(ids)

    baseline = baseline_of(Block(20_000, {"id": many(20_000, 0.3)}))
    same, hot = judge({"id": many(5_000, 0.3)}, baseline), judge({"id": many(5_000, 0.6)}, baseline)
    assert [v.statistic for v in same] == ["l_infinity"]
    assert violated(same) == set()
    assert violated(hot) == {"id"}


def test_declared_categories_are_compared_as_such():
    rng = np.random.default_rng(10)
    model = BINARY.model_copy(update={"columns": BINARY.columns.model_copy(update={"categorical": ("zip",)})})
    baseline = baseline_of(Block(20_000, {"zip": column(rng.integers(1, 5, 20_000))}), categorical=("zip",))
    verdicts = judge({"zip": column(rng.integers(1, 5, 2_000))}, baseline, model)
    assert [v.statistic for v in verdicts] == ["chi_square"]
    assert violated(judge({"zip": column(rng.integers(1, 3, 2_000))}, baseline, model)) == {"zip"}


def test_hashed_values_are_compared_by_their_hashes():
    rng = np.random.default_rng(11)
    model = BINARY.model_copy(update={"columns": BINARY.columns.model_copy(update={"hash": ("name",)})})
    names = np.array(["ann", "bob", "eve"])
    baseline = baseline_of(Block(20_000, {"name": column(names[rng.integers(0, 3, 20_000)])}), hashed=("name",))
    assert violated(judge({"name": column(names[rng.integers(0, 3, 2_000)])}, baseline, model)) == set()
    assert violated(judge({"name": column(names[rng.integers(0, 2, 2_000)])}, baseline, model)) == {"name"}


def test_a_column_of_floats_takes_integers_too():
    baseline = baseline_of(Block(20_000, {"x": Column(Kind.FLOAT, np.random.default_rng(1).poisson(5, 20_000) * 1.0)}))
    assert violated(judge({"x": column(np.random.default_rng(2).poisson(5, 2_000))}, baseline)) == set()


def test_values_hashed_on_one_side_only_are_not_compared():
    names = np.array(["ann", "bob", "eve"])
    model = BINARY.model_copy(update={"columns": BINARY.columns.model_copy(update={"hash": ("name",)})})
    baseline = baseline_of(Block(20_000, {"name": column(names[np.arange(20_000) % 3])}))
    verdicts = judge({"name": column(names[np.arange(2_000) % 3])}, baseline, model)
    assert [(v.outcome, v.reason) for v in verdicts] == [
        ("insufficient", "its values are kept as hashes on one side only")
    ]


def ids(n: int, first: int = 0) -> Column:
    return column(np.char.add("customer-", np.arange(first, first + n).astype(str)))


@pytest.mark.parametrize("mode", ["homogeneity", "l_infinity", "chi_squared"])
def test_a_column_of_ids_is_not_judged_and_the_others_are(mode):
    baseline = baseline_of(Block(5_000, {"id": ids(5_000), "x": column(np.random.default_rng(1).normal(0, 1, 5_000))}))
    drift = {"categorical_mode": mode, "distances": {"psi": 0.2, "jensen_shannon": 0.2}}
    now = {"id": ids(3_000, 5_000), "x": column(np.random.default_rng(2).normal(1, 1, 3_000))}
    window = window_of(Block(3_000, now), definition(data_drift=drift))
    (report,) = [report for report in evaluate(window, baseline) if report.monitor == "data_drift"]
    told = {v.subject: (v.outcome, v.reason) for v in report.verdicts if v.check == "baseline_drift_check"}
    assert told["id"] == ("insufficient", "no value is frequent enough to be counted, as of ids")
    assert told["x"] == ("violation", None)


def test_values_that_became_ids_have_drifted_and_so_have_ids_that_became_values():
    jobs = column(np.array(["clerk", "nurse"])[np.arange(5_000) % 2])
    for before, now in ((jobs, ids(5_000)), (ids(5_000), jobs)):
        assert violated(judge({"id": now}, baseline_of(Block(5_000, {"id": before})))) == {"id"}


def test_an_unexpected_error_in_one_column_leaves_the_others_their_verdicts(monkeypatch):
    def judge_numbers(name, *rest):
        return 1 / 0 if name == "x1" else numeric_drift.judge_numbers(name, *rest)

    monkeypatch.setattr(data_drift, "judge_numbers", judge_numbers)
    verdicts = judge(rows(3_000, 3, x3=0.5))
    assert [(v.outcome, v.reason) for v in verdicts if v.subject == "x1"] == [
        ("insufficient", "cannot be judged: ZeroDivisionError: division by zero")
    ]
    assert violated(verdicts) == {"x3"}
