# SPDX-License-Identifier: Apache-2.0
"""Labels: to every pending row they are meant for, or waiting for their event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Column, Kind
from sketches.regression import LARGEST
from sketches.texts import spelled
from windows.events import Counted, Effect, LabelsArrived
from windows.join.ids import IdHash
from windows.join.truths import Truths
from windows.partition.model_state import ModelState
from windows.partition.relabel import relabel
from windows.partition.timeline import segments

Rows = NDArray[np.int64]


def take_labels(model: ModelState, event: LabelsArrived, id_hash: IdHash) -> list[Effect]:
    """Take a block of labels, in order; a later label for an id replaces an earlier one."""
    effects: list[Effect] = []
    arrival = _Arrival.of(model, event, id_hash)
    for first, stop, now_ms in segments(arrival.event_time_ms, model.time.labels_ms, model.next_deadline):
        effects += model.move("labels", now_ms)
        _take(model, arrival.rows(first, stop))
    if len(arrival.ids):
        effects += model.move("labels", int(arrival.event_time_ms.max()))
        effects += _limit(model, event.version, arrival.ids.shape[1])
    return effects


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Labels with what the join needs of each."""

    owner: str | None
    ids: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    event_time_ms: Rows
    labels: Truths

    @classmethod
    def of(cls, model: ModelState, event: LabelsArrived, id_hash: IdHash) -> _Arrival:
        codes = model.classes.codes(event.label, len(event.ids))
        labels = Truths(codes << 1 | np.int16(event.version is None), _values(event.label))
        arrival = cls(event.version, event.ids, id_hash(event.ids), event.event_time_ms, labels)
        # Where every label must be a number, one that is none must not keep a better one from its event.
        numeric = all(definition.problem_type == "Regression" for definition in model.definitions())
        known = labels.known(numeric=numeric)
        return arrival if known.all() else arrival.take(np.flatnonzero(known))

    def take(self, rows: Rows) -> _Arrival:
        return _Arrival(self.owner, self.ids[rows], self.hashes[rows], self.event_time_ms[rows], self.labels.take(rows))

    def rows(self, first: int, stop: int) -> _Arrival:
        return self if stop - first == len(self.ids) else self.take(np.arange(first, stop))


def _take(model: ModelState, arrival: _Arrival) -> None:
    owner, length = arrival.owner, arrival.ids.shape[1]
    found = np.zeros(len(arrival.ids), bool)
    freed: list[tuple[Rows, Truths]] = []
    for version in model.versions.values():
        if owner not in (None, version.version):
            continue
        for table in version.pending.of_length(length):
            rows = table.find(arrival.ids, arrival.hashes)
            hit = np.flatnonzero(rows >= 0)
            if not len(hit):
                continue
            found[hit] = True
            if owner is not None and len(model.versions) > 1:
                before = table.labels(rows[hit])
                freed.append((hit[before.shared], before.take(before.shared)))
            hit = hit[arrival.labels.take(hit).known(numeric=table.layout.numeric)]
            hit = hit[_last_of_each(rows[hit])]
            relabel(model, version, table, rows[hit], arrival.labels.take(hit))
    if model.early.live:
        found |= model.early.replace(owner, arrival.ids, arrival.hashes, arrival.labels)
    # A shared label that gives way to one of this version must still reach the other versions' events.
    for rows, labels in freed:
        _wait(model, None, arrival.take(rows), labels)
    missing = np.flatnonzero(~found)
    if len(missing):
        _wait(model, owner, arrival.take(missing), arrival.labels.take(missing))


def _wait(model: ModelState, owner: str | None, arrival: _Arrival, labels: Truths) -> None:
    # Labels and events may run at different times of the same stream: the later of the two counts as the arrival.
    at_ms = np.maximum(arrival.event_time_ms, model.time.events_ms or 0)
    model.early.wait(owner, arrival.ids, arrival.hashes, at_ms, labels)


def _limit(model: ModelState, owner: str | None, length: int) -> list[Effect]:
    """Let the oldest early labels of an owner go, once a block, if all owners' are too many."""
    if not model.early.live:
        return []
    most = max((d.limits.early_labels for d in model.definitions()), default=0)
    dropped = model.early.limit(owner, length, most)
    return [Counted("early_dropped", model.name, dropped)] if dropped else []


def _values(label: Column) -> NDArray[np.float64]:
    """Numbers of labels, NaN for a class that spells none, and beyond the range in which sums are exact."""
    if label.kind == Kind.FLOAT:
        values = label.values
    else:
        values = np.array([spelled(name)[1] for name in label.categories] or [None], np.float64)[label.values]
    known = np.abs(values) <= LARGEST
    return np.where(known if label.valid is None else known & label.valid, values, np.nan)


def _last_of_each(rows: Rows) -> Rows | slice:
    """Positions of the last mention of each row."""
    ordered = np.sort(rows)
    if not (ordered[1:] == ordered[:-1]).any():
        return slice(None)
    last: Rows = len(rows) - 1 - np.unique(rows[::-1], return_index=True)[1]
    return last
