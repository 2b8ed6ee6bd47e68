# SPDX-License-Identifier: Apache-2.0
"""Many classes from events with scores and late, corrected labels to verdicts: scikit-learn's digits.

Alpaydin, Kaynak (1998), Optical recognition of handwritten digits, UCI Machine Learning Repository,
doi:10.24432/C50P49.
"""

from __future__ import annotations

import json
import time
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import brier_score_loss, confusion_matrix, fbeta_score, log_loss, precision_score, recall_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline

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
BLOCK = 101
CLASSES = tuple("0123456789")
MODEL = ModelDefinition(
    model="digits", problem_type="MulticlassClassification", classes=CLASSES, window={"label_horizon": "12h"}
)


class Digits:
    """Half of the digits as the baseline, the others served by a model of it for two hours, as scores alone.

    In the second hour a third of the images lie on their side; of both a fifth of the labels is mistyped at first.
    """

    def __init__(self) -> None:
        data, rng = load_digits(), np.random.default_rng(1)
        order = rng.permutation(len(data.target))
        fit, rest = order[: len(order) // 2], order[len(order) // 2 :]
        turned = data.images[rest].copy()
        lying = rng.random(len(rest)) < 1 / 3
        turned[lying] = np.rot90(turned[lying], axes=(1, 2))
        model = classifier().fit(data.data[fit], data.target[fit])
        pixels = np.vstack((data.data[rest], turned.reshape(len(rest), -1)))
        self.inputs = model[0].transform(pixels)
        self.label, self.scores = np.tile(data.target[rest], 2), model.predict_proba(pixels)
        self.n = len(self.label)
        self.hour = np.arange(self.n) // len(rest)
        self.at_ms = FIRST_MS + self.hour * HOUR + rng.integers(0, HOUR, self.n)
        self.ids = rng.integers(97, 123, (self.n, 16), dtype=np.uint8)
        held_out = cross_val_predict(classifier(), data.data[fit], data.target[fit], cv=5, method="predict_proba")
        self.past = Block(
            len(fit), columns(model[0].transform(data.data[fit]), held_out) | {"digit": classes(data.target[fit])}
        )
        mistyped = rng.choice(self.n, self.n // 5, replace=False)
        self.told = np.concatenate((mistyped, rng.permutation(self.n)))
        self.as_told = np.concatenate((rng.integers(0, 10, len(mistyped)), self.label[self.told[len(mistyped) :]]))

    def baseline(self) -> Baseline:
        roles = Roles("digit", classes=CLASSES)
        return suggest([self.past], model="digits", roles=roles, definition=MODEL).baseline

    def check(self, described: dict[str, Any], hour: int) -> None:
        """Hold the statistics of an hour against scikit-learn on its rows."""
        here = self.hour == hour
        label, scores = self.label[here], self.scores[here]
        predicted = scores.argmax(axis=1)
        expected = {
            "accuracy": float((label == predicted).mean()),
            "weighted_recall": recall_score(label, predicted, average="weighted"),
            "weighted_precision": precision_score(label, predicted, average="weighted"),
            **{
                f"weighted_{name}": fbeta_score(label, predicted, beta=beta, average="weighted")
                for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))
            },
            "log_loss": log_loss(label, np.clip(scores, 1e-15, 1.0)),
            "brier_score": brier_score_loss(label, scores),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            majority = np.full(len(label), np.bincount(label).argmax())
            expected["accuracy_best_constant_classifier"] = float((label == majority).mean())
            expected["weighted_f1_best_constant_classifier"] = fbeta_score(label, majority, beta=1, average="weighted")
        found = {name: described[name]["value"] for name in expected}
        assert found == pytest.approx(expected, rel=1e-12)
        matrix = [[described["confusion_matrix"][actual][guessed] for guessed in CLASSES] for actual in CLASSES]
        assert matrix == confusion_matrix(label, predicted).tolist()
        of_class = described["per_class"]["7"]["recall"]["value"]
        assert of_class == pytest.approx(float((predicted == 7)[label == 7].mean()), rel=1e-12)


def classifier() -> Pipeline:
    return make_pipeline(PCA(12, random_state=1), LinearDiscriminantAnalysis())


def columns(inputs: np.ndarray, scores: np.ndarray) -> dict[str, Column]:
    features = {f"x{i:02d}": Column(Kind.FLOAT, values) for i, values in enumerate(inputs.T)}
    return features | {
        f"prediction.scores.{name}": Column(Kind.FLOAT, values) for name, values in zip(CLASSES, scores.T, strict=True)
    }


def classes(digits: np.ndarray) -> Column:
    return Column(Kind.STRING, digits.astype(np.int32), None, CLASSES)


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits()


def test_late_and_corrected_labels_end_in_the_metrics_of_scikit_learn(digits: Digits) -> None:
    baseline = digits.baseline()
    driver = MonitorDriver((MODEL,), partitions=3, baseline=lambda _: baseline)
    for first in range(0, digits.n, BLOCK):
        rows = np.arange(first, min(first + BLOCK, digits.n))
        block = Block(len(rows), columns(digits.inputs[rows], digits.scores[rows]))
        driver.send(BlockArrived("digits", "1", digits.ids[rows], digits.at_ms[rows], block))
    for first in range(0, len(digits.told), BLOCK):
        rows, said = digits.told[first : first + BLOCK], digits.as_told[first : first + BLOCK]
        at_ms = np.full(len(rows), FIRST_MS + first * 10 * HOUR // len(digits.told))
        driver.send(LabelsArrived("digits", None, digits.ids[rows], at_ms, classes(said)))
    for side in SIDES:
        driver.watermark(side, "digits", FIRST_MS + 20 * HOUR)
    for partition in range(3):
        driver.process(partition, "events", 12)
        driver.process(partition, "labels", 10)
        driver.checkpoint(partition)
        driver.process(partition, "labels", 5)
        driver.crash(partition)
    driver.run()
    reports = {r.window_start_ms: r for r in driver.reports if r.monitor == "model_quality" and r.final}
    for hour in (0, 1):
        report = reports[FIRST_MS + hour * HOUR]
        assert report.error is None
        assert report.labelled == report.rows == digits.n // 2
        digits.check(report.statistics["multiclass_classification_metrics"], hour)
    violated = {(v.window_start_ms, v.verdict.subject) for v in driver.violations if v.monitor == "model_quality"}
    assert violated == {
        (FIRST_MS + HOUR, name)
        for name in (
            "accuracy",
            "weighted_precision",
            "weighted_f0_5",
            "weighted_f1",
            "weighted_f2",
            "log_loss",
            "brier_score",
        )
    }


def records(digits: Digits, topics: Topics) -> list[Outgoing]:
    """Events and labels as any client writes them."""
    found = []
    names = [bytes(key).decode() for key in digits.ids]
    for row, name in enumerate(names):
        event = {"inference_id": name, "model": "digits", "event_time": int(digits.at_ms[row])}
        event |= {"features": {f"x{i:02d}": value for i, value in enumerate(digits.inputs[row].tolist())}}
        event |= {"prediction": {"scores": dict(zip(CLASSES, digits.scores[row].tolist(), strict=True))}}
        found.append(Outgoing(topics.inference, home(name), None, json.dumps(event).encode()))
    for row, said in zip(digits.told.tolist(), digits.as_told.tolist(), strict=True):
        label = {"inference_id": names[row], "model": "digits", "label": said, "event_time": FIRST_MS + HOUR}
        found.append(Outgoing(topics.labels, home(names[row]), None, json.dumps(label).encode()))
    return found


def test_events_and_labels_on_kafka_become_violations(mock_broker: str, topics: str, digits: Digits) -> None:
    settings, names = settings_of(mock_broker, topics), Topics(topics)
    key = definition_key("digits", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, MODEL.model_dump_json().encode())])
    publish_baseline(settings, digits.baseline())
    value, headers = watermark("digits", FIRST_MS + 20 * HOUR)
    ends = [Outgoing(topic, at, None, value, tuple(headers)) for topic in names.sources for at in range(4)]
    found: dict[str, dict[str, Any]] = {}
    hours = [iso(FIRST_MS + hour * HOUR) for hour in (0, 1)]
    with running(settings) as errors:
        publish(settings, [*records(digits, names), *ends])
        deadline = time.monotonic() + 150
        with Follower(settings, names.reports) as follower:
            while not found.keys() >= set(hours) and time.monotonic() < deadline:
                for _, record in follower.poll(0.1):
                    whole = record["final"] and record["labelled"] == record["rows"]
                    if record["monitor"] == "model_quality" and whole:
                        found[record["window"]["start"]] = record
    assert errors == []
    for hour, start in enumerate(hours):
        digits.check(found[start]["statistics"]["multiclass_classification_metrics"], hour)
    violations = [v for _, v in Follower(settings, names.violations).read_to_end() if v["monitor"] == "model_quality"]
    assert {v["metric_name"] for v in violations} >= {"accuracy", "weighted_f1", "log_loss"}
    assert {v["window"]["start"] for v in violations} == {hours[1]}
