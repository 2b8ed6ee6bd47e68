# SPDX-License-Identifier: Apache-2.0
"""Distances beside the drift test: reported, and a policy where a threshold is set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from sketches.block import Block, Column
from tests.windows.build import baseline_of, column, definition, window_of
from windows.evaluate import evaluate
from windows.report import Report

ALL = ("jensen_shannon", "hellinger", "psi", "wasserstein")


def rows(n: int, seed: int, shift: float = 0.0) -> Block:
    rng = np.random.default_rng(seed)
    jobs = np.array([0.5, 0.3, 0.2]) + np.array([-1, 0, 1]) * shift / 2
    columns: dict[str, Column] = {
        "age": column(rng.normal(shift, 1, n)),
        "job": column(rng.choice(["clerk", "nurse", "smith"], n, p=jobs)),
        "flag": column((rng.random(n) < 0.1).astype(float)),
    }
    return Block(n, columns)


BASELINE = baseline_of(rows(20_000, 1))


def drift(held: Block, **options: object) -> Report:
    model = definition(data_drift=options)
    return next(r for r in evaluate(window_of(held, model), BASELINE) if r.monitor == "data_drift")


def distances(report: Report) -> dict[str, dict]:
    return {entry["name"]: entry.get("distances", {}) for entry in report.statistics["features"]}


def test_no_distance_is_reported_unless_asked_for():
    report = drift(rows(500, 2))
    assert set().union(*distances(report).values()) == set()
    assert {verdict.check for verdict in report.verdicts} == {"baseline_drift_check"}


def test_every_distance_asked_for_is_reported_of_every_column_it_is_defined_for():
    found = distances(drift(rows(500, 2), distances=dict.fromkeys(ALL, "report")))
    assert set(found["age"]) == set(ALL)
    assert set(found["job"]) == {"jensen_shannon", "hellinger", "psi"}
    # Nine tenths of the flags are 0: the baseline has no interquartile range.
    assert set(found["flag"]) == {"jensen_shannon", "hellinger", "psi"}
    assert all(
        entry["corrected"] == pytest.approx(entry["value"] - entry["expected"])
        for columns in found.values()
        for entry in columns.values()
    )


def test_a_threshold_is_violated_by_a_change_and_not_by_a_small_sample():
    thresholds = {"jensen_shannon": 0.1, "hellinger": 0.1, "psi": 0.1, "wasserstein": 0.1}
    quiet, loud = (drift(rows(200, 3, shift), distances=thresholds) for shift in (0.0, 0.35))
    assert quiet.status == "Completed"
    plain = distances(quiet)["age"]["jensen_shannon"]
    assert plain["value"] > 0.1
    violated = {(v.subject, v.check) for v in loud.verdicts if v.outcome == "violation"}
    assert {("age", "wasserstein_check"), ("job", "psi_check"), ("job", "jensen_shannon_check")} <= violated
    assert not {subject for subject, _ in violated} & {"flag"}


def test_a_policy_takes_no_part_in_the_error_budget():
    held = rows(500, 4, 0.1)
    alone, beside = drift(held), drift(held, distances={"psi": 0.0, "wasserstein": 0.0})
    calibrated = tuple(v for v in beside.verdicts if v.check == "baseline_drift_check")
    assert calibrated == alone.verdicts
    assert {v.alpha for v in beside.verdicts if v.check != "baseline_drift_check"} == {None}


def test_the_words_of_a_violation_are_those_that_parsers_know():
    report = drift(rows(500, 5, 0.4), distances={"psi": 0.05})
    verdict = next(v for v in report.verdicts if v.check == "psi_check" and v.outcome == "violation")
    assert verdict.description == f"psi distance: {verdict.value:.6g} exceeds threshold: 0.05"


def test_columns_the_test_skips_have_no_distances():
    report = drift(rows(40, 6), distances={"psi": 0.0})
    assert {v.outcome for v in report.verdicts} == {"insufficient"}
    missing = replace(rows(500, 6), columns={"age": rows(500, 6).columns["age"]})
    assert {v.subject for v in drift(missing, distances={"psi": 0.0}).verdicts if v.check == "psi_check"} == {"age"}


def test_the_same_window_has_the_same_distances():
    window = window_of(rows(700, 7), definition(data_drift={"distances": {"psi": "report"}}))
    assert evaluate(window, BASELINE) == evaluate(window, BASELINE)


@pytest.mark.parametrize("wrong", [{"kl": 0.1}, {"psi": -0.1}, {"psi": "maybe"}])
def test_an_unknown_distance_and_a_negative_threshold_are_refused(wrong):
    with pytest.raises(ValidationError):
        definition(data_drift={"distances": wrong})
