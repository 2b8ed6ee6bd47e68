# SPDX-License-Identifier: Apache-2.0
"""The last labelled rows, whole, so that a metric of them can be computed and a correction can find its row."""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.cells import column_of, present_cells
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.groups import ID_HASH
from sketches.packing import numbers, pack, text, unpack
from sketches.sliced import EVENT_TIME
from sketches.state import require_same_spec
from sketches.texts import LONGEST

_TOTAL = "<q"
# A character of JSON is at most two escapes of six bytes.
_ESCAPED = 12

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RecentSpec:
    """The rows of the latest event times.

    A row can be taken away where it was added, which corrects it in place; that makes no room for an older one.

    A block must hold `event_time.ms` and `inference_id.hash` (INTEGER); rows without them are left alone.

    Parameters
    ----------
    rows : int
        Rows kept. Rows of one time are ordered by the hash of their id.
    columns : tuple of str
        What is kept of each: labels and outputs.

    Examples
    --------
    >>> state = RecentSpec(2, ("label",)).empty()
    >>> at, ids = (Column(Kind.INTEGER, np.array(values)) for values in ([30, 10, 20], [1, 2, 3]))
    >>> label = Column(Kind.FLOAT, np.array([3.0, 1.0, 2.0]))
    >>> state.update(Block(3, {EVENT_TIME: at, ID_HASH: ids, "label": label}))
    >>> state.n, state.block().columns["label"].values.tolist()
    (3, [2.0, 3.0])
    """

    rows: int
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.rows < 1:
            msg = f"expected at least 1 row, got {self.rows}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("recent", rows=self.rows, columns=list(self.columns))

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        raw = 64 + self.rows * (48 + len(self.columns) * (_ESCAPED * LONGEST + 4))
        return raw + raw // 1000 + 64

    def empty(self) -> RecentState:
        """Make the identity of merge."""
        return RecentState(self)

    def from_bytes(self, data: bytes, /) -> RecentState:
        """Read a state; raises `CorruptState`."""
        head, body = unpack(data, 2, "recent rows")
        state = self.empty()
        (state.n,) = numbers(_TOTAL, head, "recent rows")
        state.rows = [(at, key, tuple(cells)) for at, key, cells in _opened(body, self)]
        return state

    def equivalent(self, a: RecentState, b: RecentState, /) -> bool:
        """Compare every row kept."""
        return a.to_bytes() == b.to_bytes()


class RecentState:
    """The last rows by event time.

    Attributes
    ----------
    n : int
        Labelled rows seen, the same ones as any other signed sum counts.
    rows : list of (int, int, tuple)
        Event time, hash of the id and cells of each row kept, the latest last.
    """

    __slots__ = ("n", "rows", "spec")

    def __init__(self, spec: RecentSpec) -> None:
        self.spec = spec
        self.n = 0
        self.rows: list[Row] = []

    def block(self) -> Block:
        """Give the rows kept, the latest last."""
        columns = {
            EVENT_TIME: _integers([at for at, _, _ in self.rows]),
            ID_HASH: _integers([key for _, key, _ in self.rows]),
        }
        for i, name in enumerate(self.spec.columns):
            columns[name] = column_of([cells[i] for _, _, cells in self.rows])
        return Block(len(self.rows), columns)

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the rows of a block."""
        known, at, keys = _keys(block)
        self.n += sign * len(known)
        if not len(known):
            return
        if sign > 0:
            newest = _newest(at, keys, self.spec.rows)
            fresh = _rows(block, known[newest], at[newest], keys[newest], self.spec.columns)
            self.rows = _ordered([*self.rows, *fresh])[-self.spec.rows :]
        elif self.rows:
            near = np.flatnonzero(at >= self.rows[0][0])
            gone = Counter(_rows(block, known[near], at[near], keys[near], self.spec.columns))
            kept = []
            for row in self.rows:
                if gone[row] > 0:
                    gone[row] -= 1
                else:
                    kept.append(row)
            self.rows = kept

    def merge(self, other: RecentState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self.rows = _ordered([*self.rows, *other.rows])[-self.spec.rows :]

    def to_bytes(self) -> bytes:
        """Write the state."""
        return pack(
            struct.pack(_TOTAL, self.n), zlib.compress(json.dumps(self.rows, separators=(",", ":")).encode(), 1)
        )


def _ordered(rows: list[Row]) -> list[Row]:
    """Order rows by time and hash; which of several alike comes first must not depend on how they came."""
    rows.sort(key=itemgetter(0, 1))
    if any(a[:2] == b[:2] for a, b in pairwise(rows)):
        rows.sort(key=lambda row: (row[0], row[1], json.dumps(row[2])))
    return rows


def _keys(block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Positions, times and hashes of the rows that have both."""
    columns = [block.columns.get(name) for name in (EVENT_TIME, ID_HASH)]
    known = np.ones(block.n, dtype=bool)
    values = []
    for column in columns:
        if column is None or column.kind != Kind.INTEGER:
            return (np.zeros(0, np.int64),) * 3
        known &= True if column.valid is None else column.valid
        values.append(column.values)
    at = np.flatnonzero(known)
    return at, values[0][at], values[1][at]


def _newest(at: NDArray[np.int64], keys: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Positions of the last rows, with all that tie with the first of them."""
    order = np.lexsort((keys, at))
    if len(order) <= rows:
        return order
    cut = order[-rows]
    kept: NDArray[np.int64] = np.flatnonzero((at > at[cut]) | ((at == at[cut]) & (keys >= keys[cut])))
    return kept


def _rows(
    block: Block,
    places: NDArray[np.int64],
    at: NDArray[np.int64],
    keys: NDArray[np.int64],
    columns: tuple[str, ...],
) -> list[Row]:
    cells: list[list[Any]] = [[None] * len(columns) for _ in places]
    for i, name in enumerate(columns):
        if name in block.columns:
            for row, value in present_cells(block.columns[name].take(places)):
                cells[row][i] = None if isinstance(value, float) and value - value != 0.0 else value
    return list(zip(at.tolist(), keys.tolist(), map(tuple, cells), strict=True))


def _integers(values: list[int]) -> Column:
    return Column(Kind.INTEGER, np.array(values, dtype=np.int64))


def _opened(body: bytes, spec: RecentSpec) -> list[Any]:
    try:
        rows = json.loads(text(zlib.decompressobj().decompress(body, spec.max_bytes), "recent rows"))
    except (ValueError, RecursionError, zlib.error) as error:
        msg = f"cannot read recent rows: expected compressed JSON, got {body[:20]!r}"
        raise CorruptState(msg) from error
    if not isinstance(rows, list) or len(rows) > spec.rows or not all(_is_row(row, len(spec.columns)) for row in rows):
        msg = f"cannot read recent rows: expected up to {spec.rows} of time, hash and cells, got {str(rows)[:80]!r}"
        raise CorruptState(msg)
    return rows


def _is_row(row: Any, cells: int) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 3
        and type(row[0]) is int
        and type(row[1]) is int
        and isinstance(row[2], list)
        and len(row[2]) == cells
        and all(cell is None or isinstance(cell, str | int | float) for cell in row[2])
    )
