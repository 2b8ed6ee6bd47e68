# SPDX-License-Identifier: Apache-2.0
"""Read JSON records of whole topics, to their end and beyond, without a group."""

from __future__ import annotations

import logging
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicPartition

from stream.kafka.clients import reader_config, unreachable
from stream.kafka.connection import partitions_of
from stream.settings import Settings
from topics.records import from_json

log = logging.getLogger(__name__)
_BATCH = 500


class Follower:
    """Reads every partition of some topics; only what was committed.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    topics : str
        Their names.
    from_beginning : bool
        Start with what is there, not with what comes.

    Raises
    ------
    InfrastructureError
        If a topic does not exist or the broker does not answer.
    """

    def __init__(self, settings: Settings, *topics: str, from_beginning: bool = True) -> None:
        self._settings = settings
        self._consumer: Any = Consumer(reader_config(settings, fetch_wait_max_ms=100))
        counts = partitions_of(settings, *topics)
        self._unread = {(topic, partition) for topic, count in counts.items() for partition in range(count)}
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        self._consumer.assign([TopicPartition(*place, start) for place in sorted(self._unread)])

    @property
    def at_end(self) -> bool:
        """Whether each partition was read to where its end was at some time since the last record of it."""
        return not self._unread

    def poll(self, timeout_s: float = 0.2) -> list[tuple[str, dict[str, Any]]]:
        """Read what is there, as topic and record; what is not JSON is skipped with a warning.

        Raises
        ------
        InfrastructureError
            If the broker refuses.
        """
        found = []
        for message in self._consumer.consume(_BATCH, timeout_s):
            place = (message.topic(), message.partition())
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    self._unread.discard(place)
                elif not error.retriable():
                    raise unreachable(self._settings, error)
                continue
            self._unread.add(place)
            if message.value() is None:
                continue
            try:
                found.append((place[0], from_json(message.value())))
            except ValueError as wrong:
                log.warning("%s/%d/%d skipped: %s", *place, message.offset(), wrong)
        return found

    def read_to_end(self) -> list[tuple[str, dict[str, Any]]]:
        """Read on until nothing is left."""
        found = self.poll()
        while not self.at_end:
            found += self.poll()
        return found

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
