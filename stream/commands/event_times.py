# SPDX-License-Identifier: Apache-2.0
"""How far the event time of a model has come, as far as the topics tell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, TopicPartition

from stream.agents.decoding import Decoding, wall_clock_ms
from stream.agents.ingest import judged_on
from stream.kafka.clients import reader_config, unreachable
from stream.kafka.connection import partitions_of
from stream.kafka.recovery import read_log
from stream.settings import Settings
from topics.batches import EventBatch, Message, Watermark
from topics.records import parse_profile_key
from topics.subjects import Topics
from windows.definition import ModelDefinition

_TAIL = 200
_TIMEOUT_S = 10.0
_POLL_S = 0.1


def reached_ms(settings: Settings, held: ModelDefinition, now_ms: Callable[[], int] = wall_clock_ms) -> int | None:
    """Bound the event times of a model's rows from above, None if it certainly had none.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka, and how to decode.
    held : ModelDefinition
        The newest definition, which cut the newest windows.
    now_ms : callable
        The time of day: no event may lie further after it than `max_future_skew_ms`.

    Raises
    ------
    InfrastructureError
        If Kafka or the schema registry does not answer.
    """
    latest_ms, all_read = latest_event_time_ms(settings, held.model)
    if latest_ms is not None or all_read:
        return latest_ms
    newest_ms = _newest_window_ms(settings, held)
    if newest_ms is None:
        return now_ms() + settings.max_future_skew_ms
    # Rows of the window after it did not close that one yet, so none lies further than its end and grace.
    return newest_ms + 2 * held.window.size + held.window.grace


def latest_event_time_ms(settings: Settings, model: str) -> tuple[int | None, bool]:
    """Find the largest event time of a model among the newest messages of each partition, None if it has none there.

    Returns
    -------
    tuple of int or None, bool
        The time in milliseconds UTC, and whether these were all messages that there ever were.
    """
    topic = Topics(settings.topic_prefix).inference
    decoding = Decoding(settings)
    times: list[int] = []
    all_read = True
    with closing(Consumer(reader_config(settings))) as reader:
        for partition in range(partitions_of(settings, topic)[topic]):
            messages, timestamp_type, whole = _tail(settings, reader, topic, partition)
            all_read &= whole
            for batch in decoding.decode("events", messages, timestamp_type).batches:
                if batch.model != model:
                    continue
                if isinstance(batch, Watermark):
                    times.append(batch.event_time_ms)
                elif isinstance(batch, EventBatch):
                    times.append(int(batch.event_time_ms.max()))
    return max(times, default=None), all_read


def _newest_window_ms(settings: Settings, held: ModelDefinition) -> int | None:
    topics = Topics(settings.topic_prefix)
    counts = partitions_of(settings, topics.inference, topics.profiles)
    judged = read_log(settings, topics.profiles, judged_on(held.model, counts[topics.inference])).records
    # Verdicts lie on the same topic under keys of another form.
    mine = (parse_profile_key(key) for key in judged if key.startswith(f"{held.model}|".encode()))
    return max((key.window_start_ms for key in mine), default=None)


def _tail(settings: Settings, reader: Consumer, topic: str, partition: int) -> tuple[list[Message], int, bool]:
    """Read the newest messages, who set their time, and whether there never were others."""
    place = TopicPartition(topic, partition)
    earliest, end = reader.get_watermark_offsets(place, _TIMEOUT_S, cached=False)
    place.offset = max(earliest, end - _TAIL)
    whole = place.offset == 0
    messages: list[Message] = []
    timestamp_type = 0
    if place.offset == end:
        return messages, timestamp_type, whole
    reader.assign([place])
    while True:
        for found in reader.consume(_TAIL, _POLL_S):
            error = found.error()
            if error is None:
                headers = tuple(found.headers() or ())
                kind, time_ms = found.timestamp()
                # The numbers of librdkafka are one more than those of Kafka.
                timestamp_type = int(kind == TIMESTAMP_LOG_APPEND_TIME)
                messages.append(Message(topic, partition, found.offset(), time_ms, found.key(), found.value(), headers))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return messages, timestamp_type, whole
            else:
                raise unreachable(settings, error)
