# SPDX-License-Identifier: Apache-2.0
"""What can be read from the topics afterwards, as any outsider would: committed records, to their end."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition


@dataclass(frozen=True, slots=True)
class Record:
    """One committed record."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: dict[str, bytes]


class Reader:
    """All committed records of one topic, more with every call of `read`.

    Parameters
    ----------
    bootstrap, topic : str
        What to read.
    isolation : str
        `read_committed`, or `read_uncommitted` to see what was taken back too.
    """

    def __init__(self, bootstrap: str, topic: str, isolation: str = "read_committed") -> None:
        self.records: list[Record] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"oracle-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": isolation,
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        self._partitions = len(self._consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        self._topic = topic
        self._next = [0] * self._partitions

    def read(self, timeout_s: float = 60) -> list[Record]:
        """Read on to the present end of every partition; returns all records so far."""
        assigned = [TopicPartition(self._topic, partition, n) for partition, n in enumerate(self._next)]
        self._consumer.assign(assigned)
        missing, deadline = set(range(self._partitions)), time.monotonic() + timeout_s
        while missing:
            assert time.monotonic() < deadline, f"{self._topic} could not be read to its end in {timeout_s:.0f} s"
            for message in self._consumer.consume(5_000, 0.2):
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        missing.discard(message.partition())
                    continue
                self._next[message.partition()] = message.offset() + 1
                self.records.append(_record(message))
        return self.records

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def _record(message: Any) -> Record:
    headers = dict(message.headers() or ())
    return Record(message.partition(), message.offset(), message.key() or b"", message.value(), headers)


def all_records(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[Record]:
    """Read a topic once."""
    reader = Reader(bootstrap, topic, isolation)
    try:
        return reader.read()
    finally:
        reader.close()


def latest(records: list[Record]) -> dict[bytes, bytes]:
    """Keep the last value of each key, as compaction does; the keys of one partition never move to another."""
    held: dict[bytes, bytes] = {}
    for record in sorted(records, key=lambda r: (r.partition, r.offset)):
        if record.value is None:
            held.pop(record.key, None)
        else:
            held[record.key] = record.value
    return held


def objects(records: list[Record]) -> list[dict[str, Any]]:
    """Read the JSON values."""
    return [json.loads(record.value) for record in records if record.value is not None]


def repeated(keys: list[Any]) -> dict[Any, int]:
    """Say what came more than once."""
    return {key: n for key, n in Counter(keys).items() if n > 1}


def wait_until(what: str, holds: Callable[[], bool], timeout_s: float, context: Callable[[], str]) -> None:
    """Wait for something; a time-out says what, and the context."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            msg = f"expected within {timeout_s:.0f} s: {what}\n{context()}"
            raise AssertionError(msg)
        time.sleep(0.1)
