# SPDX-License-Identifier: Apache-2.0
"""Bias on sex and race from events and late, corrected labels to violations: UCI Adult.

Becker, Kohavi (1996), Adult, UCI Machine Learning Repository, doi:10.24432/C5XW20.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.commands.baselines import publish_baseline
from stream.commands.tables import to_block
from stream.demo.data import FEATURES, serve, train
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.testing import SIDES, MonitorDriver
from tests.stream.test_worker import home, running, settings_of
from tests.windows.statistics.people import sides
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.events import BlockArrived, LabelsArrived
from windows.report import iso
from windows.statistics.bias_metrics import BIAS_METRICS, bias_value

DATA = Path(__file__).parents[2] / "examples" / "adult" / "adult.csv.gz"
HOUR = 3_600_000
FIRST_MS = 472_222 * HOUR
HOURS, BIASED, ROWS, BLOCK = 4, 3, 2_713, 500
FACETS = [{"name": "sex", "values": ["Female"]}, {"name": "race", "values": ["Black"]}]
MODEL = ModelDefinition(
    model="adult",
    problem_type="BinaryClassification",
    window={"label_horizon": "12h"},
    monitors={"bias": {"facets": FACETS, "group": "marital_status"}},
)


class Adult:
    """Four hours of the test split; in the last the model rejects three of four women whom it would accept."""

    def __init__(self) -> None:
        trained, rng = train(DATA), np.random.default_rng(3)
        names = [*FEATURES, "label", "score"]
        self.past = to_block(trained.baseline, names)
        order = rng.permutation(len(trained.test))[: HOURS * ROWS]
        table = serve(trained, trained.test.take(order))
        self.features = to_block(table, [*FEATURES])
        self.label, self.score = table["label"].to_numpy(), table["score"].to_numpy()
        self.hour = np.arange(len(table)) // ROWS
        self.sex, self.race, self.group = (np.array(table[name]) for name in ("sex", "race", "marital_status"))
        rejected = (self.hour == BIASED) & (self.sex == "Female") & (rng.random(len(table)) < 0.75)
        self.score = np.where(rejected, np.minimum(self.score, 0.3), self.score)
        self.at_ms = FIRST_MS + self.hour * HOUR + rng.integers(0, HOUR, len(table))
        self.ids = rng.integers(97, 123, (len(table), 16), dtype=np.uint8)
        mistyped = rng.choice(len(table), len(table) // 5, replace=False)
        self.told = np.concatenate((mistyped, rng.permutation(len(table))))
        self.as_told = np.concatenate((1 - self.label[mistyped], self.label[self.told[len(mistyped) :]]))

    def baseline(self) -> Baseline:
        roles = Roles("label", score="score")
        return suggest([self.past], model="adult", roles=roles, definition=MODEL).baseline

    def expected(self, hour: int, facet: np.ndarray, value: str) -> dict[str, float]:
        """Every metric of one facet value, over the rows of an hour."""
        rows = self.hour == hour
        accepted = (self.score[rows] > 0.5).astype(int)
        counts = sides(value, facet[rows], self.label[rows], accepted, self.group[rows])
        return {name: bias_value(metric, counts) for name, metric in BIAS_METRICS.items()}


@pytest.fixture(scope="module")
def adult() -> Adult:
    return Adult()


def classes(values: np.ndarray) -> Column:
    return Column(Kind.STRING, values.astype(np.int32), None, ("0", "1"))


def test_healthy_hours_are_quiet_and_the_biased_one_is_found(adult: Adult) -> None:
    baseline = adult.baseline()
    driver = MonitorDriver((MODEL,), partitions=3, baseline=lambda _: baseline)
    for first in range(0, len(adult.label), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(adult.label)))
        block = adult.features.take(rows)
        score = Column(Kind.FLOAT, adult.score[rows])
        block = Block(block.n, {**block.columns, "prediction.score": score})
        driver.send(BlockArrived("adult", "1", adult.ids[rows], adult.at_ms[rows], block))
    for first in range(0, len(adult.told), BLOCK):
        rows, said = adult.told[first : first + BLOCK], adult.as_told[first : first + BLOCK]
        at_ms = np.full(len(rows), FIRST_MS + first * 10 * HOUR // len(adult.told))
        driver.send(LabelsArrived("adult", None, adult.ids[rows], at_ms, classes(said)))
    for side in SIDES:
        driver.watermark(side, "adult", FIRST_MS + 20 * HOUR)
    for partition in range(3):
        driver.process(partition, "events", 40)
        driver.process(partition, "labels", 10)
        driver.checkpoint(partition)
        driver.process(partition, "labels", 5)
        driver.crash(partition)
    driver.run()
    reports = {r.window_start_ms: r for r in driver.reports if r.monitor == "bias" and r.final}
    for hour in range(HOURS):
        report = reports[FIRST_MS + hour * HOUR]
        assert report.labelled == report.rows == ROWS
        for facet, column, value in (("sex", adult.sex, "Female"), ("race", adult.race, "Black")):
            found = {
                metric["name"]: metric["value"]
                for stage in ("pre_training", "post_training")
                for metric in report.statistics[f"{stage}_bias_metrics"]["facets"][facet][0]["metrics"]
            }
            expected = adult.expected(hour, column, value)
            assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    violated = {(v.window_start_ms, v.verdict.subject) for v in driver.violations if v.monitor == "bias"}
    assert {start for start, _ in violated} == {FIRST_MS + BIASED * HOUR}
    assert {"RD sex=Female", "DI sex=Female"} <= {subject for _, subject in violated}
    assert not any("race" in subject for _, subject in violated)


def records(adult: Adult, topics: Topics) -> list[Outgoing]:
    """Events and labels of the last healthy and the biased hour, as any client writes them; race is a tag."""
    found = []
    for row in np.flatnonzero(adult.hour >= BIASED - 1).tolist():
        name = bytes(adult.ids[row]).decode()
        event = {"inference_id": name, "model": "adult", "event_time": int(adult.at_ms[row])}
        event["features"] = {"sex": adult.sex[row], "marital_status": adult.group[row]}
        event |= {"prediction": {"score": float(adult.score[row])}, "tags": {"race": adult.race[row]}}
        label = {"inference_id": name, "model": "adult", "label": str(adult.label[row]), "event_time": FIRST_MS}
        for topic, record in ((topics.inference, event), (topics.labels, label)):
            found.append(Outgoing(topic, home(name), None, json.dumps(record).encode()))
    return found


def test_events_and_labels_on_kafka_become_violations_of_bias(mock_broker: str, topics: str, adult: Adult) -> None:
    settings, names = settings_of(mock_broker, topics), Topics(topics)
    key = definition_key("adult", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, MODEL.model_dump_json().encode())])
    publish_baseline(settings, adult.baseline())
    value, headers = watermark("adult", FIRST_MS + 20 * HOUR)
    ends = [Outgoing(topic, at, None, value, tuple(headers)) for topic in names.sources for at in range(4)]
    hours = {iso(FIRST_MS + hour * HOUR) for hour in (BIASED - 1, BIASED)}
    found: dict[str, dict] = {}
    with running(settings) as errors:
        publish(settings, [*records(adult, names), *ends])
        deadline = time.monotonic() + 150
        with Follower(settings, names.reports) as follower:
            while not found.keys() >= hours and time.monotonic() < deadline:
                for _, report in follower.poll(0.1):
                    if report["monitor"] == "bias" and report["final"] and report["labelled"] == ROWS:
                        found[report["window"]["start"]] = report
    assert errors == []
    assert found.keys() >= hours
    violations = [v for _, v in Follower(settings, names.violations).read_to_end() if v["monitor"] == "bias"]
    assert {v["window"]["start"] for v in violations} == {iso(FIRST_MS + BIASED * HOUR)}
    assert {(v["facet"], v["facet_value"]) for v in violations} == {("sex", "Female")}
    assert "RD" in {v["metric_name"] for v in violations}
    assert {v["constraint_check_type"] for v in violations} == {"bias_drift_check"}
