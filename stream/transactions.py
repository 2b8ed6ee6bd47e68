# SPDX-License-Identifier: Apache-2.0
"""Records written together or not at all, by the one owner of a partition."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.clients import client_config
from stream.errors import InfrastructureError, LostOwnership
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
        self._producer = Producer(config, logger=None)
        self._try(self._producer.init_transactions, "cannot become the owner")

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

        producer = self._producer
        try:
            producer.begin_transaction()
            for record in records:
                self._produce(record, delivered)
        except KafkaException as error:
            raise self._error("cannot write", error.args[0], refused) from None
        self._try(producer.commit_transaction, "cannot commit", refused)

    def _produce(self, record: Outgoing, delivered: Any) -> None:
        arguments = {
            "key": record.key,
            "value": record.value,
            "headers": list(record.headers),
            "timestamp": record.timestamp_ms,
            "on_delivery": delivered,
        }
        while True:
            try:
                self._producer.produce(record.topic, partition=record.partition, **arguments)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _try(self, call: Any, what: str, refused: list[tuple[int, str]] | None = None) -> None:
        deadline = time.monotonic() + _OUTAGE_S
        while True:
            try:
                call(self._timeout_s)
            except KafkaException as error:
                # librdkafka asks for the same call again when it could not finish in time; a refusal does not pass.
                if error.args[0].retriable() and not refused and time.monotonic() < deadline:
                    continue
                raise self._error(what, error.args[0], refused or []) from None
            return

    def _error(self, what: str, error: KafkaError, refused: list[tuple[int, str]]) -> InfrastructureError:
        if error.code() in _LOST:
            msg = f"{self._id}: another worker took the partition over, or a pause outlived the session; start again"
            return LostOwnership(msg)
        self.abort()
        # A batch is refused as a whole; the largest record of it is the likely cause.
        text = max(refused)[1] if refused else f"{error.str()} ({error.name()})"
        return InfrastructureError(f"{self._id}: {what}: {text}; check the topic's max.message.bytes and the rights")

    def abort(self) -> None:
        """Take back what was written since the last commit, as far as the broker can be reached."""
        try:
            self._producer.abort_transaction(1.0)
        except KafkaException:
            # The next owner's `fence`, or the broker's time-out, aborts it.
            return
