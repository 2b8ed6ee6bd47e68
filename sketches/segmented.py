# SPDX-License-Identifier: Apache-2.0
"""One state a segment: rows parted by the value of a column, with a cap on how many values have a state."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, text, unpack
from sketches.state import Spec, require_same_spec
from sketches.texts import LONGEST, POOLED, canonical, keyed, written

MAX_REFUSED = 20
_COUNTS = "<qq"
_ROWS = "<q"


@dataclass(frozen=True, slots=True)
class SegmentedSpec:
    """A state for each value of a column.

    Rows without a value are of no segment, but counted: how often the column is missing is judged as that of any
    column, and a segment of its own would be named like a value.

    Parameters
    ----------
    column : str
        The column that parts the rows; 1, 1.0 and "1" are one segment.
    inner : Spec
        Of each segment's state.
    max_segments : int
        Segments that have a state: the first by name, so that any order of blocks and merges keeps the same ones, each
        with all its rows.
    hashed : bool
        Name segments by keyed hashes.
    hash_key : str
        The secret of the hashes.

    Examples
    --------
    >>> from sketches.moments import MomentsSpec
    >>> state = SegmentedSpec("sex", MomentsSpec("age"), max_segments=1).empty()
    >>> sex = Column(Kind.STRING, np.array([1, 0, 1], dtype=np.int32), categories=("f", "m"))
    >>> state.update(Block(3, {"sex": sex, "age": Column(Kind.FLOAT, np.array([39.0, 50.0, 38.0]))}))
    >>> state.segments["f"].mean, state.overflow, state.refused
    (50.0, 2, ['m'])
    """

    column: str
    inner: Spec
    max_segments: int = 20
    hashed: bool = False
    hash_key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.max_segments < 1:
            msg = f"expected max_segments of at least 1, got {self.max_segments}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "segmented",
            column=self.column,
            inner=self.inner.fingerprint,
            max_segments=self.max_segments,
            secret=keyed("", self.hash_key.encode()) if self.hashed else "",
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        name = 8 + 4 * LONGEST
        names = (self.max_segments + MAX_REFUSED + 1) * name
        return 64 + names + self.max_segments * (name + 16 + self.inner.max_bytes)

    def empty(self) -> SegmentedState:
        """Make the identity of merge."""
        return SegmentedState(self)

    def from_bytes(self, data: bytes, /) -> SegmentedState:
        """Read a state; raises `CorruptState`."""
        head, seen, segments = unpack(data, 3, "segments")
        state = self.empty()
        state.n, state.missing = numbers(_COUNTS, head, "segments")
        state.seen = {text(name, "segment names") for name in unpack(seen, None, "segment names")}
        for record in unpack(segments, None, "segments"):
            name_bytes, rows, payload = unpack(record, 3, "segment")
            name = text(name_bytes, "segment name")
            (state.rows[name],) = numbers(_ROWS, rows, f"rows of segment {name!r}")
            state.segments[name] = self.inner.from_bytes(payload)
        if not state.segments.keys() <= set(state.named):
            msg = f"cannot read segments: expected some of {state.named}, got {sorted(state.segments)}"
            raise CorruptState(msg)
        return state

    def equivalent(self, a: SegmentedState, b: SegmentedState, /) -> bool:
        """Compare counts and refused names exactly, segments by their states; one without rows is like none."""
        if (a.n, a.missing, a.overflow, a.refused) != (b.n, b.missing, b.overflow, b.refused):
            return False
        empty = self.inner.empty()
        return all(
            a.rows.get(name, 0) == b.rows.get(name, 0)
            and self.inner.equivalent(a.segments.get(name, empty), b.segments.get(name, empty))
            for name in a.segments.keys() | b.segments.keys()
        )


class SegmentedState:
    """States by segment; signed if the inner states are.

    Attributes
    ----------
    n : int
        Rows.
    missing : int
        Rows without a value of the column.
    segments : dict of str to State
        The states by segment.
    rows : dict of str to int
        Rows by segment, those included that its state leaves alone.
    seen : set of str
        The first names that ever came: the segments, and 20 that were refused. Rows that are taken away leave their
        name, so that a segment never comes back without the rows it once refused. Rows that came without the name of
        theirs are never a segment: they are refused as `POOLED`.
    """

    __slots__ = ("missing", "n", "rows", "seen", "segments", "spec")

    def __init__(self, spec: SegmentedSpec) -> None:
        self.spec = spec
        self.n = 0
        self.missing = 0
        self.segments: dict[str, Any] = {}
        self.rows: dict[str, int] = {}
        self.seen: set[str] = set()

    @property
    def named(self) -> list[str]:
        """The segments that have a state, by name."""
        return sorted(self.seen - {POOLED})[: self.spec.max_segments]

    @property
    def overflow(self) -> int:
        """Rows of segments that have no state."""
        return self.n - self.missing - sum(self.rows.values())

    @property
    def refused(self) -> list[str]:
        """The first 20 segments that have rows but no state, and the name of rows that came pooled."""
        if not self.overflow:
            return []
        return sorted(self.seen - {POOLED})[self.spec.max_segments :] + sorted(self.seen & {POOLED})

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the rows of a block."""
        if not block.n:
            return
        self.n += sign * block.n
        codes, names = _coded(block.columns.get(self.spec.column), block.n)
        self.missing += sign * int(np.count_nonzero(codes < 0))
        names = [self._name(name) for name in names]
        self._see(set(names))
        for name in self.named:
            # Two values may have one name, when they are cut or when a column repeats a category.
            same = [code for code, other in enumerate(names) if other == name]
            if same:
                self._add(name, block, np.flatnonzero(np.isin(codes, same)), sign)

    def merge(self, other: SegmentedState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self.missing += other.missing
        self._see(other.seen)
        for name in self.named:
            if name in other.segments:
                self._segment(name).merge(other.segments[name])
                self.rows[name] += other.rows[name]

    def to_bytes(self) -> bytes:
        """Write the state."""
        segments = [
            pack(name.encode(), struct.pack(_ROWS, self.rows[name]), self.segments[name].to_bytes())
            for name in sorted(self.segments)
        ]
        names = [name.encode() for name in sorted(self.seen)]
        return pack(struct.pack(_COUNTS, self.n, self.missing), pack(*names), pack(*segments))

    def _add(self, name: str, block: Block, rows: NDArray[np.int64], sign: int) -> None:
        segment = self._segment(name)
        here = block if len(rows) == block.n else block.take(rows)
        if sign > 0:
            segment.update(here)
        else:
            segment.update(here, sign=sign)
        self.rows[name] += sign * len(rows)

    def _segment(self, name: str) -> Any:
        if name not in self.segments:
            self.segments[name], self.rows[name] = self.spec.inner.empty(), 0
        return self.segments[name]

    def _see(self, names: set[str]) -> None:
        if names <= self.seen:
            return
        names = names | self.seen
        self.seen = {*sorted(names - {POOLED})[: self.spec.max_segments + MAX_REFUSED], *(names & {POOLED})}
        for name in self.segments.keys() - set(self.named):
            del self.segments[name], self.rows[name]

    def _name(self, value: str) -> str:
        hashed = self.spec.hashed and value != POOLED
        return keyed(value, self.spec.hash_key.encode()) if hashed else canonical(value)


def _coded(column: Column | None, n: int) -> tuple[NDArray[np.int64], list[str]]:
    """Number each row's value, -1 where there is none; only values that came have a number."""
    codes = np.full(n, -1, dtype=np.int64)
    if column is None or column.kind == Kind.VECTOR:
        return codes, []
    usable = np.ones(n, dtype=bool) if column.valid is None else column.valid.copy()
    if column.kind == Kind.FLOAT:
        usable &= np.isfinite(column.values)
    if column.kind == Kind.MIXED:
        texts = [_text(value) if there else None for value, there in zip(column.values, usable.tolist(), strict=True)]
        names = sorted({text for text in texts if text is not None})
        number = {name: code for code, name in enumerate(names)}
        return np.array([-1 if text is None else number[text] for text in texts], dtype=np.int64), names
    values, codes[usable] = np.unique(column.values[usable], return_inverse=True)
    if column.kind == Kind.STRING:
        return codes, [column.categories[value] for value in values.tolist()]
    return codes, [written(value) for value in values.tolist()]


def _text(value: Any) -> str | None:
    """Write a value of a mixed column; None for a null and for a float that is no number."""
    return None if value is None or (isinstance(value, float) and not math.isfinite(value)) else written(value)
