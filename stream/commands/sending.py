# SPDX-License-Identifier: Apache-2.0
"""Send a model's past as blocks: every row, on its partition, waiting for room."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from stream.definitions import Definitions
from stream.errors import InfrastructureError
from stream.kafka.connection import partitions_of
from stream.kafka.publishing import Publisher
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.batches import EventBatch, LabelBatch
from topics.encode import encode_events, encode_labels
from topics.partitioner import partition_of
from topics.records import watermark
from topics.subjects import Topics
from windows.definition import ModelDefinition
from windows.events import Side

_ROWS_A_MESSAGE = 1_000
# A broker takes 1 MB unless its settings say otherwise.
_BYTES_A_MESSAGE = 900_000
_Batch = TypeVar("_Batch", EventBatch, LabelBatch)


def history_of(known: Definitions, model: str, version: str) -> tuple[ModelDefinition, ...]:
    """Give a model version's definitions, oldest first; raises `InfrastructureError` if there is none."""
    definitions = known.catalog.history(model, version)
    if not definitions:
        msg = f"model {model} version {version} has no definition, so workers would drop it; run `sketchwatch apply`"
        raise InfrastructureError(msg)
    return definitions


def closing_ms(definitions: Iterable[ModelDefinition], last_ms: int) -> int:
    """Give the event time at which every window up to that of a last event is closed, features and labels.

    Examples
    --------
    >>> closing_ms([ModelDefinition(model="m", window={"label_horizon": "1h"})], 10)
    7200000
    """
    return max(
        int(one.start_of(last_ms)) + one.window.size + max(one.window.grace, one.window.label_horizon)
        for one in definitions
    )


class Sender:
    """Cuts batches into messages, each of one partition.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    model : str
        Of the watermarks.
    """

    def __init__(self, settings: Settings, model: str) -> None:
        self._publisher = Publisher(settings)
        self._model = model
        self._topics = Topics(settings.topic_prefix)
        self._partitions = min(partitions_of(settings, *self._topics.sources).values())

    def events(self, batch: EventBatch) -> None:
        """Send events, in order."""
        self._cut(self._topics.inference, batch, encode_events)

    def labels(self, batch: LabelBatch) -> None:
        """Send labels, in order."""
        self._cut(self._topics.labels, batch, encode_labels)

    def watermark(self, time_ms: int, sides: Iterable[Side] = ("events", "labels")) -> None:
        """Say on every partition that nothing earlier follows."""
        value, headers = watermark(self._model, time_ms)
        topics = {"events": self._topics.inference, "labels": self._topics.labels}
        for side in sides:
            for partition in range(self._partitions):
                self._publisher.send(Outgoing(topics[side], partition, None, value, tuple(headers)))

    def flush(self) -> None:
        """Wait until the broker has everything; raises `InfrastructureError` if it does not take it."""
        self._publisher.flush()

    def _cut(self, topic: str, batch: _Batch, encode: Callable[[_Batch], tuple[bytes, str]]) -> None:
        partitions = partition_of(batch.ids, self._partitions)
        for partition in np.unique(partitions).tolist():
            here = np.flatnonzero(partitions == partition)
            for begin in range(0, len(here), _ROWS_A_MESSAGE):
                self._send(topic, partition, batch.take(here[begin : begin + _ROWS_A_MESSAGE]), encode)

    def _send(self, topic: str, partition: int, batch: _Batch, encode: Callable[[_Batch], tuple[bytes, str]]) -> None:
        value, content_type = encode(batch)
        n = len(batch.ids)
        if len(value) > _BYTES_A_MESSAGE and n > 1:
            for half in np.array_split(np.arange(n), 2):
                self._send(topic, partition, batch.take(half), encode)
            return
        headers = (("content-type", content_type.encode()),)
        self._publisher.send(Outgoing(topic, partition, None, value, headers))
