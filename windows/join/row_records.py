# SPDX-License-Identifier: Apache-2.0
"""Rows in the changelog: a record a chunk, and beside it the chunk's labels, which change later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.envelope import seal, unseal
from sketches.errors import CorruptState
from sketches.packing import pack, unpack
from windows.join.carried import Layout
from windows.join.row_table import DEAD, RowTable
from windows.join.truths import NONE

Record = tuple[bytes, bytes | None]

_FINGERPRINT = "rows/2"
_ROWS = ("ids", "at_ms", "codes", "numbers")
_DEAD_LABEL = -2


class RowRecords:
    """What of one table the changelog holds, and what it lacks.

    Keys are `r|<table>|<chunk>` for the layout, ids, times and what is carried, written when a chunk got rows, and
    `l|<table>|<chunk>` for labels and deaths, written when one of them changed. A chunk whose rows are all dead is two
    tombstones.

    Parameters
    ----------
    table : RowTable
    name : str
        Of the table, within its partition.
    """

    def __init__(self, table: RowTable, name: str) -> None:
        self._table = table
        self._name = name
        self._saved: set[int] = set()

    def cut(self) -> list[Record]:
        """Take the records that changed since the last cut."""
        table = self._table
        size, first = table.chunk_rows, table.base // table.chunk_rows
        starts = np.arange(0, table.n, size)
        alive = table.at_ms[: table.n] != DEAD
        living = {first + int(c) for c in np.flatnonzero(np.logical_or.reduceat(alive, starts))} if table.n else set()
        records: list[Record] = []
        for chunk in sorted(self._saved - living):
            records += [(self._key("r", chunk), None), (self._key("l", chunk), None)]
        grown = range(table.unwritten // size, len(starts)) if table.n > table.unwritten else range(0)
        records += [(self._key("r", first + c), self._rows(c)) for c in grown if first + c in living]
        changed = np.flatnonzero(table.relabelled[: len(starts)])
        records += [(self._key("l", first + int(c)), self._labels(int(c))) for c in changed if first + int(c) in living]
        self._saved = living
        table.unwritten = table.n
        table.relabelled[:] = False
        return records

    def restore(self, chunks: Mapping[int, bytes], labels: Mapping[int, bytes]) -> None:
        """Fill an empty table from the values of its records.

        Raises
        ------
        CorruptState
            If a record is not what `cut` wrote.
        """
        if not chunks:
            return
        table = self._table
        size, first = table.chunk_rows, min(chunks)
        table.restore(first * size, (max(chunks) - first + 1) * size)
        for chunk, data in chunks.items():
            start = (chunk - first) * size
            n = self._fill_rows(data, start)
            table.n = max(table.n, start + n)
            if chunk in labels:
                self._fill_labels(labels[chunk], start, n)
        self._saved = set(chunks)
        table.restored()

    def _fill_rows(self, data: bytes, start: int) -> int:
        table = self._table
        layout, *parts = unpack(_open(data), 1 + len(_ROWS), "pending rows")
        if layout != table.layout.to_bytes():
            msg = f"cannot read pending rows: expected layout {table.layout.to_bytes()!r}, got {layout!r}"
            raise CorruptState(msg)
        n = len(parts[0]) // table.length
        if n > table.chunk_rows:
            msg = f"cannot read pending rows: expected at most {table.chunk_rows} rows, got {n}"
            raise CorruptState(msg)
        for name, part in zip(_ROWS, parts, strict=True):
            _fill(getattr(table, name)[start : start + n], part)
        return n

    def _fill_labels(self, data: bytes, start: int, n: int) -> None:
        table = self._table
        label, value = unpack(_open(data), 2, "labels of pending rows")
        # The open chunk may have got rows since its labels were written.
        codes = np.frombuffer(label, np.int16)[:n]
        rows = slice(start, start + len(codes))
        table.label[rows] = np.where(codes == _DEAD_LABEL, NONE, codes)
        table.at_ms[rows][codes == _DEAD_LABEL] = DEAD
        if table.layout.numeric:
            _fill(table.value[rows], value[: 8 * len(codes)])

    def _key(self, kind: str, chunk: int) -> bytes:
        return f"{kind}|{self._name}|{chunk}".encode()

    def _span(self, chunk: int) -> slice:
        size = self._table.chunk_rows
        return slice(chunk * size, min((chunk + 1) * size, self._table.n))

    def _rows(self, chunk: int) -> bytes:
        table, rows = self._table, self._span(chunk)
        columns = (getattr(table, name)[rows].tobytes() for name in _ROWS)
        return seal(pack(table.layout.to_bytes(), *columns), fingerprint=_FINGERPRINT)

    def _labels(self, chunk: int) -> bytes:
        table, rows = self._table, self._span(chunk)
        label = np.where(table.at_ms[rows] == DEAD, np.int16(_DEAD_LABEL), table.label[rows])
        value = table.value[rows].tobytes() if table.layout.numeric else b""
        return seal(pack(label.tobytes(), value), fingerprint=_FINGERPRINT)


def layout_in(data: bytes) -> Layout:
    """The layout of the rows in a record.

    Raises
    ------
    CorruptState
        If it is not a record of rows.
    """
    return Layout.from_bytes(unpack(_open(data), 1 + len(_ROWS), "pending rows")[0])


def _open(data: bytes) -> bytes:
    envelope = unseal(data)
    if envelope.fingerprint != _FINGERPRINT:
        msg = f"cannot read pending rows: expected format {_FINGERPRINT!r}, got {envelope.fingerprint!r}"
        raise CorruptState(msg)
    return envelope.payload


def _fill(column: NDArray[Any], data: bytes) -> None:
    if len(data) != column.nbytes:
        msg = f"cannot read pending rows: expected a column of {column.nbytes} bytes, got {len(data)}"
        raise CorruptState(msg)
    column[:] = np.frombuffer(data, column.dtype).reshape(column.shape)
