# SPDX-License-Identifier: Apache-2.0
"""How often the bias monitor alarms on healthy windows, and how often it finds bias, through the real states.

People are of two sexes and three regions; predictions are right four times in five. The level is 1 % of windows, the
share that bias has of a budget of one false alarm in 25 windows. A false failure for a new seed: at most 1e-3 a
comparison.
"""

from __future__ import annotations

import numpy as np
import pytest

from sketches import ContingencySpec, ContingencyState
from tests.statistical.acceptance import at_least, at_most
from tests.windows.build import definition
from windows.baselines.baseline import Baseline
from windows.baselines.bias_analysis import bias_document
from windows.monitors.bias import report_bias
from windows.monitors.monitor import Terms
from windows.monitors.settle import NEVER
from windows.window_profile import WindowProfile

pytestmark = pytest.mark.statistical

MODEL = definition(bias={"facets": [{"name": "sex"}], "group": "region"})
SPEC = ContingencySpec(("sex",), "region")
# By sex (f, m), region, actual and predicted.
HEALTHY = np.array(
    [
        [[[0.10, 0.01], [0.02, 0.03]], [[0.07, 0.01], [0.01, 0.03]], [[0.08, 0.02], [0.02, 0.02]]],
        [[[0.13, 0.03], [0.03, 0.06]], [[0.09, 0.02], [0.01, 0.06]], [[0.09, 0.02], [0.01, 0.03]]],
    ]
)
HEALTHY = HEALTHY / HEALTHY.sum()
ALPHA, BASELINES, WINDOWS = 0.01, 8, 60


def state_of(cells: np.ndarray) -> ContingencyState:
    """The state of rows by sex, region, actual and predicted."""
    state = SPEC.empty()
    table = state.tables[0]
    table.names = [["f", "m"], ["0", "1", "2"]]
    table.counts = np.zeros((3, 4, 6), np.int64)
    table.counts[1:, 1:] = np.pad(cells, [(0, 0)] * 3 + [(0, 1)]).reshape(2, 3, 6)
    state.n = int(cells.sum())
    return state


def draw(rng: np.random.Generator, n: int, truth: np.ndarray) -> ContingencyState:
    return state_of(rng.multinomial(n, truth.ravel()).reshape(truth.shape))


def baseline_of(state: ContingencyState) -> Baseline:
    return Baseline("m", states={"bias": state}, documents={"bias": bias_document(MODEL, state)})


def alarms(state: ContingencyState, baseline: Baseline, rng: np.random.Generator) -> set[str]:
    counts = dict.fromkeys(("late", "rejected", "duplicates", "revision"), 0)
    closed = {"features_closed": True, "labels_closed": True, "partitions": 1, "partitions_closed": 1}
    profile: WindowProfile = WindowProfile(
        MODEL, 0, None, {"bias": state}, rows=state.n, labelled=state.n, **counts, **closed
    )  # type: ignore[arg-type]
    _, verdicts = report_bias(profile, baseline, Terms(ALPHA, NEVER, rng))
    return {said.statistic for said in verdicts if said.outcome == "violation"}


@pytest.mark.parametrize("n", [200, 2_713, 20_000])
def test_healthy_windows_alarm_less_often_than_the_level(n):
    rng, found = np.random.default_rng(n), 0
    for _ in range(BASELINES):
        baseline = baseline_of(draw(rng, 20_000, HEALTHY))
        found += sum(bool(alarms(draw(rng, n, HEALTHY), baseline, rng)) for _ in range(WINDOWS))
    assert at_most(found, BASELINES * WINDOWS, ALPHA)


def test_women_who_are_rejected_more_often_are_found():
    rng, found = np.random.default_rng(9), 0
    biased = HEALTHY.copy()
    biased[0, :, :, 0] += biased[0, :, :, 1] / 2
    biased[0, :, :, 1] /= 2
    baseline = baseline_of(draw(rng, 20_000, HEALTHY))
    for _ in range(WINDOWS):
        found += "DPPL" in alarms(draw(rng, 2_000, biased), baseline, rng)
    assert at_least(found, WINDOWS, 0.97)


@pytest.mark.parametrize(("n", "metrics"), [(200, {"DPPL"}), (2_713, {"DPPL", "DI", "RD"})])
def test_women_who_are_all_rejected_are_found(n, metrics):
    rng, found = np.random.default_rng(n), 0
    denied = HEALTHY.copy()
    denied[0, :, :, 0] += denied[0, :, :, 1]
    denied[0, :, :, 1] = 0
    baseline = baseline_of(draw(rng, 20_000, HEALTHY))
    for _ in range(WINDOWS):
        found += metrics <= alarms(draw(rng, n, denied), baseline, rng)
    assert at_least(found, WINDOWS, 0.97)
