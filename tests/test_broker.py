# SPDX-License-Identifier: Apache-2.0
"""The brokers of the tests serve, and a real one keeps its data and its address over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.broker import Broker, LocalBroker


def write_and_read(bootstrap: str, topic: str) -> bytes | None:
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value=b"seen", partition=0)
    assert producer.flush(20) == 0
    return read_first(bootstrap, topic)


def read_first(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    return None if message is None else message.value()


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def test_the_mock_cluster_serves(mock_broker: str, topics: str) -> None:
    assert write_and_read(mock_broker, topics) == b"seen"


@pytest.mark.kafka
def test_the_shared_broker_serves(kafka: str, topics: str) -> None:
    create(kafka, topics)
    assert write_and_read(kafka, topics) == b"seen"


@pytest.mark.kafka
@pytest.mark.parametrize("hard", [False, True])
def test_a_restarted_broker_keeps_its_address_and_its_data(own_kafka: Broker, topics: str, hard: bool) -> None:
    bootstrap = own_kafka.start()
    create(bootstrap, topics)
    write_and_read(bootstrap, topics)
    own_kafka.stop(hard=hard)
    assert own_kafka.start() == bootstrap
    assert read_first(bootstrap, topics) == b"seen"


@pytest.mark.kafka
def test_without_java_the_failure_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="expected a container engine, or Java 17"):
        LocalBroker(tmp_path / "none").start()
