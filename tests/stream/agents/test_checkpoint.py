# SPDX-License-Identifier: Apache-2.0
"""Custody: what was processed is acknowledged only once it is written, and nothing after it is given up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stream.agents.checkpoint import Custody
from stream.errors import InfrastructureError
from stream.kafka.transactions import Outgoing
from stream.metrics.metrics import Metrics
from windows.definition import Catalog


class Sum:
    """A role that adds up offsets."""

    partition = 2

    def __init__(self, refusing: bool = False) -> None:
        self.total, self.written, self.refusing, self.recovered = 0, [], refusing, False
        self.closed = False

    def recover(self) -> None:
        self.recovered = True

    def take(self, topic: str, block: Any, /) -> bool:
        assert self.recovered
        self.total += sum(block)
        return topic == "urgent"

    def tick(self) -> bool:
        return True

    def cut(self) -> list[Outgoing]:
        return [Outgoing("state", 2, b"sum", str(self.total).encode())] if self.total else []

    def write(self, records: list[Outgoing], /) -> None:
        if self.refusing:
            raise InfrastructureError("refused")
        self.written += records

    def close(self) -> None:
        self.closed = True


class Event:
    def __init__(self, *values: int, topic: str = "t") -> None:
        self.message = SimpleNamespace(topic=topic, value=list(values))
        self.acked = False

    def ack(self) -> None:
        self.acked = True


def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), Catalog())


def test_a_block_is_acknowledged_by_the_checkpoint_that_covers_it_in_numbered_steps() -> None:
    async def scenario() -> list[str]:
        role, steps, event = Sum(), [], Event(1, 2)
        custody = Custody(role, metrics(), steps.append)
        assert not await custody.take(event)
        assert await custody.take(Event(4, topic="urgent"))
        assert (event.message.value, event.acked) == (None, False)
        await custody.checkpoint()
        assert event.acked
        assert [record.value for record in role.written] == [b"7"]
        return steps

    assert asyncio.run(scenario()) == [
        "recovery.begun",
        "recovery.done",
        "checkpoint.cut",
        "checkpoint.begun",
        "checkpoint.committed",
        "checkpoint.acked",
    ]


def test_a_refused_cut_acknowledges_nothing() -> None:
    async def scenario() -> bool:
        custody, event = Custody(Sum(refusing=True), metrics()), Event(1)
        await custody.take(event)
        with pytest.raises(InfrastructureError):
            await custody.checkpoint()
        return event.acked

    assert not asyncio.run(scenario())


def test_nothing_is_processed_or_written_after_a_partition_was_given_up() -> None:
    async def scenario() -> tuple[int, bool]:
        role, event = Sum(), Event(1)
        custody = Custody(role, metrics())
        await custody.recovered()
        custody.close()
        assert not await custody.take(event)
        await custody.checkpoint()
        assert not custody.tick()
        assert role.closed
        return role.total, event.acked

    assert asyncio.run(scenario()) == (0, False)


def test_a_block_that_waits_for_a_recovery_is_dropped_when_the_partition_is_given_up() -> None:
    async def scenario() -> int:
        role = Sum()
        custody = Custody(role, metrics())
        waiting = asyncio.ensure_future(custody.take(Event(1)))
        await asyncio.sleep(0)
        custody.close()
        assert not await waiting
        return role.total

    assert asyncio.run(scenario()) == 0
