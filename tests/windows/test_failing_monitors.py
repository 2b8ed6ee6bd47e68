# SPDX-License-Identifier: Apache-2.0
"""A monitor of a user's own that fails says so in its own report, and nothing else is any different."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.testing import MonitorDriver
from tests.windows.build import block, window_of
from tests.windows.traffic import SECOND, definition, events, labels
from windows.evaluate import evaluate
from windows.partition.specs import CUSTOM

PLAIN = definition()


def model(fails="", use="Fragile", **options):
    custom = {"fragile": {"use": f"tests.windows.fragile:{use}", "options": {"fails": fails, **options}}}
    return definition(monitors={"custom": custom})


def driver_of(definition, partitions=1):
    return MonitorDriver((definition,), partitions=partitions)


def traffic(driver):
    """Two windows; in the first, row 2 is larger than 50 and has another label than all others."""
    driver.send(events(range(20, 40), 80))
    driver.send(events(range(40, 50), 100))
    for given in (events([1], 100), events([2], 101, x=[99.0]), events([3], 102), events([4], 111)):
        driver.send(given)
    for given in (labels([1, 3], "11", 103), labels([2], "0", 104), labels([4], "1", 111)):
        driver.send(given)
    for side in ("events", "labels"):
        driver.watermark(side, "m", 300 * SECOND)
    return driver.run()


def by_window(reports, monitor="fragile"):
    """The last report of each window that has one."""
    return {report.window_start_ms // SECOND: report for report in reports if report.monitor == monitor}


def others(reports):
    return [replace(report, definition="") for report in reports if report.monitor != "fragile"]


@pytest.mark.parametrize("partitions", [1, 2])
@pytest.mark.parametrize(
    ("fails", "use", "most"), [("update x", "Fragile", 50.0), ("update label", "FragileLabels", 1)]
)
def test_a_state_that_fails_on_a_row_is_given_up_and_nothing_else(partitions, fails, use, most):
    driver, plain = driver_of(model(fails, use, most=most), partitions), driver_of(PLAIN, partitions)
    told, expected = traffic(driver), traffic(plain)
    failed, fine = (by_window(told)[start] for start in (100, 110))
    what = fails.removeprefix("update ")
    assert failed.status == "Failed"
    assert failed.error == f"its state was given up: ArithmeticError: {what} is too large"
    assert (failed.rows, failed.verdicts) == (13, ())
    assert (fine.status, fine.statistics) == ("Completed", {"n": 1})
    rows = [(r.monitor, r.window_start_ms, r.rows, r.labelled, r.statistics, r.status) for r in others(told)]
    assert rows == [(r.monitor, r.window_start_ms, r.rows, r.labelled, r.statistics, r.status) for r in expected]


def test_what_was_given_up_stays_so_after_a_restore():
    driver = driver_of(model("update x", most=50.0))
    driver.send(events([1], 100))
    driver.process(0, "events")
    driver.checkpoint(0)
    assert any(CUSTOM.encode() in key for key, _ in driver.partitions[0].state)
    driver.send(events([2], 101, x=[99.0]))
    driver.process(0, "events")
    driver.checkpoint(0)
    driver.crash(0)
    driver.send(events([3], 102))
    driver.watermark("events", "m", 300 * SECOND)
    assert by_window(driver.run())[100].status == "Failed"
    gone = dict(driver.partitions[0].state)
    assert [value for key, value in gone.items() if CUSTOM.encode() in key and b"|100000|" in key] == [None]


def test_a_state_that_fails_on_a_late_row_is_taken_back_from_the_readers():
    driver = driver_of(model("update x", most=50.0))
    driver.send(events([1, 9], [100, 125]))
    assert by_window(driver.run())[100].status == "Completed"
    driver.send(events([2], 101, x=[99.0]))
    assert by_window(driver.run())[100].status == "Failed"
    parts = [partial.payload for _, partial in driver.profiles if partial.part == CUSTOM + "fragile"]
    assert (len(parts), parts[0], parts[-1]) == (2, b"1", None)
    driver.crash_evaluate()
    assert driver.judge() == []


@pytest.mark.parametrize("where", ["to_bytes", "from_bytes", "merge", "judge"])
def test_whatever_else_fails_is_reported_of_that_monitor_only(where):
    driver, plain = driver_of(model(where), 2), driver_of(PLAIN, 2)
    told, expected = traffic(driver), traffic(plain)
    failed = by_window(told)[100]
    assert (failed.status, f"ArithmeticError: {where} fails" in failed.error) == ("Failed", True)
    assert [(r.monitor, r.status, r.statistics) for r in others(told)] == [
        (r.monitor, r.status, r.statistics) for r in expected
    ]


def test_a_state_that_cannot_be_read_again_does_not_stop_a_restore():
    driver = driver_of(model("from_bytes"))
    driver.send(events([1], 100))
    driver.process(0, "events")
    driver.checkpoint(0)
    driver.crash(0)
    driver.watermark("events", "m", 300 * SECOND)
    assert "from_bytes fails" in by_window(driver.run())[100].error


def test_the_states_that_are_built_in_fail_loudly(monkeypatch):
    driver = driver_of(definition(sample={"enabled": True}))
    monkeypatch.setattr("sketches.sample.SampleState.update", lambda *_: 1 / 0)
    driver.send(events([1], 100))
    with pytest.raises(ZeroDivisionError):
        driver.process(0, "events")


@pytest.mark.parametrize("pvalue", [np.nan, -0.1, 1.5, np.inf])
def test_what_is_no_probability_is_no_verdict(pvalue):
    made = model(pvalue=pvalue)
    (verdict,) = evaluate(window_of(block(x=np.arange(300.0)), made), None)[-1].verdicts
    assert (verdict.outcome, verdict.pvalue) == ("insufficient", None)
    assert verdict.reason == f"expected a p-value in [0, 1], got {pvalue}"


def test_the_segments_of_a_state_are_given_up_like_the_whole():
    made = model("update x", most=50.0).model_copy(update={"segments": ("x",)})
    driver = driver_of(made)
    driver.send(events([1, 2], [100, 101], x=[1.0, 99.0]))
    driver.process(0, "events")
    driver.checkpoint(0)
    driver.crash(0)
    (window,) = driver.partitions[0].store.models["m"].versions["1"].windows.values()
    assert sorted(window.counts.failed) == ["custom/fragile", "segment-custom/fragile/x"]
    assert not window.counts.failed.keys() & window.of_events.keys()
    driver.watermark("events", "m", 300 * SECOND)
    report = by_window(driver.run())[100]
    assert (report.status, report.error) == ("Failed", "its state was given up: ArithmeticError: x is too large")
