# SPDX-License-Identifier: Apache-2.0
"""A worker as a whole on the embedded broker: from events to violations, and every start that must fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from sketches.block import Block, Column, Kind
from stream.commands.baselines import publish_baseline
from stream.demo.broker import EMBEDDED
from stream.errors import InfrastructureError, StreamError
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from stream.worker import run
from topics.partitioner import partition_of
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition, Window

MODEL = ModelDefinition(model="m", problem_type="BinaryClassification", window=Window(size="1m", grace=0))
START_MS = 1_700_000_040_000
ROWS = 400


def settings_of(bootstrap: str, topics: str) -> Settings:
    return Settings(
        kafka=EMBEDDED,
        bootstrap_servers=bootstrap,
        group=topics,
        topic_prefix=topics,
        checkpoint_interval_ms=200,
        metrics_port=None,
    )


@contextmanager
def running(settings: Settings) -> Iterator[list[StreamError]]:
    stop, errors = threading.Event(), []

    def work() -> None:
        try:
            run(settings, stop=stop)
        except StreamError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def home(inference_id: str) -> int:
    return int(partition_of(np.frombuffer(inference_id.encode(), np.uint8)[None, :], 4)[0])


def traffic(topics: Topics, shift: float, *, misplaced: bool = False) -> list[Outgoing]:
    """Events of one window as any client writes them, their labels, and a watermark on every partition."""
    rng, records = np.random.default_rng(3), []
    for number, age in enumerate(rng.normal(40 + shift, 5, ROWS).tolist()):
        name = f"id-{number:05d}"
        event = {"inference_id": name, "model": "m", "event_time": START_MS + number, "features": {"age": age}}
        event["prediction"] = {"label": "1", "score": 0.9}
        label = {"inference_id": name, "model": "m", "label": 1, "event_time": START_MS + number}
        at = (home(name) + 1) % 4 if misplaced and number % 10 == 0 else home(name)
        records.append(Outgoing(topics.inference, at, None, json.dumps(event).encode()))
        records.append(Outgoing(topics.labels, home(name), None, json.dumps(label).encode()))
    return records


def end(topics: Topics, time_ms: int) -> list[Outgoing]:
    value, headers = watermark("m", time_ms)
    return [Outgoing(topic, number, None, value, tuple(headers)) for topic in topics.sources for number in range(4)]


def reported(settings: Settings, monitors: int, timeout_s: float = 150) -> dict[str, dict]:
    found: dict[str, dict] = {}
    deadline = time.monotonic() + timeout_s
    with Follower(settings, Topics(settings.topic_prefix).reports) as follower:
        while time.monotonic() < deadline:
            for _, record in follower.poll(0.1):
                found[record["monitor"]] = record
            if len(found) >= monitors and all(r["rows"] == ROWS for r in found.values()):
                break
    return found


def prepare(settings: Settings) -> Topics:
    topics = Topics(settings.topic_prefix)
    key = definition_key("m", "1", 0)
    publish(settings, [Outgoing(topics.definitions, 0, key, MODEL.model_dump_json().encode())])
    rng = np.random.default_rng(5)
    columns = {
        "age": Column(Kind.FLOAT, rng.normal(40, 5, 5_000)),
        "prediction.label": Column(Kind.STRING, np.zeros(5_000, np.int32), categories=("1",)),
        "prediction.score": Column(Kind.FLOAT, np.full(5_000, 0.9)),
    }
    publish_baseline(settings, suggest([Block(5_000, columns)], model="m").baseline)
    return topics


@pytest.mark.parametrize(("shift", "expected"), [(0.0, "Completed"), (20.0, "CompletedWithViolations")])
def test_events_and_labels_become_reports_and_violations(
    mock_broker: str, topics: str, shift: float, expected: str
) -> None:
    settings = settings_of(mock_broker, topics)
    names = prepare(settings)
    with running(settings) as errors:
        publish(settings, traffic(names, shift, misplaced=True))
        publish(settings, end(names, START_MS + 3_600_000))
        reports = reported(settings, 3)
    assert errors == []
    drift = reports["data_drift"]
    assert (drift["status"], drift["rows"], drift["labelled"]) == (expected, ROWS, ROWS)
    violations = Follower(settings, names.violations).read_to_end()
    assert {v["feature_name"] for _, v in violations if v["monitor"] == "data_drift"} == ({"age"} if shift else set())


def test_a_broker_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(InfrastructureError, match=r"^Kafka at 127\.0\.0\.1:1: [^\n]*check bootstrap_servers[^\n]*$"):
        run(settings_of("127.0.0.1:1", "t"))


@pytest.mark.kafka
def test_missing_topics_and_unequal_counts_are_named(kafka: str, topics: str) -> None:
    settings = settings_of(kafka, topics)
    with pytest.raises(InfrastructureError, match=rf"topics {topics}\.inference, .* do not exist.*topics create"):
        run(settings)
    admin = AdminClient({"bootstrap.servers": kafka})
    table = Topics(topics).table()
    new = [NewTopic(topic.name, 3 if topic.name.endswith("labels") else 4, 1) for topic in table]
    for future in admin.create_topics(new).values():
        future.result()
    with pytest.raises(InfrastructureError, match=rf"{topics}\.labels: expected 4 partitions .* found 3"):
        run(settings)


def test_the_same_events_written_by_librdkafka_need_no_partition(mock_broker: str, topics: str) -> None:
    producer = Producer({"bootstrap.servers": mock_broker, "partitioner": "murmur2_random"})
    places: dict[str, int] = {}
    for number in range(50):
        name = f"id-{number}"
        producer.produce(
            f"{topics}.x", b"", name, on_delivery=lambda _e, m: places.update({m.key().decode(): m.partition()})
        )
    producer.flush(10)
    assert {name: home(name) for name in places} == places
