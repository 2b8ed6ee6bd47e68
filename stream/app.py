# SPDX-License-Identifier: Apache-2.0
"""The Faust application: agents of a few lines over the partitions this worker has custody of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from stream.agents.checkpoint import Custody, Role
from stream.agents.context import Context
from stream.kafka.clients import broker_urls, credentials
from stream.kafka.transport import App
from stream.memory import GIVE_BACK_S, give_back

_METADATA_AGE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with every partition number of some topics.

    Parameters
    ----------
    name : str
        Of the agent.
    topics : tuple of str
        Read together; they have one partition count.
    role : callable
        Makes the role of a partition from its number and the consumer.
    told : callable
        Told after every assignment which partition numbers this worker has.
    """

    name: str
    topics: tuple[str, ...]
    role: Callable[[int, Any], Role]
    told: Callable[[frozenset[int]], None] = lambda _numbers: None


class Partitions:
    """All partitions that this worker has custody of.

    Parameters
    ----------
    app : App
        The application that is told of failures and asked for its consumer.
    context : Context
        The worker's surroundings.
    works : tuple of Work
        What is done with them.
    """

    def __init__(self, app: App, context: Context, works: tuple[Work, ...]) -> None:
        self._app = app
        self._context = context
        self._works = {topic: work for work in works for topic in work.topics}
        self._held: dict[tuple[str, int], Custody] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def assigned(self, tps: set[Any]) -> None:
        """Begin to recover what was assigned."""
        self.revoked()
        for topic, number in sorted((tp.topic, tp.partition) for tp in tps):
            work = self._works[topic]
            if (work.name, number) not in self._held:
                role = work.role(number, self._app.consumer)
                custody = Custody(role, self._context.metrics, self._context.fault)
                self._held[work.name, number] = custody
                self.start(custody.recovered())
        for work in set(self._works.values()):
            work.told(frozenset(number for name, number in self._held if name == work.name))

    def revoked(self) -> None:
        """Give everything up; a partition that is assigned again is recovered again."""
        for (_, number), custody in self._held.items():
            custody.close()
            self._context.metrics.revoked(number)
        self._held.clear()

    async def take(self, event: Any) -> None:
        """Process one block, and checkpoint beside the next ones if its outputs should not wait."""
        message = event.message
        custody = self._held.get((self._works[message.topic].name, message.partition))
        if custody is None:
            return
        try:
            if await custody.take(event):
                self.start(custody.checkpoint())
        except Exception as error:  # an agent that raises would acknowledge the block
            await self._app.crash(error)

    def tick(self) -> None:
        """Let time pass in every partition."""
        for custody in self._held.values():
            if custody.tick():
                self.start(custody.checkpoint())

    async def checkpoint(self) -> None:
        """Checkpoint every partition that is recovered."""
        await asyncio.gather(*(custody.checkpoint() for custody in self._held.values()))

    async def settle(self) -> None:
        """Checkpoint every partition before it may be given up.

        A recovery that is under way ends first: left behind, it could fence the next owner.
        """
        await asyncio.gather(*(custody.recovered() for custody in self._held.values()))
        await self.checkpoint()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the agents; its failure stops the worker."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # a task has nobody else to tell
                await self._app.crash(error)

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def build_app(context: Context, works: tuple[Work, ...], data_folder: str) -> tuple[App, Partitions]:
    """Make the application of one worker.

    Parameters
    ----------
    context : Context
        The worker's surroundings.
    works : tuple of Work
        What it does.
    data_folder : str
        An empty folder: Faust wants one, though nothing is kept there.
    """
    app = _faust(context, data_folder)
    partitions = Partitions(app, context, works)
    app.checkpoint_all = partitions.settle
    settings = context.settings

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            await partitions.take(event)

    async def checkpoint() -> None:
        partitions.start(partitions.checkpoint())

    async def tick() -> None:
        partitions.tick()

    async def assigned(_app: Any, tps: set[Any], **_: Any) -> None:
        partitions.assigned(tps)

    async def revoked(_app: Any, _tps: set[Any], **_: Any) -> None:
        partitions.revoked()

    trim = give_back()

    async def tidy() -> None:
        await asyncio.to_thread(trim)

    for work in works:
        source = app.topic(*work.topics, key_serializer="raw", value_serializer="raw")
        app.agent(source, name=work.name, concurrency=1)(agent)
    app.timer(settings.checkpoint_interval_ms / 1_000)(checkpoint)
    app.timer(settings.idle_poll_ms / 1_000)(tick)
    app.timer(GIVE_BACK_S)(tidy)
    app.on_partitions_assigned.connect(assigned, weak=False)
    app.on_partitions_revoked.connect(revoked, weak=False)
    return app, partitions


def _faust(context: Context, data_folder: str) -> App:
    settings = context.settings
    app = App(
        settings.group,
        broker=broker_urls(settings),
        broker_credentials=credentials(settings),
        datadir=data_folder,
        store="memory://",
        web_enabled=False,
        topic_partitions=context.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        # A broker that has just started may know no topics: a group that forms then has nothing to share out, and forms
        # again only when this is asked next. The default is five minutes.
        consumer_metadata_max_age_ms=_METADATA_AGE_MS,
        consumer_max_fetch_size=settings.fetch_bytes,
        consumer_group_instance_id=settings.instance_id,
        # librdkafka's embedded broker clears a bit of transactional batches that their checksum covers.
        broker_check_crcs=settings.kafka.get("check.crcs", "true").lower() != "false",
        broker_max_poll_records=settings.fetch_records,
        broker_session_timeout=settings.session_timeout_ms / 1_000,
        broker_heartbeat_interval=settings.session_timeout_ms / 4_000,
        broker_rebalance_timeout=max(30.0, settings.stop_timeout_ms / 1_000),
        broker_max_poll_interval=120.0,
        broker_commit_interval=1.0,
        stream_buffer_maxsize=8,
        stream_wait_empty=True,
    )
    app.stop_timeout_s = settings.stop_timeout_ms / 1_000
    return app
