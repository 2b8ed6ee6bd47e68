# SPDX-License-Identifier: Apache-2.0
"""One step of a partition: an event changes the store, and says what must be done about it.

Invariants, each with a test of its name in `tests/windows/partition/test_step.py`: stream time never goes back; a
window closes once; where blocks are cut changes nothing; rows given = accepted + late + expired + duplicate + refused
for want of room; `restore` of all cuts, then the same events, equals never having stopped.
"""

from __future__ import annotations

from windows.events import (
    BlockArrived,
    Counted,
    Effect,
    Event,
    LabelsArrived,
    RowsRejected,
    TimeAdvanced,
    WatermarkArrived,
)
from windows.partition.model_state import ModelState
from windows.partition.store import PartitionStore
from windows.partition.take_events import take_events
from windows.partition.take_labels import take_labels

OfModel = BlockArrived | LabelsArrived | WatermarkArrived | RowsRejected


def step(store: PartitionStore, event: Event) -> list[Effect]:
    """Take one event.

    Parameters
    ----------
    store : PartitionStore
        Changed in place; deterministic in the store and the event, but for the sketches' own randomness.
    event : Event
        What happened.

    Returns
    -------
    list of Effect
        Partials of windows that closed, which should not wait for the next checkpoint, and counts. Revisions come with
        the cut.
    """
    if isinstance(event, TimeAdvanced):
        return _advance(store, event)
    known = set(store.catalog.versions(event.model))
    if known:
        model = store.model(event.model)
        known &= model.versions.keys()
        if not isinstance(event, BlockArrived | LabelsArrived) or event.version is None or event.version in known:
            return _take(store, model, event)
    return _unknown(event)


def _take(store: PartitionStore, model: ModelState, event: OfModel) -> list[Effect]:
    match event:
        case BlockArrived():
            return take_events(model, model.versions[event.version], event, store.id_hash)
        case LabelsArrived():
            return take_labels(model, event, store.id_hash)
        case WatermarkArrived():
            return [*model.move(event.side, event.event_time_ms), *model.closed(event.side)]
        case RowsRejected():
            return _reject(model, event.rows)


def _unknown(event: OfModel) -> list[Effect]:
    if isinstance(event, WatermarkArrived):
        return []
    rows = event.rows if isinstance(event, RowsRejected) else len(event.ids)
    return [Counted("unknown_model", event.model, rows)] if rows else []


def _advance(store: PartitionStore, event: TimeAdvanced) -> list[Effect]:
    effects: list[Effect] = []
    for name in list(store.models):
        model = store.model(name)
        if model.time.silent(event.side, event.elapsed_ms, patience_ms=model.patience_ms()):
            effects += model.advance()
    return effects


def _reject(model: ModelState, rows: int) -> list[Effect]:
    """Count refused rows in the window of stream time, or in the next that takes rows."""
    model.rejected += rows
    if model.time.events_ms is None:
        return []
    for _, version in sorted(model.versions.items()):
        start_ms = version.timeline.start(model.time.events_ms)
        if start_ms in version.windows:
            version.windows[start_ms].count(rejected=model.rejected)
            model.rejected = 0
            break
    return []
