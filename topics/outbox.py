# SPDX-License-Identifier: Apache-2.0
"""What both clients share: a bounded queue, a thread that turns it into blocks a partition, a producer."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from confluent_kafka import KafkaException, Producer

from topics.batches import EventBatch, LabelBatch
from topics.partitioner import partition_of
from topics.records import watermark

Batch = TypeVar("Batch", EventBatch, LabelBatch)

_LOG = logging.getLogger("sketchwatch.client")
_METADATA_S = 1.0
_LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows logged so far; their sum is the number of rows logged.

    Parameters
    ----------
    queued : int
        Waiting, or sent and not yet acknowledged.
    sent : int
        Acknowledged by the broker.
    dropped : int
        Refused because the queue was full.
    failed : int
        Given up: the broker refused them, or could not be reached before `close` ended.
    invalid : int
        Not an event or label by the public contract.
    sampled_out : int
        Not sent because of the sample rate.
    """

    queued: int
    sent: int
    dropped: int
    failed: int
    invalid: int
    sampled_out: int


class Limits(NamedTuple):
    """Bounds of a client: rows that may wait, and when a block is sent."""

    queue_rows: int = 20_000
    block_rows: int = 4_096
    block_bytes: int = 900_000
    interval_s: float = 1.0


class Bulk(NamedTuple):
    """Rows logged at once, as an Arrow IPC stream."""

    data: bytes
    rows: int


class Collected(NamedTuple, Generic[Batch]):
    """Batches made of queued rows, and how many rows did not get into one."""

    batches: list[Batch]
    invalid: int = 0
    sampled_out: int = 0


class Outbox(Generic[Batch]):
    """Sends rows in the background; nothing that a caller does with it blocks or raises.

    Parameters
    ----------
    bootstrap : str
        Address of the brokers.
    topic : str
        Where rows go.
    config : mapping, optional
        librdkafka properties, passed through unchanged: TLS, SASL, compression.
    collect : callable
        Turns queued rows and bulks into batches.
    encode : callable
        Turns a batch into a value and its content-type.
    limits : Limits
        Bounds of the queue and of a block.

    Raises
    ------
    KafkaException
        If a property is unknown or has a wrong value.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        config: Mapping[str, Any] | None,
        collect: Callable[[list[Any], list[Bulk]], Collected[Batch]],
        encode: Callable[[Batch], tuple[bytes, str]],
        limits: Limits,
    ) -> None:
        self._topic = topic
        # librdkafka's own log would repeat what the error callback says, ten times a second during an outage.
        quiet = {"enable.idempotence": True, "linger.ms": 5, "log_level": 0}
        self._config = {"bootstrap.servers": bootstrap} | quiet | dict(config or {})
        self._collect: Callable[[list[Any], list[Bulk]], Collected[Batch]] = collect
        self._encode: Callable[[Batch], tuple[bytes, str]] = encode
        self._limits = limits
        self._rows: deque[Any] = deque()
        self._bulks: deque[Bulk] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._new_producer()  # a wrong property is an error here, not in the thread
        self._producer: Producer | None = None
        self._partitions = 0
        self._bulk_rows = self._in_hand = self._in_flight = 0
        self._sent = self._dropped = self._failed = self._invalid = self._sampled_out = 0
        self._latest_ms = 0
        self._final: tuple[str, int] | None = None
        self._closing = False
        self._deadline = float("inf")
        self._logged_at = -_LOG_EVERY_S
        self._abandoned: Producer | None = None
        atexit.register(self.close)
        here = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(here()))

    def _new_producer(self) -> Producer:
        return Producer(self._config | {"error_cb": lambda error: self._complain(str(error))})

    # What callers use.

    def put(self, row: Any) -> None:
        """Queue one row, or drop it if the queue is full."""
        if self._thread is None:
            self._start()
        waiting = len(self._rows) + self._bulk_rows
        if waiting >= self._limits.queue_rows or self._closing:
            self._count_dropped(1)
            return
        self._rows.append(row)
        if waiting + 1 >= self._limits.block_rows and not self._wake.is_set():
            self._wake.set()

    def put_bulk(self, bulk: Bulk) -> None:
        """Queue rows at once, or drop them all if the queue is full."""
        if self._thread is None:
            self._start()
        with self._lock:
            room = self._limits.queue_rows - len(self._rows) - self._bulk_rows
            # A bulk larger than the whole queue passes when nothing else waits.
            taken = not self._closing and (bulk.rows <= room or (room == self._limits.queue_rows and bulk.rows > room))
            if taken:
                self._bulk_rows += bulk.rows
                self._bulks.append(bulk)
        if not taken:
            self._count_dropped(bulk.rows)
        self._wake.set()

    def count_invalid(self, rows: int, error: Exception) -> None:
        """Count rows that are no events or labels."""
        with self._lock:
            self._invalid += rows
        self._complain(f"{rows} rows are invalid: {error}")

    def count_sampled_out(self, rows: int) -> None:
        """Count rows that the sample rate leaves out."""
        with self._lock:
            self._sampled_out += rows

    def _count_dropped(self, rows: int) -> None:
        with self._lock:
            self._dropped += rows
        self._complain(f"the queue is full ({self._limits.queue_rows} rows): dropped {rows}")

    @property
    def counts(self) -> Counts:
        """What became of the rows logged so far."""
        queued = len(self._rows) + self._bulk_rows + self._in_hand + self._in_flight
        return Counts(queued, self._sent, self._dropped, self._failed, self._invalid, self._sampled_out)

    def close(self, final: tuple[str, int] | None = None, timeout_s: float = 30.0) -> None:
        """Send what is queued and stop; with `final`, model and time, send a watermark to every partition."""
        atexit.unregister(self.close)
        if self._closing:
            return
        self._final = final
        if self._thread is None and final is not None:
            self._start()
        self._deadline = time.monotonic() + timeout_s
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s + 3.0)

    # What the thread does.

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="sketchwatch-client", daemon=True)
                self._thread.start()

    def start_anew(self) -> None:
        """Forget, in a forked process, what the parent will send; threads and locks did not come along."""
        self._lock, self._wake, self._thread = threading.Lock(), threading.Event(), None
        self._rows.clear()
        self._bulks.clear()
        self._bulk_rows = self._in_hand = self._in_flight = 0
        # Deleting a producer waits for its threads, which a fork does not have.
        self._abandoned, self._producer = self._producer or self._abandoned, None

    @property
    def _live(self) -> Producer:
        assert self._producer is not None
        return self._producer

    def _run(self) -> None:
        self._producer = producer = self._new_producer()
        while True:
            self._wake.wait(self._limits.interval_s)
            self._wake.clear()
            closing = self._closing
            try:
                self._send_waiting(whole=closing)
                producer.poll(0)
            except Exception as error:  # a client must outlive whatever happens to its connection
                self._complain(f"rows were lost: {type(error).__name__}: {error}")
            self._failed += self._in_hand
            self._in_hand = 0
            if closing and not ((self._rows or self._bulks) and time.monotonic() < self._deadline):
                break
        self._finish(producer)

    def _send_waiting(self, *, whole: bool) -> None:
        while (self._rows or self._bulks) and self._connected():
            rows = [self._rows.popleft() for _ in range(min(len(self._rows), self._limits.block_rows))]
            self._in_hand += len(rows)
            bulks = []
            if self._bulks:
                bulks.append(self._bulks.popleft())
                self._in_hand += bulks[0].rows
                with self._lock:
                    self._bulk_rows -= bulks[0].rows
            made = self._collect(rows, bulks)
            self.count_sampled_out(made.sampled_out)
            with self._lock:
                self._invalid += made.invalid
            self._in_hand -= made.invalid + made.sampled_out
            if made.invalid:
                self._complain(f"{made.invalid} rows are invalid")
            for batch in made.batches:
                self._send(batch)
            self._live.poll(0)
            if not whole and not self._bulks and len(self._rows) < self._limits.block_rows:
                break

    def _connected(self) -> bool:
        if self._partitions == 0:
            try:
                left_s = max(0.1, min(_METADATA_S, self._deadline - time.monotonic()))
                metadata = self._live.list_topics(self._topic, timeout=left_s).topics[self._topic]
            except KafkaException as error:
                self._complain(f"expected brokers at {self._config['bootstrap.servers']}, got {error}")
                return False
            if not metadata.partitions:
                self._complain(f"expected a topic {self._topic}, got {metadata.error}; run sketchwatch topics create")
            self._partitions = len(metadata.partitions)
        return self._partitions > 0

    def _send(self, batch: Batch) -> None:
        self._latest_ms = max(self._latest_ms, int(batch.event_time_ms.max()))
        partitions = partition_of(batch.ids, self._partitions)
        for partition in np.unique(partitions).tolist():
            self._send_to(partition, batch.take(partitions == partition))

    def _send_to(self, partition: int, batch: Batch) -> None:
        n = len(batch.ids)
        value, content_type = self._encode(batch)
        if len(value) > self._limits.block_bytes and n > 1:
            middle = n // 2
            self._send_to(partition, batch.take(np.arange(middle)))
            self._send_to(partition, batch.take(np.arange(middle, n)))
            return
        self._in_hand -= n
        if self._produce(partition, value, [("content-type", content_type.encode())], n):
            self._in_flight += n
        else:
            self._failed += n

    def _produce(self, partition: int, value: bytes, headers: list[tuple[str, bytes]], n: int) -> bool:
        while True:
            try:
                self._live.produce(
                    self._topic, value, partition=partition, headers=headers, on_delivery=partial(self._delivered, n)
                )
            except BufferError:
                self._live.poll(0.1)
                if time.monotonic() > self._deadline:
                    return False
            except KafkaException as error:
                self._complain(f"a block of {n} rows was refused: {error}")
                return False
            else:
                return True

    def _delivered(self, n: int, error: Any, _message: Any) -> None:
        self._in_flight -= n
        if error is None:
            self._sent += n
        else:
            self._failed += n
            self._complain(f"a block of {n} rows was not delivered: {error}")

    def _finish(self, producer: Producer) -> None:
        try:
            self._flush(producer)
            if self._final is not None and self._connected():
                model, time_ms = self._final
                value, headers = watermark(model, max(time_ms, self._latest_ms))
                for partition in range(self._partitions):
                    self._produce(partition, value, headers, 0)
                self._flush(producer)
        except Exception as error:  # closing is the last thing a client does; it must end
            self._complain(f"closing failed: {type(error).__name__}: {error}")
        lost = len(self._rows) + self._bulk_rows + self._in_flight
        self._rows.clear()
        self._bulks.clear()
        self._bulk_rows = self._in_flight = 0
        self._failed += lost

    def _flush(self, producer: Producer) -> None:
        if producer.flush(max(0.0, self._deadline - time.monotonic())):
            producer.purge()
            producer.flush(1.0)

    def _complain(self, text: str) -> None:
        # One line a minute: an outage must not fill the log of the model server.
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            _LOG.warning("%s: %s", self._topic, text)


def _after_fork(outbox: Outbox[Any] | None) -> None:
    if outbox is not None:
        outbox.start_anew()
