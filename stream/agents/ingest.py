# SPDX-License-Identifier: Apache-2.0
"""Ingest: one partition of both source topics, from bytes to what the next checkpoint writes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from sketches.envelope import seal
from sketches.errors import CorruptState
from stream.agents.arrivals import arrived
from stream.agents.context import Context
from stream.agents.decoding import Decoding
from stream.agents.forwarding import split
from stream.agents.silence import Silence
from stream.errors import DamagedState, InfrastructureError
from stream.kafka.recovery import lost_records, read_log, source_ranges
from stream.kafka.transactions import Outgoing, Transactions
from stream.kafka.transport import Block
from topics.batches import EventBatch, LabelBatch, Message, Rejected, Watermark
from topics.partitioner import partition_of
from topics.records import dead_letter, profile_key
from windows.errors import PartitionsChanged
from windows.events import Effect, Event, Partial, Publish, RowsRejected, Side, WatermarkArrived
from windows.partition.step import step
from windows.partition.store import CUT, PartitionStore

log = logging.getLogger(__name__)
_SIDES: tuple[Side, Side] = ("events", "labels")
_LOOKS = 10
_LONGEST_LOOK_MS = 5_000


class Ends(Protocol):
    """What the consumer knows of the ends of source partitions."""

    def at_end(self, topic: str, partition: int, next_offset: int, /) -> bool:
        """Tell whether nothing lies at or beyond an offset."""

    def behind(self, topic: str, partition: int, next_offset: int, /) -> int | None:
        """Count the records from an offset to the end."""


class Ingest:
    """One partition of both source topics.

    Parameters
    ----------
    partition : int
        Its number.
    context : Context
        The worker's surroundings.
    ends : Ends
        The consumer.
    """

    def __init__(self, partition: int, context: Context, ends: Ends) -> None:
        self.partition = partition
        self._context = context
        self._ends = ends
        self._topics = context.topics
        self._decoding = Decoding(context.settings)
        self._transactions = Transactions(context.settings, f"{context.settings.group}-ingest-{partition}")
        longest_ms = max(_LONGEST_LOOK_MS, _LOOKS * context.settings.idle_poll_ms)
        self._silence = {side: Silence(context.clock_ms(), longest_ms=longest_ms) for side in _SIDES}
        self._outbox: list[Outgoing] = []
        self._written: dict[str, int] = {}
        self._store: PartitionStore

    def recover(self) -> None:
        """Become the owner and restore the state as of the last checkpoint."""
        context, topics = self._context, self._topics
        self._transactions.fence()
        context.fault("recovery.fenced")
        # The group commits only what the state holds, so what it committed before the state is read cannot be ahead of
        # it, even if a next owner is at work while a paused worker wakes up here. The ends move the other way.
        before = source_ranges(context.settings, topics.sources, self.partition)
        store = self._restored()
        after = source_ranges(context.settings, topics.sources, self.partition)
        ranges = {topic: replace(known, committed=before[topic].committed) for topic, known in after.items()}
        for topic, records in lost_records(self.partition, store.offsets, ranges).items():
            log.error("%s/%d: retention took %d records before they were read", topic, self.partition, records)
        self._store = store
        self._written = dict(store.offsets)

    def _restored(self) -> PartitionStore:
        context, where = self._context, f"{self._topics.state}/{self.partition}"
        saved = read_log(context.settings, self._topics.state, self.partition).records
        if saved and CUT not in saved:
            msg = f"{where}: expected the record {CUT!r} beside {len(saved)} others; the state topic lost it"
            raise DamagedState(msg)
        try:
            return PartitionStore.restore(
                saved.items(), self.partition, context.partitions, context.definitions.catalog, context.rng
            )
        except (CorruptState, PartitionsChanged) as error:
            msg = f"{where}: {error}; restore the topic, or start a new group and topic prefix to begin again"
            raise DamagedState(msg) from None

    def take(self, topic: str, block: Block, /) -> bool:
        """Process one block; true if it closed a window.

        Raises
        ------
        InfrastructureError
            If a block before it was fetched and never came: going on would lose it.
        """
        side: Side = _SIDES[self._topics.sources.index(topic)]
        done = self._store.offsets.get(topic, 0)
        messages = [
            Message(topic, self.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for r in block.records
            if r.offset >= done
        ]
        if not block.follows(done):
            msg = f"{topic}/{self.partition}: the block up to offset {block.after} got lost on its way; start again"
            raise InfrastructureError(msg)
        self._store.offsets[topic] = max(done, block.offset + 1)
        decoded = self._decoding.decode(side, messages, block.records[-1].timestamp_type)
        payload = self._context.settings.dead_letter_payload
        by_offset = {m.offset: m for m in messages} if decoded.rejected and payload else {}
        for rejected in decoded.rejected:
            self._refuse(rejected, by_offset.get(rejected.offset))
        closed = False
        for batch in decoded.batches:
            closed |= self._arrive(side, topic, batch)
        return closed

    def _arrive(self, side: Side, topic: str, batch: EventBatch | LabelBatch | Watermark) -> bool:
        if isinstance(batch, Watermark):
            return self._step(WatermarkArrived(side, batch.model, batch.event_time_ms))
        here, forwarded, refused = split(batch, topic, self.partition, self._context.partitions)
        self._outbox += forwarded
        if refused is not None:
            self._refuse(refused, None)
        metrics = self._context.metrics
        if forwarded:
            metrics.forwarded(len(batch.ids) - (0 if here is None else len(here.ids)))
        if isinstance(here, EventBatch):
            here = self._prepared(here, topic)
        if here is None:
            return False
        metrics.ingested(here.model, here.version, side, len(here.ids))
        if side == "events":
            metrics.lateness(here.model, self.partition, here.event_time_ms)
        return self._step(arrived(here))

    def _prepared(self, batch: EventBatch, topic: str) -> EventBatch | None:
        """Let events pass through the operator's own code, if there is any for the model."""
        prepare = self._context.hooks.preprocess(batch.model)
        if prepare is None:
            return batch
        prepared = prepare(batch, topic, self.partition)
        for rejected in prepared.refused:
            self._refuse(rejected, None)
        return prepared.batch

    def _refuse(self, rejected: Rejected, message: Message | None) -> None:
        key, value = dead_letter(rejected, message)
        self._outbox.append(Outgoing(self._topics.dead_letters, -1, key, value))
        self._context.metrics.rejected(rejected)
        if rejected.model:
            self._step(RowsRejected(rejected.model, rejected.rows))

    def _step(self, event: Event) -> bool:
        return self._carry_out(step(self._store, event))

    def _carry_out(self, effects: Iterable[Effect]) -> bool:
        published = False
        for effect in effects:
            if isinstance(effect, Publish):
                published = True
                self._outbox.append(self._profile(effect.partial))
            else:
                self._context.metrics.counted(effect)
        return published

    def _profile(self, partial: Partial) -> Outgoing:
        key = profile_key(partial.model, partial.version, partial.window_start_ms, self.partition, partial.part)
        value = partial.payload
        if value is not None:
            value = seal(
                value,
                fingerprint=partial.fingerprint,
                revision=partial.revision,
                features_closed=partial.features_closed,
                labels_closed=partial.labels_closed,
                partitions=self._context.partitions,
                definition=partial.definition,
            )
        return Outgoing(self._topics.profiles, judged_on(partial.model, self._context.partitions), key, value)

    def tick(self) -> bool:
        """Let silence pass at the ends of the source partitions; true if it closed a window."""
        now_ms = self._context.clock_ms()
        closed = False
        for side, topic in zip(_SIDES, self._topics.sources, strict=True):
            offset = self._store.offsets.get(topic, 0)
            event = self._silence[side].tick(side, now_ms, at_end=self._ends.at_end(topic, self.partition, offset))
            if event is not None:
                closed |= self._step(event)
            behind = self._ends.behind(topic, self.partition, self._written.get(topic, 0))
            if behind is not None:
                self._context.metrics.lag(topic, self.partition, behind)
        self._context.metrics.pending(self.partition, self._store.pending, self._store.early)
        return closed

    def cut(self) -> list[Outgoing]:
        """Take the outputs, the changed state and the next source offsets together."""
        if not self._outbox and self._store.offsets == self._written:
            return []
        cut = self._store.cut()
        self._carry_out(cut.effects)
        outbox, self._outbox = self._outbox, []
        self._written = dict(self._store.offsets)
        return outbox + [Outgoing(self._topics.state, self.partition, key, value) for key, value in cut.records]

    def write(self, records: list[Outgoing], /) -> None:
        """Write a cut in one transaction."""
        self._transactions.write(records)

    def close(self) -> None:
        """Let the connections to the broker go."""
        self._transactions.close()


def judged_on(model: str, partitions: int) -> int:
    """Choose the profiles partition on which all windows of a model meet.

    Examples
    --------
    >>> judged_on("a", 4)
    0
    """
    return int(partition_of(np.frombuffer(model.encode(), np.uint8)[None, :], partitions)[0])
