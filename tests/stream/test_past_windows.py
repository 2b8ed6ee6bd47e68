# SPDX-License-Identifier: Apache-2.0
"""What a judge keeps of past windows: the same after a crash, bounded, and gone with the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.testing import SIDES, MonitorDriver
from windows.definition import ModelDefinition
from windows.events import BlockArrived
from windows.report import Report

HOUR = 3_600_000
MOST = 24


def definition(*modes: str) -> ModelDefinition:
    anomaly = {"modes": modes or ("z_score", "random_cut_forest"), "windows": MOST}
    return ModelDefinition(
        model="m",
        false_alarm_every=2,
        window={"grace": 0, "label_horizon": "2h", "retention": "3h"},
        monitors={"data_drift": {"anomaly": anomaly}},
    )


def hours(count: int, odd: int = -1, n: int = 120) -> Iterator[BlockArrived]:
    """Rows of each hour; a column of the odd one is shifted."""
    rng = np.random.default_rng(1)
    for hour in range(count):
        values = rng.normal(2.0 if hour == odd else 0.0, 1.0, n)
        at_ms = hour * HOUR + np.sort(rng.integers(0, HOUR, n))
        ids = rng.integers(0, 256, (n, 16), dtype=np.uint8)
        yield BlockArrived("m", "1", ids, at_ms, Block(n, {"x": Column(Kind.FLOAT, values)}))


def run(driver: MonitorDriver, blocks: Iterator[BlockArrived], *, crash_every: int = 0) -> None:
    """Let the hours pass one by one; the judge dies after every so many."""
    for passed, block in enumerate(blocks, 1):
        driver.send(block)
        for side in SIDES:
            driver.watermark(side, "m", int(block.event_time_ms[0] // HOUR + 1) * HOUR)
        settle(driver)
        if crash_every and passed % crash_every == 0:
            driver.crash_evaluate()


def settle(driver: MonitorDriver) -> None:
    for number in range(len(driver.partitions)):
        for side in SIDES:
            driver.process(number, side, 9)
        driver.checkpoint(number)
    driver.judge()


def remembered(driver: MonitorDriver) -> list[int]:
    return sorted(start_ms // HOUR for kind, (_, _, start_ms) in driver._remembered if kind == "past")


def anomalies(reports: list[Report]) -> dict[int, set[str]]:
    return {
        report.window_start_ms // HOUR: {v.outcome for v in report.verdicts if v.check == "anomaly_check"}
        for report in reports
        if report.monitor == "data_drift"
    }


@pytest.mark.parametrize("crash_every", [1, 5])
def test_a_judge_that_died_says_what_one_that_never_died_says(crash_every):
    steady, mortal = (MonitorDriver((definition(),), partitions=2) for _ in range(2))
    run(steady, hours(34, odd=30))
    run(mortal, hours(34, odd=30), crash_every=crash_every)
    assert mortal.reports == steady.reports
    assert mortal.violations == steady.violations
    assert {violation.window_start_ms // HOUR for violation in steady.violations} >= {30}
    assert remembered(mortal) == remembered(steady)


def test_a_window_is_compared_with_those_before_it_alone_whenever_it_is_judged():
    driver = MonitorDriver((definition(),), partitions=2)
    run(driver, hours(30))
    first = next(r for r in driver.reports if r.monitor == "data_drift" and r.window_start_ms == 28 * HOUR)
    late = next(hours(1, n=3))
    driver.send(BlockArrived("m", "1", late.ids, late.event_time_ms + 28 * HOUR, late.block))
    settle(driver)
    again = [r for r in driver.reports if r.monitor == "data_drift" and r.window_start_ms == 28 * HOUR][-1]
    assert again.revision > first.revision
    assert [r.statistics["anomaly"]["past_windows"] for r in (first, again)] == [MOST, MOST]
    assert again.statistics["anomaly"]["z_scores"] != first.statistics["anomaly"]["z_scores"]


def test_there_is_no_verdict_before_two_dozen_windows_and_one_from_then_on():
    driver = MonitorDriver((definition("z_score"),), partitions=2)
    run(driver, hours(30))
    assert [hour for hour, outcomes in anomalies(driver.reports).items() if "insufficient" not in outcomes] == list(
        range(MOST, 30)
    )


def test_only_windows_that_one_may_be_compared_with_are_kept():
    driver = MonitorDriver((definition("z_score"),), partitions=2)
    run(driver, hours(60))
    kept = remembered(driver)
    assert kept == list(range(kept[0], 60))
    # Three hours may still be revised; the oldest of them has its two dozen.
    assert MOST + 3 <= len(kept) <= MOST + 5


def test_nothing_is_kept_of_a_model_that_asks_for_no_anomalies():
    driver = MonitorDriver((ModelDefinition(model="m", window={"grace": 0}),), partitions=2)
    run(driver, hours(4))
    assert remembered(driver) == []
    assert anomalies(driver.reports) == {hour: set() for hour in range(4)}


def test_what_was_kept_is_forgotten_when_it_is_no_longer_asked_for():
    driver = MonitorDriver((definition("z_score"),), partitions=2)
    run(driver, hours(10))
    assert len(remembered(driver)) == 10
    driver.catalog.add(definition("z_score").model_copy(update={"monitors": ModelDefinition(model="m").monitors}))
    run(driver, hours(11))
    assert remembered(driver) == []
