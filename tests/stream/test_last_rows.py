# SPDX-License-Identifier: Apache-2.0
"""Windows by count: the quality of the last labelled rows, while their hours are open, exact whoever dies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.testing import MonitorDriver
from windows.baselines.baseline import Baseline
from windows.baselines.quality_constraints import quality_document, read_quality_constraints
from windows.definition import ModelDefinition
from windows.events import BlockArrived, LabelsArrived

HOUR = 3_600_000
FIRST_MS = 472_222 * HOUR
LAST, THRESHOLD = 100, 3.0
STEP_MS = 60_000


def definition_of(**quality: object) -> ModelDefinition:
    monitors = {
        "data_quality": {"enabled": False},
        "data_drift": {"enabled": False},
        "model_quality": {"last_rows": LAST, "min_rows": LAST, **quality},
    }
    return ModelDefinition.model_validate({"model": "line", "problem_type": "Regression", "monitors": monitors})


def baseline_of() -> Baseline:
    document = quality_document("regression", {"rmse": 0.0})
    document["regression_constraints"]["rmse"]["threshold"] = THRESHOLD
    return Baseline("line", baseline_version="1", quality_constraints=read_quality_constraints(document))


class Line:
    """Observations a minute apart, whose errors are whole numbers: small, then large, then small again."""

    def __init__(self, rows: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.error = rng.integers(-2, 3, rows).astype(float)
        self.error[rows // 3 : 2 * rows // 3] *= 4
        self.value = rng.integers(-50, 50, rows).astype(float)
        self.at_ms = FIRST_MS + np.arange(rows) * STEP_MS
        self.ids = rng.integers(97, 123, (rows, 12), dtype=np.uint8)

    def send(self, driver: MonitorDriver, rows: np.ndarray, labels: np.ndarray | None = None) -> None:
        block = Block(len(rows), {"prediction.value": Column(Kind.FLOAT, self.value[rows])})
        driver.send(BlockArrived("line", "1", self.ids[rows], self.at_ms[rows], block))
        self.label(driver, rows, self.value[rows] + self.error[rows] if labels is None else labels)

    def label(self, driver: MonitorDriver, rows: np.ndarray, labels: np.ndarray) -> None:
        driver.send(LabelsArrived("line", None, self.ids[rows], self.at_ms[rows], Column(Kind.FLOAT, labels)))

    def rmse(self, stop: int) -> float:
        return math.sqrt((self.error[stop - LAST : stop] ** 2).mean())


def driver_of(definition: ModelDefinition, partitions: int = 4) -> MonitorDriver:
    baseline = baseline_of()
    return MonitorDriver((definition,), partitions=partitions, baseline=lambda _: baseline)


def rmse_of(report) -> float:
    return report.statistics["regression_metrics"]["rmse"]["value"]


@pytest.mark.parametrize("dying", [False, True])
def test_the_last_rows_are_judged_as_they_come_whatever_their_hours(dying: bool) -> None:
    line, driver = Line(600), driver_of(definition_of())
    for first in range(0, 600, 50):
        line.send(driver, np.arange(first, first + 50))
        driver.run()
        if dying:
            driver.crash_evaluate()
            for number in range(len(driver.partitions)):
                driver.crash(number)
    by_count = [report for report in driver.reports if report.last_rows == LAST]
    assert [rmse_of(report) for report in by_count] == [line.rmse(stop) for stop in range(100, 700, 100)]
    assert [report.labelled for report in by_count] == [LAST] * 6
    assert [(r.window_start_ms, r.window_end_ms) for r in by_count] == [
        (int(line.at_ms[stop - LAST]), int(line.at_ms[stop - 1]) + 1) for stop in range(100, 700, 100)
    ]
    assert [r.status == "CompletedWithViolations" for r in by_count] == [
        line.rmse(stop) > THRESHOLD for stop in range(100, 700, 100)
    ]
    told = [violation for violation in driver.violations if violation.last_rows == LAST]
    assert [violation.type for violation in told][-1] == "resolved"
    assert len({violation.id for violation in told if violation.type == "violation"}) == 1
    assert told[0].as_record()["window"]["rows"] == LAST


def test_every_says_how_often_the_last_rows_are_judged() -> None:
    line, driver = Line(300), driver_of(definition_of(every=20))
    for first in range(0, 300, 10):
        line.send(driver, np.arange(first, first + 10))
        driver.run()
    by_count = [report for report in driver.reports if report.last_rows == LAST]
    assert [rmse_of(report) for report in by_count] == [line.rmse(stop) for stop in range(100, 301, 20)]


def test_a_corrected_label_among_the_last_rows_counts_as_it_is() -> None:
    line, driver = Line(200), driver_of(definition_of(every=10), partitions=2)
    rows = np.arange(190)
    line.send(driver, rows, line.value[rows] + 1_000.0)
    line.label(driver, rows, line.value[rows] + line.error[rows])
    driver.run()
    line.send(driver, np.arange(190, 200))
    driver.run()
    assert [rmse_of(report) for report in driver.reports if report.last_rows] == [line.rmse(190), line.rmse(200)]


def test_the_last_rows_are_forgotten_with_their_windows() -> None:
    line, driver = Line(150), driver_of(definition_of(), partitions=1)
    line.send(driver, np.arange(150))
    driver.run()
    assert any(window[2] < 0 for _, window in driver._remembered)
    for side in ("events", "labels"):
        driver.watermark(side, "line", FIRST_MS + 400 * 24 * HOUR)
    driver.run()
    assert not any(window[2] < 0 for _, window in driver._remembered)


def test_a_definition_that_could_never_judge_the_last_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="last_rows of at least min_rows"):
        ModelDefinition.model_validate({"model": "m", "monitors": {"model_quality": {"last_rows": 100}}})
    with pytest.raises(ValueError, match="every of at most last_rows"):
        definition_of(every=101)
