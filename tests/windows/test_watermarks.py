# SPDX-License-Identifier: Apache-2.0
"""A watermark closes windows on every partition, of which some may never have seen a row of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.testing import SIDES, MonitorDriver, Step
from tests.windows.traffic import SECOND, definition, events, labels

END = 300 * SECOND


def told(reports):
    """What the last report of each window and monitor says."""
    return {
        (r.window_start_ms // SECOND, r.monitor): (r.rows, r.labelled, r.final, r.partitions_closed) for r in reports
    }


def watermarks(driver, time_ms=END):
    for side in SIDES:
        driver.watermark(side, "m", time_ms)


def test_a_replay_of_one_row_is_judged_without_waiting_for_the_other_partitions():
    driver = MonitorDriver((definition(),), partitions=4)
    driver.send(events([1], 100))
    driver.send(labels([1], "1", 101))
    watermarks(driver)
    reports = told(driver.run())
    assert reports[100, "data_drift"] == (1, 1, True, 4)
    assert reports[100, "model_quality"] == (1, 1, True, 4)


def test_a_partition_is_waited_for_until_its_watermark_comes():
    driver = MonitorDriver((definition(),), partitions=2)
    driver.send(events([1], 100))
    watermarks(driver)
    (with_row,) = (n for n, p in enumerate(driver.partitions) if len(p.sources["events"]) == 2)
    for number in (with_row, 1 - with_row):
        assert driver.judge() == []
        while driver.process(number, "events"):
            pass
        driver.checkpoint(number)
    assert (100, "data_drift") in told(driver.judge())


def test_a_window_that_the_watermark_does_not_pass_is_open():
    driver = MonitorDriver((definition(),), partitions=2)
    driver.send(events([1], 100))
    watermarks(driver, 113 * SECOND - 1)
    assert driver.run() == []
    watermarks(driver, 113 * SECOND)
    assert {start for start, _ in told(driver.run())} == {100}


def test_versions_that_nobody_saw_are_not_reported():
    driver = MonitorDriver((definition(), definition(version="2")), partitions=2)
    driver.send(events([1], 100))
    watermarks(driver)
    assert {report.version for report in driver.run()} == {"1"}


def test_a_row_behind_the_watermark_is_late_and_a_revision():
    driver = MonitorDriver((definition(),), partitions=2)
    driver.send(events([1], 100))
    watermarks(driver, 130 * SECOND)
    driver.run()
    driver.send(events(range(2, 10), 101))
    reports = [r for r in driver.run() if (r.window_start_ms, r.monitor) == (100 * SECOND, "data_drift")]
    assert [(r.rows, r.late) for r in reports] == [(9, 8)]


@pytest.mark.parametrize("die_after", list(Step))
def test_a_worker_may_die_before_or_after_it_said_that_there_is_nothing(die_after):
    driver = MonitorDriver((definition(),), partitions=2)
    driver.send(events([1], 100))
    watermarks(driver)
    for number in (0, 1):
        while driver.process(number, "events"):
            pass
        driver.checkpoint(number, die_after=die_after)
        driver.crash_evaluate()
    assert told(driver.run() or driver.reports)[100, "data_drift"][0] == 1
    driver.crash_evaluate()
    assert driver.judge() == []


rows = st.lists(st.tuples(st.integers(0, 40), st.integers(100, 190)), min_size=1, max_size=30, unique_by=lambda r: r[0])


@settings(deadline=None, max_examples=60)
@given(rows=rows, cuts=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), max_size=12))
def test_every_window_with_rows_is_first_judged_with_all_that_was_written_in_order(rows, cuts):
    driver = MonitorDriver((definition(problem_type=None),), partitions=3)
    ids, seconds = zip(*sorted(rows, key=lambda row: row[1]), strict=True)
    for number, second in zip(ids, seconds, strict=True):
        driver.send(events([number], second))
    watermarks(driver)
    reports = []
    for number, records in cuts:
        driver.process(number, "events", records)
        driver.checkpoint(number)
        reports += driver.judge()
    reports += driver.run()
    starts, counts = np.unique(np.array(seconds) // 10 * 10, return_counts=True)
    expected = dict(zip(starts.tolist(), counts.tolist(), strict=True))
    drift = [(r.window_start_ms // SECOND, r.rows, r.revision) for r in reports if r.monitor == "data_drift"]
    found = {start: n for start, n, _ in drift if n}
    assert found == expected
    # Nothing is judged before all is in: no window is told twice.
    assert len({start for start, _, _ in drift}) == len(drift)
