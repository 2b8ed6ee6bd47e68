# SPDX-License-Identifier: Apache-2.0
"""The whole model on UCI Adult: how often healthy hours alarm, and whether bad ones are found.

Hours are drawn from the healthy rows of the demo's test split; the baseline is its train split with held-out scores.
A false failure for a new seed: at most 1e-3 a comparison if the rate is the bound, less below it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.commands.tables import to_block
from stream.demo.data import FAULTY_HOURS, FEATURES, HOURS, lay_out, train
from tests.statistical.acceptance import at_most
from tests.windows.build import window_of
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.violations import violations_of

pytestmark = pytest.mark.statistical

DATA = Path(__file__).parents[2] / "examples" / "adult" / "adult.csv.gz"
MODEL = ModelDefinition(model="adult", problem_type="BinaryClassification", false_alarm_every=50)
ROLES = Roles(label="label", score="score")


class Adult:
    """Baseline, traffic of the six hours and the hour of each row."""

    def __init__(self) -> None:
        trained = train(DATA)
        names = [*FEATURES, "label", "score"]
        table = lay_out(trained, seed=0, start_ms=0)
        self.baseline = suggest([to_block(trained.baseline, names)], model="adult", roles=ROLES).baseline
        self.traffic = to_block(table, names)
        self.hour = np.arange(len(table)) * HOURS // len(table) + 1

    def healthy(self, rng: np.random.Generator, n: int) -> Block:
        """Draw rows of the healthy hours."""
        rows = np.flatnonzero(~np.isin(self.hour, FAULTY_HOURS))
        return self.traffic.take(rng.choice(rows, n, replace=False))


@pytest.fixture(scope="module")
def adult() -> Adult:
    return Adult()


def alarms(baseline: Baseline, rows: Block) -> set[str]:
    reports = evaluate(window_of(rows, MODEL), baseline)
    assert all(report.error is None for report in reports)
    return {f"{v.monitor}:{v.verdict.subject}:{v.verdict.check}" for r in reports for v in violations_of(r)}


@pytest.mark.parametrize(("n", "windows", "rate"), [(200, 1_500, 0.0125), (2_713, 500, 0.005)])
def test_healthy_hours_alarm_no_more_often_than_the_budget(adult, n, windows, rate):
    """The budget is 2 %; measured 1.0 % and 0.1 %, and bounded just above: 33 of 1,500 pass and 9 of 500."""
    assert rate < 1.0 / MODEL.false_alarm_every
    rng = np.random.default_rng(n)
    found = [alarms(adult.baseline, adult.healthy(rng, n)) for _ in range(windows)]
    alarmed = [names for names in found if names]
    assert at_most(len(alarmed), windows, rate), alarmed


def test_the_bad_hours_are_found_by_the_monitors_they_are_for(adult):
    by_hour = {hour: alarms(adult.baseline, adult.traffic.take(adult.hour == hour)) for hour in range(1, HOURS + 1)}
    assert {hour for hour, found in by_hour.items() if found} == set(FAULTY_HOURS)
    inputs, labels = (by_hour[hour] for hour in FAULTY_HOURS)
    assert {
        "data_quality:workclass:categorical_values_check",
        "data_drift:hours_per_week:baseline_drift_check",
        "data_drift:workclass:baseline_drift_check",
    } <= inputs
    assert {name.split(":")[0] for name in labels} == {"model_quality"}
    assert "model_quality:accuracy:LessThanThreshold" in labels


def test_a_third_of_flipped_labels_is_found_every_time(adult):
    rng = np.random.default_rng(3)
    for _ in range(40):
        rows = adult.healthy(rng, 1_000)
        label = rows.columns["label"].values
        flipped = np.where(rng.random(rows.n) < 1 / 3, 1 - label, label)
        spoiled = Block(rows.n, {**rows.columns, "label": Column(Kind.INTEGER, flipped)})
        assert any(name.startswith("model_quality") for name in alarms(adult.baseline, spoiled))
