# SPDX-License-Identifier: Apache-2.0
"""Attributions and embeddings from events to verdicts: German Credit, its model's SHAP values and a real text model.

The numbers are those of Nigenda et al. (2022), arXiv:2111.13657, appendix C, as recomputed for the example.
"""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from stream.commands.baselines import publish_baseline
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.testing import MonitorDriver
from tests.german import DIMENSION, german
from tests.stream.test_worker import home, running, settings_of
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.events import BlockArrived
from windows.report import Report

HOUR = 3_600_000
FIRST_MS = 472_222 * HOUR
END_MS = FIRST_MS + 3 * HOUR + 300_000
DATA = german()
TRAIN, LIVE = np.flatnonzero(DATA.train), np.flatnonzero(~DATA.train)
EMBEDDING = {"embeddings": {"text": DIMENSION}}


def definition(groups: dict[str, tuple[str, ...]] | None = None) -> ModelDefinition:
    monitors = {"attribution_drift": {"enabled": True, "groups": groups or {}}, "embedding_drift": EMBEDDING}
    return ModelDefinition(model="credit", monitors=monitors)


def baseline(model: ModelDefinition) -> Baseline:
    rows = DATA.block(TRAIN, DATA.attributions)
    block = type(rows)(rows.n, {**DATA.inputs(TRAIN).columns, **rows.columns})
    return suggest([block], model="credit", definition=model).baseline


def hours() -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """A healthy hour, one with a bug in the data, one in which applicants write in German."""
    everyone = np.concatenate((DATA.german_rows, DATA.german_rows[:100]))
    foreign = np.concatenate((DATA.german, DATA.german[:100]))
    return [
        (LIVE, DATA.attributions, None),
        (LIVE, DATA.recorded_as_a11(), None),
        (everyone, DATA.attributions, foreign),
    ]


def ids_of(hour: int, n: int) -> np.ndarray:
    return np.array([list(f"{hour}-{row:06d}".encode()) for row in range(n)], np.uint8)


def run(model: ModelDefinition) -> tuple[dict[tuple[str, int], Report], set[tuple[str, int, str, str]]]:
    """Reports and violations of the three hours."""
    known = baseline(model)
    driver = MonitorDriver((model,), partitions=3, baseline=lambda _: known)
    for hour, (rows, attributions, vectors) in enumerate(hours()):
        extra, inputs = DATA.block(rows, attributions, vectors), DATA.inputs(rows)
        at_ms = FIRST_MS + hour * HOUR + np.arange(len(rows))
        for first in range(0, len(rows), 150):
            part = np.arange(first, min(first + 150, len(rows)))
            ids = ids_of(hour, len(rows))[part]
            driver.send(BlockArrived("credit", "1", ids, at_ms[part], inputs.take(part), extra.take(part)))
    driver.watermark("events", "credit", END_MS)
    for partition in range(3):
        driver.process(partition, "events", 2)
        driver.checkpoint(partition)
        driver.process(partition, "events", 1)
        driver.crash(partition)
    driver.run()
    reports = {(r.monitor, (r.window_start_ms - FIRST_MS) // HOUR): r for r in driver.reports}
    found = {
        (v.monitor, (v.window_start_ms - FIRST_MS) // HOUR, v.verdict.subject, v.verdict.check)
        for v in driver.violations
        if v.monitor in {"attribution_drift", "embedding_drift"}
    }
    return reports, found


@pytest.fixture(scope="module")
def encoded() -> tuple[dict[tuple[str, int], Report], set[tuple[str, int, str, str]]]:
    return run(definition())


def importances(report: Report) -> dict[str, float]:
    return report.statistics["explanations"]["kernel_shap"]["label0"]["global_shap_values"]


def test_a_data_bug_that_the_ranking_misses_shows_in_the_features_own_attributions(encoded) -> None:
    reports, violations = encoded
    assert violations == {
        ("attribution_drift", 1, "attributions.A14", "baseline_drift_check"),
        ("embedding_drift", 2, "text", "embedding_drift_check"),
    }
    scores = [reports["attribution_drift", hour].statistics["sketchwatch"]["labels"]["label0"] for hour in (0, 1)]
    assert scores[0]["ndcg"] == pytest.approx(0.999461, abs=1e-6)
    assert scores[1]["ndcg"] == pytest.approx(0.9995, abs=5e-5)
    assert scores[1]["features"][0]["name"] == "A14"
    assert scores[0]["share_change"] < 0.05 < scores[1]["share_change"]


def test_importances_are_those_of_all_rows_whatever_partition_they_came_by(encoded) -> None:
    reports, _ = encoded
    live = importances(reports["attribution_drift", 0])
    expected = dict(zip(DATA.names, np.abs(DATA.attributions[LIVE]).mean(axis=0), strict=True))
    assert live == pytest.approx(expected, rel=1e-12)
    assert max(live, key=live.__getitem__) == "A14"
    assert live["A14"] == pytest.approx(0.7788, abs=5e-5)
    known = baseline(definition()).documents["attribution_drift"]["explanations"]["kernel_shap"]["label0"]
    assert known["global_shap_values"]["A14"] == pytest.approx(0.7915, abs=5e-5)


def test_encoded_features_are_grouped_row_by_row() -> None:
    model = definition(DATA.attributes())
    reports, violations = run(model)
    known = baseline(model).documents["attribution_drift"]["explanations"]["kernel_shap"]["label0"]
    live, was = importances(reports["attribution_drift", 0]), known["global_shap_values"]
    assert len(live) == len(was) == 20
    assert max(was, key=was.__getitem__) == max(live, key=live.__getitem__) == "checking_status"
    assert (was["checking_status"], live["checking_status"]) == pytest.approx((0.7228, 0.7091), abs=5e-5)
    assert reports["attribution_drift", 0].statistics["sketchwatch"]["labels"]["label0"]["ndcg"] == pytest.approx(1.0)
    drifted = {subject for monitor, hour, subject, _ in violations if (monitor, hour) == ("attribution_drift", 1)}
    assert drifted == {"attributions.checking_status"}


def test_the_similarity_of_texts_is_that_of_all_pairs(encoded) -> None:
    reports, _ = encoded

    def unit(vectors: np.ndarray) -> np.ndarray:
        return vectors / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)

    for hour, (rows, _, vectors) in enumerate(hours()):
        window = unit(DATA.english[rows] if vectors is None else vectors)
        said = reports["embedding_drift", hour].statistics["embeddings"]["text"]
        assert said["item_count"] == len(rows)
        similarity = said["mean_similarity"]
        assert similarity["value"] == pytest.approx((window @ unit(DATA.english[TRAIN]).T).mean(), abs=1e-12)
        low, high = similarity["interval"]
        assert low < similarity["value"] < high
    assert reports["embedding_drift", 2].verdicts[0].value > 0.5


def records(topics: Topics) -> list[Outgoing]:
    """Events of the three hours as any client writes them."""
    found = []
    for hour, (rows, attributions, vectors) in enumerate(hours()):
        told = DATA.english[rows] if vectors is None else vectors
        for place, row in enumerate(rows.tolist()):
            name = f"{hour}-{place:06d}"
            event = {"inference_id": name, "model": "credit", "event_time": FIRST_MS + hour * HOUR + place}
            event["features"] = {"age": float(DATA.columns["age"][row])}
            event["attributions"] = dict(zip(DATA.names, attributions[row].tolist(), strict=True))
            event["embeddings"] = {"text": told[place].tolist()}
            found.append(Outgoing(topics.inference, home(name), None, json.dumps(event).encode()))
    return found


def test_events_on_kafka_become_violations_of_attributions_and_embeddings(mock_broker: str, topics: str) -> None:
    settings, names = settings_of(mock_broker, topics), Topics(topics)
    model = definition()
    key = definition_key("credit", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, model.model_dump_json().encode())])
    publish_baseline(settings, baseline(model))
    value, headers = watermark("credit", END_MS)
    ends = [Outgoing(names.inference, at, None, value, tuple(headers)) for at in range(4)]
    found: set[tuple[str, str]] = set()
    with running(settings) as errors:
        publish(settings, [*records(names), *ends])
        deadline = time.monotonic() + 150
        with Follower(settings, names.reports) as follower:
            while len(found) < 4 * 3 and time.monotonic() < deadline:
                found |= {(report["monitor"], report["window"]["start"]) for _, report in follower.poll(0.1)}
    assert errors == []
    assert len(found) == 4 * 3, found
    violations = [
        v for _, v in Follower(settings, names.violations).read_to_end() if not v["monitor"].startswith("data_")
    ]
    said = {(v["monitor"], v["feature_name"], v["constraint_check_type"]) for v in violations}
    assert said == {
        ("attribution_drift", "attributions.A14", "baseline_drift_check"),
        ("embedding_drift", "text", "embedding_drift_check"),
    }
