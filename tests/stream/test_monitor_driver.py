# SPDX-License-Identifier: Apache-2.0
"""The whole monitor against a batch oracle: shuffled, repeated, late and corrected input, and workers that die."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.testing import SIDES, MonitorDriver, Step
from tests.oracles import batch
from windows.definition import ModelDefinition
from windows.events import BlockArrived, LabelsArrived

HOUR = 3_600_000
N, HOURS, BLOCK = 6_000, 6, 250
DEFINITION = ModelDefinition(model="adult", problem_type="BinaryClassification", window={"label_horizon": "12h"})


class Traffic:
    """Six hours of events, a tenth of them late and a tenth repeated, and labels in any order, a fifth corrected."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.ids = rng.integers(0, 256, (N, 16), dtype=np.uint8)
        self.at_ms = np.sort(rng.integers(0, HOURS * HOUR, N)) + 1_000 * HOUR
        self.x, self.score = rng.lognormal(size=N), rng.random(N)
        late = np.where(rng.random(N) < 0.1, rng.integers(0, 2 * HOUR, N), 0)
        order = np.argsort(self.at_ms + late, kind="stable")
        repeated = order[rng.integers(0, N, N // 10)]
        self.events = np.insert(order, rng.integers(0, N, N // 10), repeated)
        labelled = rng.permutation(N)[: N * 9 // 10]
        corrected = labelled[rng.integers(0, len(labelled), N // 5)]
        self.labels = rng.permutation(np.concatenate([labelled, corrected]))
        self.classes = rng.integers(0, 2, len(self.labels))

    def event_blocks(self):
        for first in range(0, len(self.events), BLOCK):
            rows = self.events[first : first + BLOCK]
            columns = {"x": Column(Kind.FLOAT, self.x[rows]), "prediction.score": Column(Kind.FLOAT, self.score[rows])}
            yield BlockArrived("adult", "1", self.ids[rows], self.at_ms[rows], Block(len(rows), columns))

    def label_blocks(self):
        for first in range(0, len(self.labels), BLOCK):
            rows = self.labels[first : first + BLOCK]
            label = Column(Kind.STRING, self.classes[first : first + BLOCK].astype(np.int32), None, ("0", "1"))
            # Labels tell the time at which the events' stream is, as those of a feed would.
            at_ms = np.full(len(rows), 1_000 * HOUR + first * HOURS * HOUR // len(self.labels), np.int64)
            yield LabelsArrived("adult", None, self.ids[rows], at_ms, label)

    def expected(self):
        starts_ms = self.at_ms - self.at_ms % HOUR
        names = np.unique(self.ids.view("V16").ravel(), return_inverse=True)[1]
        positive = self.score > DEFINITION.probability_threshold
        e, la = self.events, self.labels
        return batch(names[e], starts_ms[e], positive[e], names[la], self.classes == 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_monitor_equals_the_batch_oracle_whoever_dies(seed):
    traffic, rng = Traffic(seed), np.random.default_rng(seed)
    driver = MonitorDriver((DEFINITION,), partitions=3, seed=seed)
    for block in traffic.event_blocks():
        driver.send(block)
    for block in traffic.label_blocks():
        driver.send(block)
    for side in SIDES:
        driver.watermark(side, "adult", (1_000 + HOURS + 13) * HOUR)
    deaths, fates = [], cycle(Step)
    while any(p.acked.get(side, 0) < len(p.sources[side]) for p in driver.partitions for side in SIDES):
        number = int(rng.integers(3))
        driver.process(number, SIDES[rng.integers(2)], int(rng.integers(1, 4)))
        if rng.random() < 0.3:
            if rng.random() < 0.5:
                deaths.append(next(fates))
                driver.checkpoint(number, die_after=deaths[-1])
            else:
                driver.checkpoint(number)
        if rng.random() < 0.1:
            driver.judge()
        if rng.random() < 0.05:
            driver.crash_evaluate()
    driver.run()
    assert set(deaths) == set(Step)
    expected = traffic.expected()
    assert of_stores(driver) == expected
    assert of_reports(driver) == expected


def test_reports_of_a_replay_are_the_same_for_any_number_of_partitions():
    found = []
    for partitions in (1, 4):
        traffic, driver = Traffic(9), MonitorDriver((DEFINITION,), partitions=partitions)
        for block in [*traffic.event_blocks(), *traffic.label_blocks()]:
            driver.send(block)
        for side in SIDES:
            driver.watermark(side, "adult", (1_000 + HOURS + 13) * HOUR)
        driver.run()
        found.append(of_reports(driver))
    assert found[0] == found[1] == Traffic(9).expected()


def of_stores(driver):
    found = {}
    for partition in driver.partitions:
        for start, window in partition.store.models["adult"].versions["1"].windows.items():
            rows, cells = found.get(start, (0, (0, 0, 0, 0)))
            both = tuple(a + b for a, b in zip(cells, window.quality.cells, strict=True))
            found[start] = (rows + window.counts.rows, both)
    return {start: facts for start, facts in found.items() if facts[0]}


def of_reports(driver):
    found = {}
    for report in driver.reports:
        if report.monitor == "model_quality" and report.rows:
            matrix = report.statistics["binary_classification_metrics"]["confusion_matrix"]
            cells = (matrix["1"]["1"], matrix["1"]["0"], matrix["0"]["1"], matrix["0"]["0"])
            found[report.window_start_ms] = (report.rows, cells)
    return found
