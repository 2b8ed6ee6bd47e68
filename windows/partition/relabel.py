# SPDX-License-Identifier: Apache-2.0
"""Changed labels of pending rows, and what they change in the windows of the rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.groups import ID_HASH
from sketches.sliced import EVENT_TIME
from windows.join.ids import stable_hash
from windows.join.row_table import RowTable
from windows.join.truths import Truths
from windows.partition.model_state import ModelState, VersionState

Rows = NDArray[np.int64]


def relabel(model: ModelState, version: VersionState, table: RowTable, rows: Rows, labels: Truths) -> None:
    """Change the labels of distinct pending rows, and the states of their windows by the difference.

    Where labels are numbers, one that has none changes nothing.
    """
    known = labels.known(numeric=table.layout.numeric)
    if not known.all():
        rows, labels = rows[known], labels.take(known)
    before = table.labels(rows)
    table.set_labels(rows, labels)
    if table.layout.numeric:
        changed = np.flatnonzero(before.value != labels.value)
    else:
        changed = np.flatnonzero(before.classes != labels.classes)
    if not len(changed):
        return
    rows, before, labels = rows[changed], before.take(changed), labels.take(changed)
    for start_ms, of_window in by_window(table.at_ms[rows]):
        here = np.arange(len(rows)) if of_window is None else of_window
        had = here[before.code[here] >= 0]
        old = _joined(model, table, rows[had], before.take(had)) if len(had) else None
        version.windows[start_ms].relabel(old, _joined(model, table, rows[here], labels.take(here)))


def _joined(model: ModelState, table: RowTable, rows: Rows, labels: Truths) -> Block:
    layout = table.layout
    codes, numbers = table.codes[rows], table.numbers[rows]
    label = _numbers(labels.value) if layout.numeric else model.classes.column(labels.classes)
    columns = {carried.name: model.coder(carried.name).column(codes[:, i]) for i, carried in enumerate(layout.codes)}
    columns |= {name: _numbers(numbers[:, i]) for i, name in enumerate(layout.numbers)}
    if EVENT_TIME in columns:
        columns[EVENT_TIME] = Column(Kind.INTEGER, columns[EVENT_TIME].values.astype(np.int64))
        ids = table.ids[rows].view(np.uint8).reshape(len(rows), table.length)
        columns[ID_HASH] = Column(Kind.INTEGER, stable_hash(ids))
    return Block(len(rows), columns | {"label": label})


def _numbers(values: NDArray[np.float64]) -> Column:
    return Column(Kind.FLOAT, values, ~np.isnan(values))


def by_window(starts_ms: Rows) -> Iterator[tuple[int, Rows | None]]:
    """Window starts with the positions of their rows, None for all rows of a single window."""
    if not len(starts_ms):
        return
    if starts_ms[0] == starts_ms[-1] and starts_ms.min() == starts_ms.max():
        yield int(starts_ms[0]), None
        return
    for start_ms in np.unique(starts_ms):
        yield int(start_ms), np.flatnonzero(starts_ms == start_ms)
