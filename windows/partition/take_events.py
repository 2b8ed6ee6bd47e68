# SPDX-License-Identifier: Apache-2.0
"""Inference events: into their windows, among the pending rows, and joined with labels that were there first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from windows.events import BlockArrived, Counted, Effect
from windows.join.ids import IdHash
from windows.join.row_table import NONE, RowTable
from windows.partition.model_state import ModelState, VersionState
from windows.partition.timeline import segments

Rows = NDArray[np.int64]
Codes = NDArray[np.int16]


def take_events(model: ModelState, version: VersionState, event: BlockArrived, id_hash: IdHash) -> list[Effect]:
    """Take a block of events, rows in order, whatever falls due between them."""
    effects: list[Effect] = []
    arrival = _Arrival.of(model, version, event, id_hash)
    for first, stop, now_ms in segments(event.event_time_ms, model.time.events_ms, model.next_deadline):
        effects += model.move("events", now_ms)
        whole = stop - first == len(event.ids)
        effects += _take(model, version, arrival if whole else arrival.take(np.arange(first, stop)))
    if len(event.ids):
        effects += model.move("events", int(event.event_time_ms.max()))
        effects += _limit(model, version, version.table(event.ids.shape[1]))
    return effects


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Rows of a block with what the join needs of each; `rows` are their positions in the block, None for all."""

    source: Block
    rows: Rows | None
    ids: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    starts_ms: Rows
    predicted: NDArray[np.int16]
    score: NDArray[np.float64]

    @classmethod
    def of(cls, model: ModelState, version: VersionState, event: BlockArrived, id_hash: IdHash) -> _Arrival:
        starts_ms = version.timeline.starts(event.event_time_ms)
        score = _scores(event.block)
        predicted = model.classes.codes(event.block.columns.get("prediction.label"), event.block.n)
        source = event.block
        if _derive(predicted, score, starts_ms, model, version):
            source = Block(source.n, {**source.columns, "prediction.label": model.classes.column(predicted)})
        return cls(source, None, event.ids, id_hash(event.ids), starts_ms, predicted, score)

    def take(self, rows: Rows) -> _Arrival:
        return _Arrival(
            self.source,
            rows if self.rows is None else self.rows[rows],
            self.ids[rows],
            self.hashes[rows],
            self.starts_ms[rows],
            self.predicted[rows],
            self.score[rows],
        )

    def block(self, of_window: Rows | None) -> Block:
        rows = self.rows if of_window is None else of_window if self.rows is None else self.rows[of_window]
        return self.source if rows is None else self.source.take(rows)


def _take(model: ModelState, version: VersionState, arrival: _Arrival) -> list[Effect]:
    effects: list[Effect] = []
    arrival = _admit(model, version, arrival, effects)
    if not len(arrival.ids):
        return effects
    table = version.table(arrival.ids.shape[1])
    first = table.n
    predicted, score = arrival.predicted, arrival.score
    held = table.add(arrival.ids, arrival.hashes, arrival.starts_ms, predicted=predicted, score=score)
    fresh = np.flatnonzero(held < 0)
    if len(fresh) < len(held):
        effects.append(Counted("duplicate", model.name, len(held) - len(fresh)))
        for start_ms, n in zip(*np.unique(table.at_ms[held[held >= 0]], return_counts=True), strict=True):
            version.windows[int(start_ms)].count(duplicates=int(n))
        arrival = arrival.take(fresh)
    late = 0
    for start_ms, of_window in by_window(arrival.starts_ms):
        window = version.windows[start_ms]
        block = arrival.block(of_window)
        window.add(block)
        late += block.n if window.features_closed else 0
    if late:
        effects.append(Counted("late", model.name, late))
    if model.rejected and len(fresh):
        version.windows[int(arrival.starts_ms.max())].count(rejected=model.rejected)
        model.rejected = 0
    _join(model, version, table, first, arrival)
    return effects


def _admit(model: ModelState, version: VersionState, arrival: _Arrival, effects: list[Effect]) -> _Arrival:
    """Open the windows of the rows; the rows whose windows are open."""
    pieces = list(by_window(arrival.starts_ms))
    reasons = {s: version.admit(s, model.time, effects) for s, _ in pieces if s not in version.windows}
    # A window opened for one row may have had to make room for another's.
    refused = [(s, of_window) for s, of_window in pieces if s not in version.windows]
    for start_ms, of_window in refused:
        n = len(arrival.ids) if of_window is None else len(of_window)
        effects.append(Counted(reasons.get(start_ms) or "window_limit", model.name, n))
    if not refused:
        return arrival
    return arrival.take(np.flatnonzero(~np.isin(arrival.starts_ms, [start_ms for start_ms, _ in refused])))


def _join(model: ModelState, version: VersionState, table: RowTable, first: int, arrival: _Arrival) -> None:
    """Give new rows the labels that waited for them, or that another version of the model was given for the same id."""
    ids, hashes = arrival.ids, arrival.hashes
    label = model.early.take(version.version, ids, hashes) if model.early.live else np.full(len(ids), NONE, np.int16)
    for other in model.versions.values():
        siblings = other.tables.get(ids.shape[1])
        missing = np.flatnonzero(label < 0)
        if other is version or siblings is None or not siblings.live or not len(missing):
            continue
        rows = siblings.find(ids[missing], hashes[missing])
        theirs = np.where(rows >= 0, siblings.label[rows], np.int16(NONE))
        shared = (theirs >= 0) & (theirs & 1 == 1)
        label[missing[shared]] = theirs[shared]
    hit = np.flatnonzero(label >= 0)
    if len(hit):
        relabel(model, version, table, first + hit, label[hit])


def relabel(model: ModelState, version: VersionState, table: RowTable, rows: Rows, label: NDArray[np.int16]) -> None:
    """Change the labels of distinct pending rows, and the quality of their windows by the difference."""
    before = table.label[rows] >> 1
    table.set_label(rows, label)
    changed = np.flatnonzero(before != label >> 1)
    if not len(changed):
        return
    rows, before, after = rows[changed], before[changed], label[changed] >> 1
    for start_ms, of_window in by_window(table.at_ms[rows]):
        here = slice(None) if of_window is None else of_window
        had = np.flatnonzero(before[here] >= 0)
        predicted, score = table.predicted[rows[here]], table.score[rows[here]]
        old = _labelled(model, before[here][had], predicted[had], score[had]) if len(had) else None
        version.windows[start_ms].relabel(old, _labelled(model, after[here], predicted, score))


def _labelled(model: ModelState, label: Codes, predicted: Codes, score: NDArray[np.float64]) -> Block:
    return Block(
        len(label),
        {
            "label": model.classes.column(label),
            "prediction.label": model.classes.column(predicted),
            "prediction.score": Column(Kind.FLOAT, score, ~np.isnan(score)),
        },
    )


def by_window(starts_ms: Rows) -> Iterator[tuple[int, Rows | None]]:
    """Window starts with the positions of their rows, None for all rows of a single window."""
    if not len(starts_ms):
        return
    if starts_ms[0] == starts_ms[-1] and starts_ms.min() == starts_ms.max():
        yield int(starts_ms[0]), None
        return
    for start_ms in np.unique(starts_ms):
        yield int(start_ms), np.flatnonzero(starts_ms == start_ms)


def _limit(model: ModelState, version: VersionState, table: RowTable) -> list[Effect]:
    """Let the oldest pending rows go, once a block: their window keeps them, but a label no longer finds them."""
    excess = version.live - version.timeline.definitions[-1].limits.pending_rows
    if excess <= 0:
        return []
    dropped = len(table.kill_oldest(max(table.live - excess, 0)))
    table.settle()
    return [Counted("pending_dropped", model.name, dropped)]


def _scores(block: Block) -> NDArray[np.float64]:
    column = block.columns.get("prediction.score")
    if column is None or column.kind not in (Kind.FLOAT, Kind.INTEGER):
        return np.full(block.n, np.nan)
    score = column.values.astype(np.float64)
    if column.valid is not None:
        score[~column.valid] = np.nan
    return score


def _derive(
    predicted: NDArray[np.int16], score: NDArray[np.float64], starts_ms: Rows, model: ModelState, version: VersionState
) -> bool:
    """Derive labels that are missing beside a score, by the threshold of each row's window; true if any was."""
    missing = np.flatnonzero((predicted < 0) & ~np.isnan(score))
    for start_ms, of_window in by_window(starts_ms[missing]):
        definition = version.timeline.at(start_ms)
        rows = missing if of_window is None else missing[of_window]
        positive = model.classes.reserve(definition.positive_class)
        negative = model.classes.reserve(definition.negative_class)
        predicted[rows] = np.where(score[rows] > definition.probability_threshold, positive, negative)
    return len(missing) > 0
