# SPDX-License-Identifier: Apache-2.0
"""Blocks as a client writes them: events of one partition with 20 features, a score and an id of 16 bytes; labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Producer
from numpy.typing import NDArray

from stream.settings import Settings
from topics.batches import FLOAT, STRING, EventBatch, LabelBatch, Values
from topics.encode import encode_events, encode_labels
from topics.partitioner import partition_of
from topics.subjects import Topics

MODEL = "benchmark"
FEATURES = 20
START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
_CLASSES = ("0", "1")


@dataclass(frozen=True, slots=True)
class Rows:
    """Events of one partition and their labels."""

    partition: int
    events: EventBatch
    labels: LabelBatch


def hex_ids(first: int, n: int) -> NDArray[np.uint8]:
    """Make n ids of 16 hexadecimal digits that look random and do not repeat.

    Returns
    -------
    ndarray of uint8, shape (n, 16)
    """
    numbers = np.arange(first, first + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    nibbles = numbers[:, None] >> np.arange(60, -4, -4, dtype=np.uint64) & np.uint64(15)
    return np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles.astype(np.intp)]


def rows(
    rng: np.random.Generator, first: int, times_ms: NDArray[np.int64], partitions: int, *, shift: float = 0.0
) -> Iterator[Rows]:
    """Make events at given times, parted by the partition of their ids.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the values.
    first : int
        Number of the first id.
    times_ms : ndarray of int64, shape (n,)
        Event times, ascending.
    partitions : int
        Partition count of the topics.
    shift : float
        Added to the mean of every feature, in standard deviations.
    """
    ids = hex_ids(first, len(times_ms))
    belongs = partition_of(ids, partitions)
    values = rng.normal(shift, 1.0, (FEATURES, len(times_ms)))
    score = rng.random(len(times_ms))
    label = (rng.random(len(times_ms)) < score).astype(np.int32)
    for partition in range(partitions):
        here = np.flatnonzero(belongs == partition)
        if not len(here):
            continue
        columns = {f"f{i:02}": Values(FLOAT, np.ascontiguousarray(values[i, here])) for i in range(FEATURES)}
        columns["prediction.score"] = Values(FLOAT, score[here])
        columns["prediction.label"] = Values(STRING, (score[here] > 0.5).astype(np.int32), categories=_CLASSES)
        times, none = times_ms[here], np.zeros(len(here), np.int64)
        yield Rows(
            partition,
            EventBatch(MODEL, "1", ids[here], times, none, columns),
            LabelBatch(MODEL, "1", ids[here], times, none, Values(STRING, label[here], categories=_CLASSES)),
        )


class Feed:
    """Sends blocks to the source topics."""

    def __init__(self, settings: Settings) -> None:
        self._topics = Topics(settings.topic_prefix)
        config = {"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 5, "message.max.bytes": 8 << 20}
        self._producer = Producer(config)

    def send(self, made: Rows, *, labels: bool = True) -> None:
        """Send the events of some rows and, unless told otherwise, their labels."""
        self._produce(self._topics.inference, made.partition, *encode_events(made.events))
        if labels:
            self._produce(self._topics.labels, made.partition, *encode_labels(made.labels))

    def _produce(self, topic: str, partition: int, value: bytes, content_type: str) -> None:
        headers = [("content-type", content_type.encode())]
        while True:
            try:
                self._producer.produce(topic, value, partition=partition, headers=headers)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def flush(self) -> None:
        """Wait until the broker has everything."""
        self._producer.flush()
