# SPDX-License-Identifier: Apache-2.0
"""A Kafka broker inside this process: librdkafka's own, in memory, gone with the process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 4
"""Of every topic; the embedded broker knows no other number, and makes a topic when it is first asked of it."""

EMBEDDED = {"check.crcs": "false"}
"""Properties its clients need: it clears a bit of transactional batches that their checksum covers."""


@contextmanager
def embedded_broker() -> Iterator[str]:
    """Run a broker while the context lasts; yields `host:port`.

    Notes
    -----
    It holds 5 MB or 100,000 messages a partition and then drops the oldest (see `lost_records`), compacts nothing and
    accepts transactions without fencing: enough to show, not to rely on.
    """
    host = Producer({"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    host.flush(0)


def lost_records(bootstrap: str, topics: Iterable[str]) -> list[str]:
    """Name the partitions, as `topic/partition`, whose first record a broker no longer has."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "sketchwatch-demo-check", "log_level": 0})
    try:
        return [
            f"{topic}/{partition}"
            for topic in topics
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
            if consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[0] > 0
        ]
    finally:
        consumer.close()
