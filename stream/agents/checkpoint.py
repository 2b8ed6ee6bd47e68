# SPDX-License-Identifier: Apache-2.0
"""Custody of a partition: recover it, feed it blocks, write its cuts, give it up.

A checkpoint is an atomic cut. Its steps, between any two of which a worker may die:

1. `checkpoint.cut`: the changed state, the outputs caused by it and the next source offsets are taken together;
2. `checkpoint.begun`: they are written in one transaction of the partition's owner;
3. `checkpoint.committed`: the transaction is visible, and is what the next owner starts from;
4. `checkpoint.acked`: the blocks it covers are acknowledged, so that the group's offsets follow (for lag only).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from stream.kafka.transactions import Outgoing
from stream.kafka.transport import Block
from stream.metrics.metrics import Metrics

Fault = Callable[[str], None]
"""Called at every numbered step with its name; a test may end the process there."""


def no_fault(step: str, /) -> None:
    """Pass a step without doing anything."""


class Role(Protocol):
    """What is done with one partition. `recover` and `write` block, in a thread; the others run on the loop."""

    @property
    def partition(self) -> int:
        """Number of the partition."""

    def recover(self) -> None:
        """Become the owner and restore the state."""

    def take(self, topic: str, block: Block, /) -> bool:
        """Process one block; true if its outputs should not wait for the next checkpoint."""

    def tick(self) -> bool:
        """Let time pass; true as for `take`."""

    def cut(self) -> list[Outgoing]:
        """Take all that must be written together since the last cut."""

    def write(self, records: list[Outgoing], /) -> None:
        """Write a cut in one transaction."""

    def close(self) -> None:
        """Let go what the role holds of the broker."""


class Custody:
    """One role of one partition while this worker owns it.

    Parameters
    ----------
    role : Role
        What is done with the partition.
    metrics : Metrics
        Told of recoveries and checkpoints.
    fault : callable
        See `Fault`.
    """

    def __init__(self, role: Role, metrics: Metrics, fault: Fault = no_fault) -> None:
        self.role = role
        self._metrics = metrics
        self._fault = fault
        self._covered: list[Any] = []
        self._one_at_a_time = asyncio.Lock()
        self._ready = False
        self._closed = False
        self._recovery = asyncio.ensure_future(self._recover())

    async def _recover(self) -> None:
        began = time.perf_counter()
        self._fault("recovery.begun")
        await asyncio.to_thread(self.role.recover)
        self._fault("recovery.done")
        self._metrics.recovered(self.role.partition, time.perf_counter() - began)
        self._ready = True

    async def recovered(self) -> None:
        """Wait until the state is restored or the partition given up; raises what recovery raised."""
        await asyncio.wait({self._recovery})
        if not self._recovery.cancelled():
            self._recovery.result()

    async def take(self, event: Any) -> bool:
        """Process one block once the state is restored; true if a checkpoint should follow at once.

        A block that comes after `close` is left alone: the next owner reads it again.
        """
        await self.recovered()
        if self._closed:
            return False
        message = event.message
        # The block waits for its checkpoint without its bytes.
        block, message.value = message.value, None
        soon = self.role.take(message.topic, block)
        self._covered.append(event)
        return soon

    def tick(self) -> bool:
        """Let time pass; true if a checkpoint should follow at once."""
        return self._ready and not self._closed and self.role.tick()

    async def checkpoint(self) -> None:
        """Write everything processed so far and acknowledge it."""
        async with self._one_at_a_time:
            if self._closed or not self._ready:
                return
            began = time.perf_counter()
            covered, self._covered = self._covered, []
            records = self.role.cut()
            self._fault("checkpoint.cut")
            if records:
                await asyncio.to_thread(self._write, records)
                size = sum(record.size for record in records)
                seconds = time.perf_counter() - began
                self._metrics.checkpointed(self.role.partition, seconds, len(records), size, time.time())
            for event in covered:
                event.ack()
            self._fault("checkpoint.acked")

    def _write(self, records: list[Outgoing]) -> None:
        self._fault("checkpoint.begun")
        self.role.write(records)
        self._fault("checkpoint.committed")

    def close(self) -> None:
        """Give the partition up; what was not written is read again by the next owner."""
        self._closed = True
        self._recovery.cancel()
        self.role.close()
