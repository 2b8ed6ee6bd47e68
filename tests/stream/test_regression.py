# SPDX-License-Identifier: Apache-2.0
"""A regression from events and late, corrected labels to verdicts: scikit-learn's diabetes data.

Efron, Hastie, Johnstone, Tibshirani (2004), Least angle regression, Annals of Statistics 32(2), 407-499.
"""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import cross_val_predict

from sketches.block import Block, Column, Kind
from stream.commands.baselines import publish_baseline
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.testing import SIDES, MonitorDriver
from tests.stream.test_worker import home, running, settings_of
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.events import BlockArrived, LabelsArrived
from windows.report import iso

HOUR = 3_600_000
FIRST_MS = 472_222 * HOUR
BLOCK = 37
MODEL = ModelDefinition(model="diabetes", problem_type="Regression", window={"label_horizon": "12h"})


class Diabetes:
    """Half of the patients as the baseline, the others served by a model of it for two hours.

    In the second hour the body mass index comes in other units; of both a fifth of the labels is mistyped at first.
    """

    def __init__(self) -> None:
        data, rng = load_diabetes(scaled=False), np.random.default_rng(1)
        order = rng.permutation(len(data.target))
        fit, rest = order[: len(order) // 2], order[len(order) // 2 :]
        linear = LinearRegression().fit(data.data[fit], data.target[fit])
        spoiled = data.data[rest].copy()
        spoiled[:, data.feature_names.index("bmi")] *= 2.2
        self.names = data.feature_names
        self.inputs, self.label = np.vstack((data.data[rest], spoiled)), np.tile(data.target[rest], 2)
        self.value = linear.predict(self.inputs)
        self.n = len(self.label)
        self.hour = np.arange(self.n) // len(rest)
        self.at_ms = FIRST_MS + self.hour * HOUR + rng.integers(0, HOUR, self.n)
        self.ids = rng.integers(97, 123, (self.n, 16), dtype=np.uint8)
        held_out = cross_val_predict(LinearRegression(), data.data[fit], data.target[fit], cv=5)
        self.past = Block(
            len(fit), columns(self.names, data.data[fit]) | {"y": number(data.target[fit]), "p": number(held_out)}
        )
        mistyped = rng.choice(self.n, self.n // 5, replace=False)
        self.told = np.concatenate((mistyped, rng.permutation(self.n)))
        self.as_told = np.concatenate(
            (10.0 ** rng.integers(4, 45, len(mistyped)), self.label[self.told[len(mistyped) :]])
        )

    def baseline(self) -> Baseline:
        return suggest([self.past], model=MODEL.model, roles=Roles("y", "p", numeric=True), definition=MODEL).baseline

    def expected(self, hour: int) -> dict[str, float]:
        label, value = self.label[self.hour == hour], self.value[self.hour == hour]
        mse = mean_squared_error(label, value)
        errors = {"mae": mean_absolute_error(label, value), "mse": mse, "rmse": math.sqrt(mse)}
        return errors | {"r2": r2_score(label, value)}


def number(values: np.ndarray) -> Column:
    return Column(Kind.FLOAT, values)


def columns(names: list[str], values: np.ndarray) -> dict[str, Column]:
    return {name: number(values[:, i]) for i, name in enumerate(names)}


@pytest.fixture(scope="module")
def diabetes() -> Diabetes:
    return Diabetes()


def test_late_and_corrected_labels_end_in_the_metrics_of_scikit_learn(diabetes: Diabetes) -> None:
    baseline = diabetes.baseline()
    driver = MonitorDriver((MODEL,), partitions=3, baseline=lambda _: baseline)
    for first in range(0, diabetes.n, BLOCK):
        rows = np.arange(first, min(first + BLOCK, diabetes.n))
        block = columns(diabetes.names, diabetes.inputs[rows]) | {"prediction.value": number(diabetes.value[rows])}
        driver.send(BlockArrived("diabetes", "1", diabetes.ids[rows], diabetes.at_ms[rows], Block(len(rows), block)))
    for first in range(0, len(diabetes.told), BLOCK):
        rows, said = diabetes.told[first : first + BLOCK], diabetes.as_told[first : first + BLOCK]
        at_ms = np.full(len(rows), FIRST_MS + first * 10 * HOUR // len(diabetes.told))
        driver.send(LabelsArrived("diabetes", None, diabetes.ids[rows], at_ms, number(said)))
    for side in SIDES:
        driver.watermark(side, "diabetes", FIRST_MS + 20 * HOUR)
    for partition in range(3):
        driver.process(partition, "events", 8)
        driver.process(partition, "labels", 6)
        driver.checkpoint(partition)
        driver.process(partition, "labels", 3)
        driver.crash(partition)
    driver.run()
    reports = {r.window_start_ms: r for r in driver.reports if r.monitor == "model_quality" and r.final}
    for hour in (0, 1):
        report = reports[FIRST_MS + hour * HOUR]
        metrics = report.statistics["regression_metrics"]
        assert report.labelled == report.rows == diabetes.n // 2
        assert {name: metric["value"] for name, metric in metrics.items()} == pytest.approx(
            diabetes.expected(hour), rel=1e-9
        )
    violated = {(v.window_start_ms, v.verdict.subject) for v in driver.violations if v.monitor == "model_quality"}
    assert violated == {(FIRST_MS + HOUR, name) for name in ("mae", "mse", "r2")}


def records(diabetes: Diabetes, topics: Topics) -> list[Outgoing]:
    """Events and labels as any client writes them."""
    found = []
    names = [bytes(key).decode() for key in diabetes.ids]
    for row, name in enumerate(names):
        event = {"inference_id": name, "model": "diabetes", "event_time": int(diabetes.at_ms[row])}
        event |= {"features": dict(zip(diabetes.names, diabetes.inputs[row].tolist(), strict=True))}
        event |= {"prediction": {"value": float(diabetes.value[row])}}
        found.append(Outgoing(topics.inference, home(name), None, json.dumps(event).encode()))
    for row, said in zip(diabetes.told.tolist(), diabetes.as_told.tolist(), strict=True):
        label = {"inference_id": names[row], "model": "diabetes", "value": said, "event_time": FIRST_MS + HOUR}
        found.append(Outgoing(topics.labels, home(names[row]), None, json.dumps(label).encode()))
    return found


def test_events_and_labels_on_kafka_become_violations(mock_broker: str, topics: str, diabetes: Diabetes) -> None:
    settings, names = settings_of(mock_broker, topics), Topics(topics)
    key = definition_key("diabetes", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, MODEL.model_dump_json().encode())])
    publish_baseline(settings, diabetes.baseline())
    value, headers = watermark("diabetes", FIRST_MS + 20 * HOUR)
    ends = [Outgoing(topic, at, None, value, tuple(headers)) for topic in names.sources for at in range(4)]
    found: dict[str, dict] = {}
    hours = [iso(FIRST_MS + hour * HOUR) for hour in (0, 1)]
    with running(settings) as errors:
        publish(settings, [*records(diabetes, names), *ends])
        deadline = time.monotonic() + 150
        with Follower(settings, names.reports) as follower:
            while not found.keys() >= set(hours) and time.monotonic() < deadline:
                for _, record in follower.poll(0.1):
                    if (
                        record["monitor"] == "model_quality"
                        and record["final"]
                        and record["labelled"] == record["rows"]
                    ):
                        found[record["window"]["start"]] = record
    assert errors == []
    for hour, start in enumerate(hours):
        metrics = found[start]["statistics"]["regression_metrics"]
        assert {name: metric["value"] for name, metric in metrics.items()} == pytest.approx(
            diabetes.expected(hour), rel=1e-9
        )
    violations = [v for _, v in Follower(settings, names.violations).read_to_end() if v["monitor"] == "model_quality"]
    assert {v["metric_name"] for v in violations} == {"mae", "mse", "r2"}
