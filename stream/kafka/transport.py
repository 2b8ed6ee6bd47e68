# SPDX-License-Identifier: Apache-2.0
"""A Faust transport that hands agents one block per fetch and partition, acknowledged by checkpoints.

Faust spends about 90 us on every message it delivers, aiokafka 2 us; so the records of a fetch are joined in the fetch
thread, before Faust sees them.

What is overridden is private to faust-streaming 0.15 and aiokafka 0.14; `tests/stream/kafka/test_transport.py` compares
the signatures with the installed ones. `docs/decisions/0040-coalescing-transport.md` says why each is needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import faust
from faust.transport.consumer import ack_lock
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage
from mode.utils.futures import notify

from stream.errors import InfrastructureError
from stream.kafka.assignor import PartitionsTogether

_FRESH_MS = 5_000
_FETCH_WAIT_MS = 200


@dataclass(frozen=True, slots=True)
class Block:
    """The records of one fetch and partition.

    `offset` is that of the last record, `after` that of the block fetched before it, -1 after a seek: a block that
    Faust lost on the way must not pass for a gap in the offsets, which transaction markers make.
    """

    records: list[Any]
    after: int

    @property
    def offset(self) -> int:
        """Offset of the last record."""
        return int(self.records[-1].offset)

    def follows(self, next_offset: int) -> bool:
        """Tell whether everything fetched before the block lies below `next_offset`, or is in the block again."""
        return self.after < next_offset or self.after >= self.records[0].offset


class BlockMessage(ConsumerMessage):
    """A block on its way through Faust."""

    def on_final_ack(self, consumer: Any) -> bool:
        """Mark the block as covered by a checkpoint."""
        return bool(consumer.ack_block(self))


class FetchThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to the broker; it joins what it fetched."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these. Everything workers write is transactional; partitions must stay together;
        # an answer that waits for more bytes would add its wait to every violation.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._partition_assignment_strategy = (PartitionsTogether,)  # noqa: SLF001
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> dict[TP, list[Any]]:
        fetched = await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=max_records)
        last = self.consumer.fetched
        blocks = {tp: [Block(records, last.get(tp, -1))] for tp, records in fetched.items() if records}
        last.update({tp: block.offset for tp, (block,) in blocks.items()})
        return blocks

    def at_end(self, tp: TP) -> bool:
        """Tell whether the broker said lately that it has no record beyond what was fetched."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment  # noqa: SLF001
        state = assignment.state_value(tp) if assignment is not None else None
        if state is None or not state.has_valid_position or state.highwater is None:
            return False
        fresh = time.time() * 1_000 - (state.timestamp or 0) < _FRESH_MS
        return bool(fresh and state.position >= state.highwater)


class Consumer(driver.Consumer):
    """A consumer of blocks, whose offsets are committed once a checkpoint covers them."""

    #: Checkpoints every partition and acknowledges what it covers; set by the application.
    checkpoint_all: Callable[[], Awaitable[None]]
    stop_timeout_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._covered: dict[TP, int] = {}
        self.fetched: dict[TP, int] = {}
        super().__init__(*args, **kwargs)
        self.checkpoint_all = self.app.checkpoint_all
        self.stop_timeout_s = self.app.stop_timeout_s

    def _new_consumer_thread(self) -> FetchThread:
        return FetchThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Block) -> BlockMessage:
        last = record.records[-1]
        return BlockMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            (),
            None,
            record,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack_block(self, message: BlockMessage) -> bool:
        """Note that a checkpoint covers a block, and with it everything before."""
        with ack_lock:
            if message.acked:
                return False
            self._release(message)
            # `commit` looks at the partitions that are keys here, even of an empty list.
            _ = self._acked[message.tp]
            self._covered[message.tp] = max(message.offset, self._covered.get(message.tp, -1))
        notify(self._waiting_for_ack)
        return True

    def _release(self, message: BlockMessage) -> None:
        message.acked = True
        self._unacked_messages.discard(message)

    def _new_offset(self, tp: TP) -> int | None:
        last = self._covered.pop(tp, None)
        return None if last is None else last + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Book nothing: the offsets between two blocks belong to the later one."""

    def on_buffer_full(self, tp: TP) -> None:
        """Let the full queue hold the fetcher back; Faust would sleep for a second."""

    async def wait_empty(self) -> None:
        """Checkpoint what was processed and drop what was only delivered: it will be read again.

        Faust calls this before a rebalance and at shutdown, and would wait for blocks that only a checkpoint
        acknowledges.
        """
        if not self.app.crashed and not await self._checkpointed():
            return
        with ack_lock:
            for message in list(self._unacked_messages):
                self._release(message)
        # A crash stops the fetch thread as well: whoever asked it to commit would wait for ever.
        if not self.app.crashed:
            await super().wait_empty()

    async def _checkpointed(self) -> bool:
        try:
            await asyncio.wait_for(self.checkpoint_all(), self.stop_timeout_s)
        except TimeoutError:
            msg = f"no checkpoint within {self.stop_timeout_s:.0f} s before giving partitions up: stopped without one"
            await self.app.crash(InfrastructureError(msg))
            return False
        return True

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget the blocks of partitions that were given up, after Faust has waited for their checkpoint."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._covered.pop(tp, None)
            self.fetched.pop(tp, None)

    async def perform_seek(self) -> None:
        """Forget what was fetched: it is fetched again from the committed offsets."""
        self.fetched.clear()
        await super().perform_seek()

    def at_end(self, topic: str, partition: int, next_offset: int) -> bool:
        """Tell whether a partition has nothing at or beyond `next_offset`, fetched or not."""
        tp = self._new_topicpartition(topic, partition)
        return self.fetched.get(tp, -1) < next_offset and self._thread.at_end(tp)

    def behind(self, topic: str, partition: int, next_offset: int) -> int | None:
        """Count the records from `next_offset` to the end of a partition; None if the end is not known yet."""
        highwater = self.highwater(self._new_topicpartition(topic, partition))
        return None if highwater is None else max(0, highwater - next_offset)


class Transport(driver.Transport):
    """The transport whose consumer delivers blocks."""

    Consumer = Consumer


class App(faust.App):
    """A Faust application on the coalescing transport."""

    checkpoint_all: Callable[[], Awaitable[None]]
    stop_timeout_s: float

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)
