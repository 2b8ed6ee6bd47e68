# SPDX-License-Identifier: Apache-2.0
"""A sample of rows: those whose ids have the smallest hashes, the same ones in any order of blocks and merges."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

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
_TOTALS = "<qq"
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
        state.n, size = numbers(_TOTALS, head, "sample")
        seen, hashes, lines = _opened(body, size, self.max_bytes)
        state.seen = set(seen)
        state.lines = dict(zip(hashes, lines, strict=True))
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
    lines : dict of int to str
        Each row kept as a JSON list, with a cell for each of `room` and `[]` for a key that was absent. Most rows are
        only ever merged and written again, and are never read.
    seen : set of str
        The first undeclared columns by name: those kept, and 20 that were refused.

    References
    ----------
    .. [1] Cohen, Kaplan (2007), Summarizing data using bottom-k sketches, PODC, doi:10.1145/1281100.1281133.
    """

    __slots__ = ("lines", "n", "seen", "spec")

    def __init__(self, spec: SampleSpec) -> None:
        self.spec = spec
        self.n = 0
        self.lines: dict[int, str] = {}
        self.seen: set[str] = set()

    @property
    def room(self) -> list[str]:
        """The columns that have room, in order of name."""
        return sorted({*sorted(self.seen)[: self.spec.max_columns], *self.spec.declared})

    @property
    def rows(self) -> dict[int, Row]:
        """Values by column of each row kept, by ascending hash; without keys that were absent, a null is None."""
        keys, names = sorted(self.lines), self.room
        rows = _cells([self.lines[key] for key in keys], len(names))
        return {
            key: {name: cell for name, cell in zip(names, cells, strict=True) if cell != ABSENT}
            for key, cells in zip(keys, rows, strict=True)
        }

    @property
    def columns(self) -> list[str]:
        """The columns that some row has, in order of name."""
        return sorted({name for row in self.rows.values() for name in row})

    @property
    def refused(self) -> list[str]:
        """The first 20 columns that found no room."""
        return sorted(self.seen)[self.spec.max_columns :]

    def block(self) -> Block:
        """Give the rows kept as a block, by ascending hash; `inference_id.hash` is its first column."""
        keys, names = sorted(self.lines), self.room
        columns = {ID_HASH: Column(Kind.INTEGER, np.array(keys, dtype=np.int64))}
        rows = _cells([self.lines[key] for key in keys], len(names))
        for name, cells in zip(names, zip(*rows, strict=True), strict=False):
            if any(cell != ABSENT for cell in cells):
                columns[name] = column_of(cells)
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
        if len(self.lines) >= self.spec.rows:
            below = hashes <= max(self.lines)
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
        theirs = dict(other.lines)
        names = other.room
        self._add_names(other.seen)
        self._keep(_moved(theirs, names, self.room).items())

    def to_bytes(self) -> bytes:
        """Write the state."""
        keys = sorted(self.lines)
        head = json.dumps({"seen": sorted(self.seen), "hashes": keys}, separators=(",", ":"))
        body = "\n".join([head, *(self.lines[key] for key in keys)]).encode()
        return pack(struct.pack(_TOTALS, self.n, len(body)), bytes(cramjam.zstd.compress(body, 1)))

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
        before = self.room
        self.seen = set(sorted(self.seen | fresh)[: self.spec.max_columns + MAX_REFUSED])
        self.lines = _moved(self.lines, before, self.room)

    def _read(self, block: Block, rows: NDArray[np.int64]) -> Iterator[str]:
        names = self.room
        read: list[list[Any]] = [[ABSENT] * len(names) for _ in rows]
        for i, name in enumerate(names):
            column = block.columns.get(name)
            if column is None or not self.spec.takes(name, column):
                continue
            key = self.spec.hash_key.encode() if name in self.spec.hashed else None
            for at, value in present_cells(column.take(rows)):
                read[at][i] = _bounded(value, key)
        return map(_line, read)

    def _keep(self, lines: Iterable[tuple[int, str]]) -> None:
        for key, line in lines:
            # An id that comes again has the same row, but for ids whose hashes collide in 63 bits.
            self.lines[key] = min(line, self.lines.get(key, line))
        if len(self.lines) > self.spec.rows:
            self.lines = {key: self.lines[key] for key in sorted(self.lines)[: self.spec.rows]}


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


def _line(cells: Sequence[Any]) -> str:
    return json.dumps(cells, separators=(",", ":"))


def _cells(lines: Sequence[str], width: int) -> list[list[Any]]:
    """Read rows of so many cells; raises `CorruptState`."""
    rows: list[list[Any]]
    try:
        rows = from_json(f"[{','.join(lines)}]")
    except ValueError:
        rows = []
    if len(rows) != len(lines) or any(not isinstance(row, list) or len(row) != width for row in rows):
        msg = f"cannot read sample: expected rows of {width} cells as JSON, got {lines[:1]}"
        raise CorruptState(msg)
    return rows


def _moved(lines: dict[int, str], before: Sequence[str], after: Sequence[str]) -> dict[int, str]:
    """Write rows of the columns `before` as rows of the columns `after`."""
    if before == after:
        return lines
    place = {name: i for i, name in enumerate(before)}
    places = [place.get(name, len(before)) for name in after]
    rows = ([*cells, ABSENT] for cells in _cells(list(lines.values()), len(before)))
    return {key: _line([cells[i] for i in places]) for key, cells in zip(lines, rows, strict=True)}


def _opened(body: bytes, size: int, longest: int) -> tuple[list[str], list[int], list[str]]:
    """Read the names seen, the hashes and their lines."""
    try:
        raw = bytearray(size if 0 <= size <= longest else 0)
        filled = cramjam.zstd.decompress_into(body, raw)
        head, *lines = text(bytes(raw[:filled]), "sample").split("\n")
        fields = json.loads(head)
    except (ValueError, RecursionError, cramjam.DecompressionError) as error:
        msg = f"cannot read sample: expected {size} bytes of compressed JSON, got {body[:20]!r}"
        raise CorruptState(msg) from error
    if (
        filled != size
        or not isinstance(fields, dict)
        or any(not isinstance(fields.get(name), list) for name in ("seen", "hashes"))
        or any(not isinstance(name, str) for name in fields["seen"])
        or any(type(key) is not int for key in fields["hashes"])
        or len(fields["hashes"]) != len(lines)
    ):
        msg = f"cannot read sample: expected lists seen, hashes and a line of JSON a hash, got {head[:80]!r}"
        raise CorruptState(msg)
    return fields["seen"], fields["hashes"], lines
