# SPDX-License-Identifier: Apache-2.0
"""Records written together or not at all, by the one owner of a partition."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.errors import InfrastructureError, LostOwnership
from stream.kafka.clients import client_config
from stream.settings import Settings

_MAX_RECORD_BYTES = 64 << 20
_OUTAGE_S = 120.0
_LOST = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001


class Outgoing(NamedTuple):
    """A record to write; partition -1 lets the key choose, timestamp 0 is the time of sending."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


class Transactions:
    """The writer of one partition, of which the broker lets the newest alone live.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    transactional_id : str
        Who owns the partition: a second writer of this name fences the first and aborts what it left undone.
    """

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings = settings
        self._id = transactional_id
        self._timeout_s = settings.transaction_timeout_ms / 1_000
        self._producer: Any = None

    def fence(self) -> None:
        """Become the owner: abort the open transaction of any earlier one and refuse its next.

        Raises
        ------
        InfrastructureError
            If the broker does not answer or refuses.
        """
        config = client_config(
            self._settings,
            transactional_id=self._id,
            transaction_timeout_ms=self._settings.transaction_timeout_ms,
            linger_ms=2,
            compression_type="lz4",
            message_max_bytes=_MAX_RECORD_BYTES,
            partitioner="murmur2_random",
        )
        producer = self._producer = Producer(config)
        self._try(producer, producer.init_transactions, "cannot become the owner", [])

    def write(self, records: Iterable[Outgoing]) -> None:
        """Write records in one transaction; returns once it is committed.

        Raises
        ------
        LostOwnership
            If another worker became the owner; nothing was written.
        InfrastructureError
            If the broker refused a record or did not answer; nothing is visible to readers of committed records.
        """
        refused: list[tuple[int, str]] = []

        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                where = f"{message.topic()}/{message.partition()}"
                size = len(message.value() or b"")
                refused.append((size, f"{where} refused record {message.key()!r} of {size} bytes: {error.str()}"))

        # A checkpoint may be on its way while `close` is called.
        producer = self._producer
        try:
            producer.begin_transaction()
            for record in records:
                _produce(producer, record, delivered)
        except KafkaException as error:
            raise self._error(producer, "cannot write", error.args[0], refused) from None
        self._try(producer, producer.commit_transaction, "cannot commit", refused)

    def _try(self, producer: Any, call: Any, what: str, refused: list[tuple[int, str]]) -> None:
        deadline = time.monotonic() + _OUTAGE_S
        while True:
            try:
                call(self._timeout_s)
            except KafkaException as error:
                # librdkafka asks for the same call again when it could not finish in time; a refusal does not pass.
                if error.args[0].retriable() and not refused and time.monotonic() < deadline:
                    continue
                raise self._error(producer, what, error.args[0], refused) from None
            return

    def _error(
        self, producer: Any, what: str, error: KafkaError, refused: list[tuple[int, str]]
    ) -> InfrastructureError:
        if error.code() in _LOST:
            return self._lost()
        # What cannot be taken back now is aborted by the next owner's `fence`, or by the broker's time-out.
        try:
            producer.abort_transaction(1.0)
        except KafkaException as raised:
            # A producer that was fenced between two records says only that it is over; this call says why.
            if raised.args[0].code() in _LOST:
                return self._lost()
        # A batch is refused as a whole; the largest record of it is the likely cause.
        text = max(refused)[1] if refused else f"{error.str()} ({error.name()})"
        return InfrastructureError(f"{self._id}: {what}: {text}; check the topic's max.message.bytes and the rights")

    def _lost(self) -> LostOwnership:
        return LostOwnership(
            f"{self._id}: another worker took the partition over, or a pause outlived the session; start again"
        )

    def close(self) -> None:
        """Let the connections go; what was begun and not committed is aborted by the next owner or by time."""
        self._producer = None


def _produce(producer: Any, record: Outgoing, delivered: Any) -> None:
    arguments = {
        "key": record.key,
        "value": record.value,
        "headers": list(record.headers),
        "timestamp": record.timestamp_ms,
        "on_delivery": delivered,
    }
    while True:
        try:
            producer.produce(record.topic, partition=record.partition, **arguments)
        except BufferError:
            producer.poll(0.1)
        else:
            return
