# SPDX-License-Identifier: Apache-2.0
"""Reading a partition back to its end, and telling damage from a first start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream.errors import DamagedState
from stream.kafka.clients import reader_config, unreachable
from stream.settings import Settings

_BATCH = 1_000
_TIMEOUT_S = 10.0
_POLL_S = 0.05


@dataclass(slots=True)
class Log:
    """The last value of each key of a compacted partition, oldest first, and the offset that follows."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    next_offset: int = 0

    def put(self, key: bytes, value: bytes | None) -> None:
        """Apply one record; a value of None removes its key."""
        self.records.pop(key, None)
        if value is not None:
            self.records[key] = value


def read_log(settings: Settings, topic: str, partition: int) -> Log:
    """Read the committed records of a partition from its start to its end.

    Raises
    ------
    InfrastructureError
        If the broker does not answer or refuses.
    """
    log = Log()
    reader = Consumer(reader_config(settings, fetch_wait_max_ms=50, queued_max_messages_kbytes=65_536))
    try:
        reader.assign([TopicPartition(topic, partition, 0)])
        while True:
            # A call returns early only with a full batch: the end of the log would wait for the rest of the time.
            for message in reader.consume(_BATCH, _POLL_S):
                error = message.error()
                if error is None:
                    log.put(message.key() or b"", message.value())
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    # The offset of the end counts transaction markers too; a record's own would not.
                    log.next_offset = message.offset()
                    return log
                else:
                    raise unreachable(settings, error)
    finally:
        reader.close()


@dataclass(frozen=True, slots=True)
class SourceRange:
    """What the broker knows of a source partition.

    Parameters
    ----------
    earliest, end : int
        First offset still stored, and the offset after the last.
    committed : int, optional
        Next offset according to the consumer group; None if it never committed.
    """

    earliest: int
    end: int
    committed: int | None


def source_ranges(settings: Settings, topics: tuple[str, ...], partition: int) -> dict[str, SourceRange]:
    """Ask the broker what it stores of one partition of the source topics, and what the group committed."""
    reader: Any = Consumer(reader_config(settings))
    try:
        asked = [TopicPartition(topic, partition) for topic in topics]
        committed = {tp.topic: tp.offset for tp in reader.committed(asked, _TIMEOUT_S)}
        ranges = {}
        for tp in asked:
            earliest, end = reader.get_watermark_offsets(tp, _TIMEOUT_S, cached=False)
            offset = committed[tp.topic]
            ranges[tp.topic] = SourceRange(earliest, end, None if offset < 0 else offset)
    except KafkaException as error:
        raise unreachable(settings, error.args[0]) from None
    finally:
        reader.close()
    return ranges


def lost_records(partition: int, offsets: Mapping[str, int], ranges: Mapping[str, SourceRange]) -> dict[str, int]:
    """Compare a restored state with its sources and count the records that retention took before they were read.

    Parameters
    ----------
    partition : int
        For the text of errors.
    offsets : mapping of str to int
        Next offset of each source topic according to the state; empty if there is no state.
    ranges : mapping of str to SourceRange
        What the broker knows.

    Raises
    ------
    DamagedState
        If the group has read further than the state, or the state further than the topic.

    Examples
    --------
    >>> lost_records(0, {"events": 10}, {"events": SourceRange(earliest=12, end=40, committed=10)})
    {'events': 2}
    """
    lost = {}
    for topic, known in ranges.items():
        here = offsets.get(topic, 0)
        where = f"{topic}/{partition}"
        if known.committed is not None and known.committed > here:
            what = "is absent" if not offsets else f"ends at offset {here}"
            msg = (
                f"the state of {where} {what} while the group committed {known.committed}: "
                "the state topic lost records; restore it, or start a new group and topic prefix to begin again"
            )
            raise DamagedState(msg)
        if here > known.end:
            msg = (
                f"the state of {where} ends at offset {here}, the topic at {known.end}: it was made anew; "
                "start a new group and topic prefix to begin again"
            )
            raise DamagedState(msg)
        if offsets and known.earliest > here:
            lost[topic] = known.earliest - here
    return lost
