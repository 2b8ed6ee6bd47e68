# SPDX-License-Identifier: Apache-2.0
"""What Deequ's old distance made of integers, flags and heavy tails, and that distinct values never suffered."""

from __future__ import annotations

import numpy as np
import pytest

from sketches.quantiles import QuantilesSpec, QuantilesState
from tests.windows.build import baseline_of, block, definition, window_of
from windows.evaluate import evaluate
from windows.statistics.deequ_emulation import distance_le_2_0_21
from windows.statistics.ks import ks_distance
from windows.statistics.l_infinity import robust


def sketch(values: np.ndarray, k: int = 2048) -> QuantilesState:
    state = QuantilesSpec(k).empty()
    state.add(np.asarray(values, float))
    return state


def old_robust(window: np.ndarray, baseline: np.ndarray) -> float:
    old = distance_le_2_0_21(sketch(window), sketch(baseline))
    return robust(old.value, old.n, old.m)


def test_a_flag_that_rises_from_40_to_90_percent_was_not_seen():
    baseline, window = np.repeat([0, 1], [3000, 2000]), np.repeat([0, 1], [500, 4500])
    assert distance_le_2_0_21(sketch(window), sketch(baseline)).value == 0.0
    assert robust(ks_distance(sketch(window), sketch(baseline)).value, 5_000, 5_000) == pytest.approx(0.464, abs=0.01)


def test_counts_that_rise_from_5_to_8_were_not_seen():
    rng = np.random.default_rng(5)
    baseline, window = rng.poisson(5, 5_000), rng.poisson(8, 5_000)
    assert old_robust(window, baseline) == 0.0
    assert robust(ks_distance(sketch(window), sketch(baseline)).value, 5_000, 5_000) > 0.35


def test_heavy_tailed_integers_without_drift_alarmed():
    rng = np.random.default_rng(7)
    draws = [np.floor(rng.pareto(1.0, 10_060) * 2) for _ in range(20)]
    old = [old_robust(values[:60], values[60:]) for values in draws]
    now = [robust(ks_distance(sketch(v[:60]), sketch(v[60:])).value, 60, 10_000) for v in draws]
    assert max(now) == 0.0
    assert np.mean(np.array(old) > 0.1) > 0.2


def test_distances_of_values_that_do_not_repeat_were_right():
    rng = np.random.default_rng(9)
    baseline, window = sketch(rng.normal(size=30_000)), sketch(rng.normal(0.3, 1, size=700))
    old = distance_le_2_0_21(window, baseline)
    assert old == pytest.approx((ks_distance(window, baseline).value, 700, 30_000), rel=1e-12)


def test_of_a_genuine_baselines_levels_a_flag_weighs_32_of_23432():
    rng = np.random.default_rng(1)
    levels = [rng.integers(0, 2, size).astype(float).tolist() for size in (266, 1093, 2127, 1, 779)]
    state = QuantilesState.from_levels(levels)
    assert state.n == 23_432
    assert distance_le_2_0_21(state, state) == (0.0, 32, 32)


@pytest.mark.parametrize(
    ("emulate", "outcome", "statistic"), [(True, "ok", "ks_deequ_le_2_0_21"), (False, "violation", "ks")]
)
def test_a_definition_may_ask_for_the_old_distance(emulate, outcome, statistic):
    rng = np.random.default_rng(11)
    baseline = baseline_of(block(flag=(rng.random(12_000) < 0.4).astype(int)))
    chosen = definition(data_drift={"mode": "robust", "emulate_deequ_le_2_0_21": emulate})
    reports = evaluate(window_of(block(flag=(rng.random(2_000) < 0.9).astype(int)), chosen), baseline)
    drift = next(v for report in reports for v in report.verdicts if v.check == "baseline_drift_check")
    assert (drift.outcome, drift.statistic) == (outcome, statistic)
