# SPDX-License-Identifier: Apache-2.0
"""Reading what sketchwatch says: violations and reports, committed ones only."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from topics.records import from_json
from topics.subjects import Topics

_LOG = logging.getLogger("sketchwatch.client")
_TIMEOUT_S = 10.0


def follow_violations(
    bootstrap: str,
    *,
    topics: Topics = Topics(),  # noqa: B008  # frozen
    config: Mapping[str, Any] | None = None,
    from_beginning: bool = False,
    follow: bool = True,
    timeout_s: float = _TIMEOUT_S,
) -> Iterator[dict[str, Any]]:
    """Yield violations as they are published.

    Parameters
    ----------
    bootstrap : str
        Address of the brokers.
    topics : Topics
        Names of the topics.
    config : mapping, optional
        librdkafka properties, passed through unchanged.
    from_beginning : bool
        Start with the oldest that is kept, otherwise with the next.
    follow : bool
        Wait for more for ever, otherwise end at the present end of the topic.
    timeout_s : float
        Longest wait for the brokers' first answer.

    Raises
    ------
    KafkaException
        If the brokers cannot be reached or refuse.

    Notes
    -----
    A violation may come again with a higher revision; whoever keeps the last record of each `id` sees each once.
    """
    return _follow(
        bootstrap, topics.violations, config, from_beginning=from_beginning, follow=follow, timeout_s=timeout_s
    )


def follow_reports(
    bootstrap: str,
    *,
    topics: Topics = Topics(),  # noqa: B008  # frozen
    config: Mapping[str, Any] | None = None,
    from_beginning: bool = False,
    follow: bool = True,
    timeout_s: float = _TIMEOUT_S,
) -> Iterator[dict[str, Any]]:
    """Yield reports as they are published; parameters and errors are those of `follow_violations`."""
    return _follow(bootstrap, topics.reports, config, from_beginning=from_beginning, follow=follow, timeout_s=timeout_s)


def _follow(
    bootstrap: str,
    topic: str,
    config: Mapping[str, Any] | None,
    *,
    from_beginning: bool,
    follow: bool,
    timeout_s: float,
) -> Iterator[dict[str, Any]]:
    settings = {
        "bootstrap.servers": bootstrap,
        # Required by librdkafka; nothing is committed and no group is joined, as partitions are assigned by hand.
        "group.id": "sketchwatch-reader",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        **(config or {}),
    }
    consumer = Consumer(settings)
    try:
        metadata = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, partition, start) for partition in metadata.partitions])
        yield from _records(consumer, set(metadata.partitions), follow=follow)
    finally:
        consumer.close()


def _records(consumer: Consumer, reading: set[int], *, follow: bool) -> Iterator[dict[str, Any]]:
    while follow or reading:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # librdkafka's public name for it
                reading.discard(message.partition())
                continue
            if error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):  # noqa: SLF001
                continue
            raise KafkaException(error)
        if message.value() is None:
            continue
        try:
            yield from_json(message.value())
        except ValueError:
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            _LOG.warning("%s: expected a JSON object; skipped", place)
