# SPDX-License-Identifier: Apache-2.0
"""The whole monitor without a broker: partitions, checkpoints that may die between any two steps, judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from sketches.block import Column
from stream.agents.judge import Judge
from stream.agents.remembered import Kind, Window
from stream.explain.explaining import Ask, Explaining, InProcess
from topics.partitioner import partition_of
from windows.baselines.baseline import Baseline
from windows.baselines.grids import grid_of
from windows.definition import Catalog, ModelDefinition
from windows.events import (
    BlockArrived,
    Counted,
    Effect,
    Event,
    LabelsArrived,
    Partial,
    Publish,
    Side,
    TimeAdvanced,
    WatermarkArrived,
)
from windows.grid import Grid
from windows.partition.step import step
from windows.partition.store import PartitionStore
from windows.report import Report, Violation

Rows = BlockArrived | LabelsArrived
SIDES: tuple[Side, Side] = ("events", "labels")


class Step(IntEnum):
    """The steps of a checkpoint; after any of them a worker may die."""

    CUT = 1
    BEGUN = 2
    STATE_WRITTEN = 3
    OUTPUTS_WRITTEN = 4
    COMMITTED = 5
    ACKED = 6


@dataclass(slots=True)
class Partition:
    """One partition: what producers wrote to its two source topics, what checkpoints committed, and its worker.

    `history` is every event the present state is made of: a crash takes back what no checkpoint had committed.
    """

    store: PartitionStore
    sources: dict[Side, list[Event]] = field(default_factory=lambda: {"events": [], "labels": []})
    state: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    outbox: list[Effect] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)
    committed: int = 0
    acked: dict[str, int] = field(default_factory=dict)


class MonitorDriver:
    """Several partitions, the gathering of their profiles, and judgement, in one thread and without I/O.

    Parameters
    ----------
    definitions : tuple of ModelDefinition
        The models to watch.
    partitions : int
        Of both source topics.
    baseline : callable, optional
        The baseline of a definition, None for none.
    seed : int
        Of the id hashes' secrets.
    ask : callable
        Who computes attributions that definitions ask for.

    Examples
    --------
    >>> driver = MonitorDriver((ModelDefinition(model="m", window={"size": "1h", "grace": 0}),))
    >>> driver.watermark("events", "m", 3_600_000)
    >>> driver.run()
    []
    """

    def __init__(
        self,
        definitions: tuple[ModelDefinition, ...],
        partitions: int = 2,
        *,
        baseline: Callable[[ModelDefinition], Baseline | None] = lambda _: None,
        seed: int = 0,
        ask: Ask = InProcess,
    ) -> None:
        self.catalog = Catalog(definitions, self._grid)
        self.profiles: list[tuple[int, Partial]] = []
        self.reports: list[Report] = []
        self.violations: list[Violation] = []
        self._baseline = baseline
        self._ask = ask
        self._rng = np.random.default_rng(seed)
        self.partitions = [Partition(PartitionStore(p, partitions, self.catalog, self._rng)) for p in range(partitions)]
        self._remembered: dict[tuple[Kind, Window], bytes] = {}
        self._start_evaluate(0)

    def _grid(self, definition: ModelDefinition) -> Grid | None:
        baseline = self._baseline(definition)
        return None if baseline is None else grid_of(baseline)

    def send(self, rows: Rows) -> None:
        """Write rows to their partitions, by inference id."""
        where = partition_of(rows.ids, len(self.partitions))
        for number, partition in enumerate(self.partitions):
            here = np.flatnonzero(where == number)
            if len(here):
                partition.sources["events" if isinstance(rows, BlockArrived) else "labels"].append(take(rows, here))

    def watermark(self, side: Side, model: str, event_time_ms: int) -> None:
        """Write a watermark to every partition."""
        for partition in self.partitions:
            partition.sources[side].append(WatermarkArrived(side, model, event_time_ms))

    def process(self, number: int, side: Side, records: int = 1) -> int:
        """Let a partition's worker take its next records of one side; returns how many there were."""
        partition = self.partitions[number]
        first = partition.store.offsets.get(side, 0)
        events = partition.sources[side][first : first + records]
        for event in events:
            self._step(partition, event)
        partition.store.offsets[side] = first + len(events)
        return len(events)

    def silence(self, number: int, side: Side, elapsed_ms: int) -> None:
        """Let wall-clock time pass at the end of one side of a partition."""
        self._step(self.partitions[number], TimeAdvanced(side, elapsed_ms))

    @staticmethod
    def _step(partition: Partition, event: Event) -> None:
        partition.outbox += step(partition.store, event)
        partition.history.append(event)

    def checkpoint(self, number: int, *, die_after: Step | None = None) -> None:
        """Commit a partition's state, outputs and offsets together; or die after a step, and start again."""
        partition = self.partitions[number]
        # What a transaction holds is seen by nobody until it is committed.
        state: list[tuple[bytes, bytes | None]] = []
        outputs: list[Effect] = []
        for at in Step:
            if at == Step.CUT:
                cut = partition.store.cut()
            elif at == Step.STATE_WRITTEN:
                state += cut.records
            elif at == Step.OUTPUTS_WRITTEN:
                outputs += [*partition.outbox, *cut.effects]
            elif at == Step.COMMITTED:
                partition.state += state
                self.profiles += [(number, effect.partial) for effect in outputs if isinstance(effect, Publish)]
                partition.counted += [effect for effect in outputs if isinstance(effect, Counted)]
                partition.outbox, partition.committed = [], len(partition.history)
            elif at == Step.ACKED:
                partition.acked = dict(partition.store.offsets)
            if at == die_after:
                self.crash(number)
                return

    def crash(self, number: int) -> None:
        """Lose all a partition's worker had in memory, and restore it from what was committed."""
        partition = self.partitions[number]
        fresh = np.random.default_rng(self._rng.integers(2**32))
        partition.store = PartitionStore.restore(partition.state, number, len(self.partitions), self.catalog, fresh)
        partition.outbox = []
        del partition.history[partition.committed :]

    def crash_evaluate(self, now_ms: int = 0) -> None:
        """Lose what the judge had in memory; it reads the profiles and its own judgements again."""
        self._start_evaluate(now_ms)

    def _start_evaluate(self, now_ms: int) -> None:
        explaining = Explaining(self._baseline, self._ask)
        self._judge = Judge(len(self.partitions), self.catalog, self._baseline, explaining)
        # Of a compacted topic only the last record of each key is sure to be there, and no tombstone.
        last = {(number, _key(partial), partial.part): partial for number, partial in self.profiles}
        for (number, *_), partial in last.items():
            if partial.payload is not None:
                self._judge.arrived(partial, number, len(self.partitions), now_ms)
        self._read = len(self.profiles)
        for (kind, window), value in self._remembered.items():
            self._judge.recall(kind, window, value)

    def judge(self, now_ms: int = 0) -> list[Report]:
        """Read the profiles committed since the last time and judge what is due."""
        for number, partial in self.profiles[self._read :]:
            self._judge.arrived(partial, number, len(self.partitions), now_ms)
        self._read = len(self.profiles)
        reports: list[Report] = []
        for said in self._judge.judge(now_ms):
            if isinstance(said, Report):
                reports.append(said)
            elif isinstance(said, Violation):
                self.violations.append(said)
            elif said.value is not None:
                self._remembered[said.kind, said.window] = said.value
            else:
                del self._remembered[said.kind, said.window]
        self.reports += reports
        return reports

    def run(self, now_ms: int = 0) -> list[Report]:
        """Process all that was sent, events first, checkpoint every partition and judge."""
        for number in range(len(self.partitions)):
            for side in SIDES:
                while self.process(number, side):
                    pass
            self.checkpoint(number)
        return self.judge(now_ms)


def _key(partial: Partial) -> tuple[str, str, int]:
    return partial.model, partial.version, partial.window_start_ms


def take(rows: Rows, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Rows:
    """Some rows of a block of events or labels, in the given order."""
    ids, at_ms = rows.ids[chosen], rows.event_time_ms[chosen]
    if isinstance(rows, BlockArrived):
        return BlockArrived(rows.model, rows.version, ids, at_ms, rows.block.take(chosen), rows.extra.take(chosen))
    label: Column = rows.label.take(chosen)
    return LabelsArrived(rows.model, rows.version, ids, at_ms, label)
