# SPDX-License-Identifier: Apache-2.0
"""Early warning end to end: from events of an open window to a warning, and what the closing test makes of it."""

from __future__ import annotations

from collections import Counter
from itertools import cycle

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.testing import MonitorDriver, Step
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.events import BlockArrived, WatermarkArrived

HOUR, MINUTE = 3_600_000, 60_000
BEGIN = 1_000 * HOUR
FEATURES = tuple(f"x{number}" for number in range(6))
ON = {"data_drift": {"early_warning": {"enabled": True}}}
DEFINITION = ModelDefinition(model="m", monitors=ON)
RNG = np.random.default_rng(1)
BASELINE = suggest(
    [Block(20_000, {name: Column(Kind.FLOAT, RNG.normal(size=20_000)) for name in FEATURES})], model="m"
).baseline


def events(seed, *, until=60, shift=0.8, hours=1, n=2_400):
    """Blocks of an hour or more; from minute 10 of each to minute `until`, x2 is shifted."""
    rng = np.random.default_rng(seed)
    for hour in range(hours):
        at_ms = BEGIN + hour * HOUR + np.sort(rng.integers(0, HOUR, n))
        minute = (at_ms % HOUR) // MINUTE
        values = {name: rng.normal(size=n) for name in FEATURES}
        values["x2"] = values["x2"] + np.where((minute >= 10) & (minute < until), shift, 0.0)
        ids = rng.integers(0, 256, (n, 16), dtype=np.uint8)
        for first in range(0, n, 100):
            rows = slice(first, first + 100)
            columns = {name: Column(Kind.FLOAT, column[rows]) for name, column in values.items()}
            yield BlockArrived("m", "1", ids[rows], at_ms[rows], Block(100, columns))


def run(driver, blocks, *, close=True):
    """Send blocks, judging after each; returns the event time in minutes at which something was first said of early."""
    first = None
    for block in blocks:
        driver.send(block)
        driver.run()
        if first is None and driver.violations:
            first = (int(block.event_time_ms.max()) - BEGIN) / MINUTE
    if close:
        driver.watermark("events", "m", int(block.event_time_ms.max()) // HOUR * HOUR + 2 * HOUR)
        driver.run()
    return first


def driver_of(definition=DEFINITION, partitions=3, baseline=BASELINE):
    return MonitorDriver((definition,), partitions=partitions, baseline=lambda _: baseline)


def told(driver):
    return [(v.type, v.verdict.subject) for v in driver.violations]


def test_a_shift_is_warned_of_long_before_the_window_closes_and_then_confirmed():
    driver = driver_of()
    first = run(driver, events(1))
    assert 10 < first < 25
    assert told(driver) == [("early_warning", "x2"), ("violation", "x2"), ("confirmed", "x2")]
    warning, _, confirmed = driver.violations
    assert (warning.monitor, warning.revision, warning.window_start_ms) == ("data_drift", 0, BEGIN)
    assert warning.verdict.outcome == "early_warning"
    assert warning.verdict.value >= warning.verdict.threshold == 100.0
    assert confirmed.verdict.outcome == "violation"
    assert len({v.id for v in driver.violations}) == 3


def test_a_shift_that_passes_is_resolved_by_the_closing_test():
    driver = driver_of()
    run(driver, events(2, until=13, shift=2.0, n=4_800))
    assert told(driver)[:2] == [("early_warning", "x2"), ("resolved", "x2")]
    assert driver.violations[1].verdict.outcome == "ok"
    (drift,) = (report for report in driver.reports if report.monitor == "data_drift" and report.rows)
    assert drift.status == "Completed"


def test_without_drift_nothing_is_said():
    driver = driver_of()
    run(driver, events(3, shift=0.0, hours=3))
    assert driver.violations == []
    assert sum(report.rows > 0 for report in driver.reports if report.monitor == "data_drift") == 3


def test_nothing_is_counted_unless_it_is_asked_for_and_there_is_a_baseline():
    for driver in (driver_of(ModelDefinition(model="m")), driver_of(baseline=None)):
        run(driver, events(4), close=False)
        assert driver.profiles == []
        (window,) = driver.partitions[0].store.models["m"].versions["1"].windows.values()
        assert window.of_events == {}


def test_the_report_of_the_window_does_not_depend_on_warning_early():
    found = []
    for definition in (DEFINITION, ModelDefinition(model="m")):
        driver = driver_of(definition)
        run(driver, events(5))
        (drift,) = (report for report in driver.reports if report.monitor == "data_drift")
        found.append([(v.subject, v.outcome, v.n) for v in drift.verdicts])
    assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(2))
def test_every_warning_is_given_once_whoever_dies(seed):
    rng, fates = np.random.default_rng(seed), cycle(Step)
    driver, deaths = driver_of(), set()
    for block in events(1):
        driver.send(block)
    while any(p.acked.get("events", 0) < len(p.sources["events"]) for p in driver.partitions):
        number = int(rng.integers(3))
        driver.process(number, "events", int(rng.integers(1, 4)))
        if rng.random() < 0.4:
            fate = next(fates) if rng.random() < 0.5 else None
            deaths.add(fate)
            driver.checkpoint(number, die_after=fate)
        driver.judge()
        if rng.random() < 0.1:
            driver.crash_evaluate()
    driver.watermark("events", "m", BEGIN + 2 * HOUR)
    driver.run()
    driver.crash_evaluate()
    driver.run()
    assert deaths >= set(Step)
    assert Counter(told(driver)) == Counter([("early_warning", "x2"), ("violation", "x2"), ("confirmed", "x2")])


def test_partitions_that_know_different_baselines_are_judged_by_the_cells_most_rows_have():
    baselines = [BASELINE, None]
    driver = MonitorDriver((DEFINITION,), partitions=3, baseline=lambda _: baselines[0])
    blocks = list(events(1))
    shifted = Block(4_000, {name: Column(Kind.FLOAT, RNG.normal(size=4_000) + 0.01) for name in FEATURES})
    baselines[1] = suggest([shifted], model="m").baseline
    # The first partition opens its window by an older baseline.
    baselines.reverse()
    driver.send(blocks[0])
    driver.process(0, "events")
    baselines.reverse()
    run(driver, blocks[1:])
    kinds = [v.type for v in driver.violations]
    assert kinds[0] == "early_warning"
    assert kinds[-1] == "confirmed"


def test_a_partition_that_closed_the_window_ends_the_warnings():
    driver = driver_of()
    blocks = list(events(1))
    run(driver, blocks[:4], close=False)
    for block in blocks[4:]:
        driver.send(block)
    driver.partitions[0].sources["events"].append(WatermarkArrived("events", "m", BEGIN + 2 * HOUR))
    for number in range(3):
        while driver.process(number, "events"):
            pass
    for number in (0, 1, 2):
        driver.checkpoint(number)
    driver.judge()
    assert driver.violations == []


def test_the_counts_of_an_open_window_leave_no_record_behind_its_end():
    driver = driver_of()
    run(driver, events(1))
    for partition in driver.partitions:
        kept = {key for key, value in dict(partition.state).items() if value is not None}
        assert not any(key.endswith(b"|early") for key in kept)
    last = {(number, partial.part): partial.payload for number, partial in driver.profiles}
    assert all(payload is None for (_, part), payload in last.items() if part == "early")
    assert any(part == "early" for _, part in last)


def test_a_window_keeps_the_cells_it_opened_with_through_a_restart():
    baselines = [BASELINE]
    driver = MonitorDriver((DEFINITION,), partitions=1, baseline=lambda _: baselines[0])
    blocks = list(events(1))
    driver.send(blocks[0])
    driver.run()
    grid = driver.partitions[0].store.models["m"].versions["1"].windows[BEGIN].grid
    baselines[0] = suggest([Block(500, {"x0": Column(Kind.FLOAT, RNG.normal(size=500))})], model="m").baseline
    driver.crash(0)
    window = driver.partitions[0].store.models["m"].versions["1"].windows[BEGIN]
    assert window.grid == grid
    assert window.of_events["early"].n == 100


def test_a_warning_that_fails_leaves_the_closing_test_alone(monkeypatch):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr("stream.agents.judge.warnings_of", fail)
    driver = driver_of()
    run(driver, events(1))
    assert told(driver) == [("violation", "x2")]


def test_a_change_that_is_not_worth_a_warning_is_not_warned_of():
    options = DEFINITION.monitors.data_drift.early_warning.model_copy(update={"min_distance": 0.5})
    drift = DEFINITION.monitors.data_drift.model_copy(update={"early_warning": options})
    monitors = DEFINITION.monitors.model_copy(update={"data_drift": drift})
    driver = driver_of(DEFINITION.model_copy(update={"monitors": monitors}))
    run(driver, events(1))
    assert told(driver) == [("violation", "x2")]
