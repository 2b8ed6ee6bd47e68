# SPDX-License-Identifier: Apache-2.0
"""The demo's traffic has exactly the faults it is said to have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stream.demo.data import FEATURES, HOUR_MS, HOURS, LABEL_HORIZON_MS, Scenario, prepare

DATA = Path(__file__).parents[3] / "examples" / "adult" / "adult.csv.gz"
START_MS = 1_767_600_000_000


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return prepare(DATA, seed=3, start_ms=START_MS)


def _hour(traffic: pa.Table, hour: int) -> pa.Table:
    number = (traffic["event_time"].to_numpy() - START_MS) // HOUR_MS + 1
    return traffic.filter(pa.array(number == hour))


def _accuracy(table: pa.Table) -> float:
    return float(np.mean(table["prediction"].to_numpy() == table["label"].to_numpy()))


def test_every_row_of_the_test_split_falls_into_one_of_six_equal_hours(scenario: Scenario) -> None:
    sizes = [len(_hour(scenario.traffic, hour)) for hour in range(1, HOURS + 1)]
    assert sum(sizes) == len(scenario.traffic) == 16_281
    assert max(sizes) - min(sizes) <= 1
    assert len(set(scenario.traffic["inference_id"].to_pylist())) == 16_281


def test_only_hour_four_has_minutes_for_hours_and_the_new_workclass(scenario: Scenario) -> None:
    for hour in range(1, HOURS + 1):
        table = _hour(scenario.traffic, hour)
        gig = table["workclass"].to_pylist().count("Gig-worker") / len(table)
        assert (table["hours_per_week"].to_numpy().mean() > 1_000) == (hour == 4)
        assert 0.08 < gig < 0.12 if hour == 4 else gig == 0


def test_only_hour_five_has_a_third_of_its_labels_flipped(scenario: Scenario) -> None:
    for hour in (1, 2, 3, 6):
        assert _accuracy(_hour(scenario.traffic, hour)) > 0.82
    assert 0.55 < _accuracy(_hour(scenario.traffic, 5)) < 0.69


def test_labels_come_one_to_three_hours_late_and_in_another_order(scenario: Scenario) -> None:
    delay = scenario.traffic["label_time"].to_numpy() - scenario.traffic["event_time"].to_numpy()
    assert HOUR_MS <= delay.min() < delay.max() < LABEL_HORIZON_MS
    assert np.any(np.diff(scenario.traffic["label_time"].to_numpy()) < 0)


def test_the_baseline_is_the_train_split_with_held_out_predictions(scenario: Scenario) -> None:
    assert len(scenario.baseline) == 32_561
    assert set(FEATURES) < set(scenario.baseline.column_names)
    assert 0.84 < _accuracy(scenario.baseline) < 0.86


def test_the_seed_alone_decides(scenario: Scenario) -> None:
    assert prepare(DATA, seed=3, start_ms=START_MS).traffic.equals(scenario.traffic)
    assert not prepare(DATA, seed=4, start_ms=START_MS).traffic.equals(scenario.traffic)
