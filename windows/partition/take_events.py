# SPDX-License-Identifier: Apache-2.0
"""Inference events: into their windows, among the pending rows, and joined with labels that were there first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block
from windows.events import BlockArrived, Counted, Effect
from windows.join.carried import Layout, layout_of
from windows.join.ids import IdHash, as_keys
from windows.join.row_table import RowTable
from windows.join.truths import Truths
from windows.partition.arrived_rows import ArrivedRows, Codes, Numbers
from windows.partition.model_state import ModelState, VersionState
from windows.partition.open_window import OpenWindow
from windows.partition.relabel import by_window, relabel
from windows.partition.timeline import segments

Rows = NDArray[np.int64]


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
        effects += _limit(model, version, event.ids.shape[1])
    return effects


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Rows of a block; `rows` are their positions in it, None for all."""

    source: ArrivedRows
    rows: Rows | None
    ids: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    starts_ms: Rows

    @classmethod
    def of(cls, model: ModelState, version: VersionState, event: BlockArrived, id_hash: IdHash) -> _Arrival:
        starts_ms = version.timeline.starts(event.event_time_ms)
        return cls(ArrivedRows(model, version, event, starts_ms), None, event.ids, id_hash(event.ids), starts_ms)

    def take(self, rows: Rows) -> _Arrival:
        places = rows if self.rows is None else self.rows[rows]
        return _Arrival(self.source, places, self.ids[rows], self.hashes[rows], self.starts_ms[rows])

    def add_to(self, window: OpenWindow, of_window: Rows | None) -> int:
        """Add the rows of one window to it, None for all; returns how many."""
        rows = self.rows if of_window is None else of_window if self.rows is None else self.rows[of_window]
        block = _rows_of(self.source.block, rows)
        window.add(block, _rows_of(self.source.extra, rows) if window.wants_extra else None)
        return block.n

    def carried(self, layout: Layout) -> tuple[Codes, Numbers]:
        codes, numbers = self.source.carried(layout)
        return (codes, numbers) if self.rows is None else (codes[self.rows], numbers[self.rows])


def _rows_of(block: Block, rows: Rows | None) -> Block:
    return block if rows is None else block.take(rows)


def _take(model: ModelState, version: VersionState, arrival: _Arrival) -> list[Effect]:
    effects: list[Effect] = []
    arrival = _admit(model, version, arrival, effects)
    for layout, rows in _by_layout(version, arrival):
        effects += _add(model, version, layout, arrival if rows is None else arrival.take(rows))
    return effects


def _by_layout(version: VersionState, arrival: _Arrival) -> Iterator[tuple[Layout, Rows | None]]:
    """Positions of rows by the layout that their window's definition asks for, None for all; first events first."""
    starts_ms = arrival.starts_ms
    layouts: dict[Layout, list[int]] = defaultdict(list)
    for start_ms, _ in by_window(starts_ms):
        layouts[layout_of(version.windows[start_ms].definition)].append(start_ms)
    if len(layouts) == 1:
        yield next(iter(layouts)), None
        return
    # Of an id that came twice, into windows of two layouts, the first event must count.
    first = np.zeros(len(starts_ms), bool)
    first[np.unique(as_keys(arrival.ids), return_index=True)[1]] = True
    for these in (first, ~first):
        for layout, windows in layouts.items():
            rows = np.flatnonzero(these & np.isin(starts_ms, windows))
            if len(rows):
                yield layout, rows


def _add(model: ModelState, version: VersionState, layout: Layout, arrival: _Arrival) -> list[Effect]:
    """Add rows of one layout to their windows and to the pending rows, but for those whose id pends."""
    effects: list[Effect] = []
    length = arrival.ids.shape[1]
    table = version.pending.table(length, layout)
    for other in version.pending.of_length(length):
        if other is not table:
            held = other.find(arrival.ids, arrival.hashes)
            arrival = _without_repeated(version, other, held, arrival, effects)
    first = table.n
    codes, numbers = arrival.carried(layout)
    held = table.add(arrival.ids, arrival.hashes, arrival.starts_ms, codes=codes, numbers=numbers)
    arrival = _without_repeated(version, table, held, arrival, effects)
    late = 0
    for start_ms, of_window in by_window(arrival.starts_ms):
        window = version.windows[start_ms]
        added = arrival.add_to(window, of_window)
        late += added if window.features_closed else 0
    if late:
        effects.append(Counted("late", model.name, late))
    if model.rejected and len(arrival.ids):
        version.windows[int(arrival.starts_ms.max())].count(rejected=model.rejected)
        model.rejected = 0
    _join(model, version, table, first, arrival)
    return effects


def _without_repeated(
    version: VersionState, table: RowTable, held: Rows, arrival: _Arrival, effects: list[Effect]
) -> _Arrival:
    """Rows that no row of a table holds the id of; the others are counted in the window of the row that does."""
    repeated = held[held >= 0]
    if not len(repeated):
        return arrival
    effects.append(Counted("duplicate", version.model, len(repeated)))
    for start_ms, n in zip(*np.unique(table.at_ms[repeated], return_counts=True), strict=True):
        version.windows[int(start_ms)].count(duplicates=int(n))
    return arrival.take(np.flatnonzero(held < 0))


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
    labels = model.early.take(version.version, ids, hashes) if model.early.live else Truths.none(len(ids))
    for other in model.versions.values():
        for siblings in other.pending.of_length(ids.shape[1]) if other is not version else ():
            missing = np.flatnonzero(labels.code < 0)
            rows = siblings.find(ids[missing], hashes[missing])
            missing, theirs = missing[rows >= 0], siblings.labels(rows[rows >= 0])
            labels.put(missing[theirs.shared], theirs.take(theirs.shared))
    hit = np.flatnonzero(labels.code >= 0)
    if len(hit):
        relabel(model, version, table, first + hit, labels.take(hit))


def _limit(model: ModelState, version: VersionState, length: int) -> list[Effect]:
    """Let the oldest pending rows go, once a block: their window keeps them, but a label no longer finds them."""
    dropped = version.pending.limit(length, version.timeline.definitions[-1].limits.pending_rows)
    return [Counted("pending_dropped", model.name, dropped)] if dropped else []
