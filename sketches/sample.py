# SPDX-License-Identifier: Apache-2.0
"""A sample of rows: those whose ids have the smallest hashes, the same ones in any order of blocks and merges."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.cells import ABSENT, column_of, present_cells
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.groups import ID_HASH
from sketches.packing import numbers, pack, text, unpack
from sketches.sliced import EVENT_TIME
from sketches.state import require_same_spec
from sketches.texts import LONGEST, canonical, keyed, written

LONGEST_NAME = 256
MAX_REFUSED = 20
_NOT_SAMPLED = ("attributions.", "embeddings.")
_TOTAL = "<q"
# One character of JSON is at most two escapes of six bytes.
_ESCAPED = 12

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SampleSpec:
    """A bounded uniform sample of rows: features, outputs and tags, not attributions and embeddings.

    A block must hold `inference_id.hash` (INTEGER, the same for the same id); rows without it are left alone.

    Parameters
    ----------
    rows : int
        Rows kept: those of the smallest hashes. A row that comes again is kept once.
    declared : tuple of str
        Columns that always have room.
    hashed, dropped : tuple of str
        Columns whose values are kept as keyed hashes, which are not looked at.
    hash_key : str
        The secret of the hashes.
    max_columns : int
        Undeclared columns kept: the first by name, as in a profile.

    Examples
    --------
    >>> state = SampleSpec(rows=2).empty()
    >>> ids = Column(Kind.INTEGER, np.array([9, 3, 5]))
    >>> state.update(Block(3, {ID_HASH: ids, "age": Column(Kind.INTEGER, np.array([39, 50, 38]))}))
    >>> state.n, state.block().columns["age"].values.tolist()
    (3, [50, 38])
    """

    rows: int = 1000
    declared: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    hash_key: str = field(default="", repr=False)
    max_columns: int = 200

    def __post_init__(self) -> None:
        if self.rows < 1:
            msg = f"expected a sample of at least 1 row, got {self.rows}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "sample",
            rows=self.rows,
            declared=sorted(set(self.declared)),
            hashed=sorted(set(self.hashed)),
            dropped=sorted(set(self.dropped)),
            secret=keyed("", self.hash_key.encode()),
            max_columns=self.max_columns,
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        names = self.max_columns + MAX_REFUSED + len(self.declared)
        longest = max([LONGEST_NAME, *map(len, self.declared)])
        cells = self.rows * (self.max_columns + len(self.declared))
        raw = 128 + 2 * names * (_ESCAPED * longest + 4) + cells * (_ESCAPED * LONGEST + 4) + self.rows * 32
        return raw + raw // 1000 + 64

    def empty(self) -> SampleState:
        """Make the identity of merge."""
        return SampleState(self)

    def from_bytes(self, data: bytes, /) -> SampleState:
        """Read a state; raises `CorruptState`."""
        head, body = unpack(data, 2, "sample")
        state = self.empty()
        (state.n,) = numbers(_TOTAL, head, "sample")
        fields = _opened(body, self.max_bytes)
        state.seen = set(fields["seen"])
        columns = fields["columns"]
        for key, cells in zip(fields["hashes"], fields["rows"], strict=True):
            state.rows[key] = {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ABSENT}
        return state

    def equivalent(self, a: SampleState, b: SampleState, /) -> bool:
        """Compare every row kept."""
        return a.to_bytes() == b.to_bytes()

    def takes(self, name: str, column: Column) -> bool:
        """Whether a column may be sampled at all."""
        named = len(name) <= LONGEST_NAME or name in self.declared
        return (
            named
            and name not in (ID_HASH, EVENT_TIME)
            and name not in self.dropped
            and not name.startswith(_NOT_SAMPLED)
            and column.kind != Kind.VECTOR
        )


class SampleState:
    """Rows by the hash of their id.

    Attributes
    ----------
    n : int
        Rows seen, those that came again included.
    rows : dict of int to dict
        Values by column of each row kept; a key that was absent from the event is not in it, a null is None.
    seen : set of str
        The first undeclared columns by name: those kept, and 20 that were refused.

    References
    ----------
    .. [1] Cohen, Kaplan (2007), Summarizing data using bottom-k sketches, PODC, doi:10.1145/1281100.1281133.
    """

    __slots__ = ("n", "rows", "seen", "spec")

    def __init__(self, spec: SampleSpec) -> None:
        self.spec = spec
        self.n = 0
        self.rows: dict[int, Row] = {}
        self.seen: set[str] = set()

    @property
    def columns(self) -> list[str]:
        """The columns kept, in order of name."""
        return sorted({name for row in self.rows.values() for name in row})

    @property
    def refused(self) -> list[str]:
        """The first 20 columns that found no room."""
        return sorted(self.seen)[self.spec.max_columns :]

    def block(self) -> Block:
        """Give the rows kept as a block, by ascending hash; `inference_id.hash` is its first column."""
        keys = sorted(self.rows)
        columns = {ID_HASH: Column(Kind.INTEGER, np.array(keys, dtype=np.int64))}
        for name in self.columns:
            columns[name] = column_of([self.rows[key].get(name, ABSENT) for key in keys])
        return Block(len(keys), columns)

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        ids = block.columns.get(ID_HASH)
        if ids is None or ids.kind != Kind.INTEGER:
            return
        known = np.arange(block.n) if ids.valid is None else np.flatnonzero(ids.valid)
        hashes = ids.values[known]
        self.n += len(known)
        self._see(block, known)
        if len(self.rows) >= self.spec.rows:
            below = hashes <= max(self.rows)
            known, hashes = known[below], hashes[below]
        if len(known) > self.spec.rows:
            distinct = np.unique(hashes)
            near = hashes <= distinct[min(self.spec.rows, len(distinct)) - 1]
            known, hashes = known[near], hashes[near]
        if len(known):
            self._keep(zip(hashes.tolist(), self._read(block, known), strict=True))

    def merge(self, other: SampleState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        theirs = [(key, dict(row)) for key, row in other.rows.items()]
        self._add_names(other.seen)
        kept = self._kept()
        self._keep((key, {name: cell for name, cell in row.items() if name in kept}) for key, row in theirs)

    def to_bytes(self) -> bytes:
        """Write the state."""
        keys, columns = sorted(self.rows), self.columns
        rows = [[self.rows[key].get(name, ABSENT) for name in columns] for key in keys]
        fields = {"seen": sorted(self.seen), "columns": columns, "hashes": keys, "rows": rows}
        body = zlib.compress(json.dumps(fields, separators=(",", ":")).encode(), 1)
        return pack(struct.pack(_TOTAL, self.n), body)

    def _see(self, block: Block, rows: NDArray[np.int64]) -> None:
        fresh = [
            name
            for name, column in block.columns.items()
            if name not in self.seen
            and name not in self.spec.declared
            and self.spec.takes(name, column)
            and len(rows)
            and not (column.absent is not None and column.absent[rows].all())
        ]
        self._add_names(fresh)

    def _add_names(self, names: Iterable[str]) -> None:
        fresh = set(names) - self.seen
        if not fresh:
            return
        before = self._kept()
        self.seen = set(sorted(self.seen | fresh)[: self.spec.max_columns + MAX_REFUSED])
        for name in before - self._kept():
            for row in self.rows.values():
                row.pop(name, None)

    def _kept(self) -> set[str]:
        return {*sorted(self.seen)[: self.spec.max_columns], *self.spec.declared}

    def _read(self, block: Block, rows: NDArray[np.int64]) -> list[Row]:
        kept = self._kept()
        read: list[Row] = [{} for _ in rows]
        for name in sorted(kept & block.columns.keys()):
            column = block.columns[name]
            if not self.spec.takes(name, column):
                continue
            key = self.spec.hash_key.encode() if name in self.spec.hashed else None
            for at, value in present_cells(column.take(rows)):
                read[at][name] = _bounded(value, key)
        return read

    def _keep(self, rows: Iterable[tuple[int, Row]]) -> None:
        for key, row in rows:
            held = self.rows.get(key)
            # Ids whose hashes collide are as good as one id; which row stands for them must not depend on the order.
            self.rows[key] = row if held is None else min(held, row, key=_text)
        if len(self.rows) > self.spec.rows:
            self.rows = {key: self.rows[key] for key in sorted(self.rows)[: self.spec.rows]}


def _bounded(value: Any, key: bytes | None) -> Any:
    if value is None:
        return None
    if key is not None:
        return keyed(written(value), key)
    if isinstance(value, str):
        return canonical(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def _text(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _opened(body: bytes, longest: int) -> dict[str, list[Any]]:
    try:
        fields = json.loads(text(zlib.decompressobj().decompress(body, longest), "sample"))
    except (ValueError, RecursionError, zlib.error) as error:
        msg = f"cannot read sample: expected compressed JSON, got {body[:20]!r}"
        raise CorruptState(msg) from error
    named = ("seen", "columns", "hashes", "rows")
    if (
        not isinstance(fields, dict)
        or any(not isinstance(fields.get(name), list) for name in named)
        or len(fields["hashes"]) != len(fields["rows"])
        or any(not isinstance(name, str) for name in (*fields["seen"], *fields["columns"]))
        or any(type(key) is not int for key in fields["hashes"])
        or any(not isinstance(row, list) or len(row) != len(fields["columns"]) for row in fields["rows"])
    ):
        msg = f"cannot read sample: expected lists {', '.join(named)} that fit together, got {str(fields)[:80]!r}"
        raise CorruptState(msg)
    return fields
