# SPDX-License-Identifier: Apache-2.0
"""Binned counts by slice of a window's time, so that a change can be seen from any moment on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.binned import BinnedSpec, packed, packed_bytes, unpacked
from sketches.block import Block, Column, Kind
from sketches.fingerprint import fingerprint
from sketches.packing import pack, unpack
from sketches.state import require_same_spec

EVENT_TIME = "event_time.ms"
_MOST_SLICES = 1_024


@dataclass(frozen=True, slots=True)
class SlicedSpec:
    """Binned counts by slice of windows of one size.

    A block must hold `event_time.ms` (INTEGER); rows without it are left alone.

    Parameters
    ----------
    binned : BinnedSpec
        What is counted.
    size_ms : int
        Size of the window, which is aligned to the epoch.
    slices : int
        How many slices it is cut into, at most 1,024.

    Examples
    --------
    >>> from sketches.block import Column
    >>> spec = SlicedSpec(BinnedSpec(edges=(("age", (40.0,)),)), size_ms=3_600_000)
    >>> state = spec.empty()
    >>> times = Column(Kind.INTEGER, np.array([0, 299_999, 300_000]))
    >>> state.update(Block(3, {EVENT_TIME: times, "age": Column(Kind.FLOAT, np.array([39.0, 50.0, 38.0]))}))
    >>> state.of("age")[:3].tolist(), state.rows.tolist()[:3]
    ([[1, 1], [1, 0], [0, 0]], [2, 1, 0])
    """

    binned: BinnedSpec
    size_ms: int
    slices: int = 12

    def __post_init__(self) -> None:
        if not 1 <= self.slices <= min(_MOST_SLICES, self.size_ms):
            msg = f"expected from 1 to {_MOST_SLICES} slices of at least 1 ms, got {self.slices} of {self.size_ms} ms"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("sliced", binned=self.binned.fingerprint, size_ms=self.size_ms, slices=self.slices)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 4 + packed_bytes(self.slices * (self.binned.cells + 1))

    def empty(self) -> SlicedState:
        """Make the identity of merge."""
        return SlicedState(self)

    def from_bytes(self, data: bytes, /) -> SlicedState:
        """Read a state; raises `CorruptState`."""
        (counts,) = unpack(data, 1, "sliced counts")
        both = unpacked(counts, self.slices * (self.binned.cells + 1)).reshape(self.slices, -1)
        state = self.empty()
        state.rows, state.counts = both[:, 0].copy(), both[:, 1:].copy()
        return state

    def equivalent(self, a: SlicedState, b: SlicedState, /) -> bool:
        """Compare every count."""
        return bool(np.array_equal(a.rows, b.rows) and np.array_equal(a.counts, b.counts))

    def slice_of(self, event_time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number the slices that times are in."""
        # In this order no product exceeds 64 bits.
        within = event_time_ms % self.size_ms
        width, longer = divmod(self.size_ms, self.slices)
        if not longer:
            return within // width
        # The first `longer` slices are one millisecond longer.
        edge = longer * (width + 1)
        return np.where(within < edge, within // (width + 1), longer + (within - edge) // width)

    def end_ms(self, number: int) -> int:
        """Give the end of a slice, exclusive, from the start of its window."""
        width, longer = divmod(self.size_ms, self.slices)
        return (number + 1) * width + min(number + 1, longer)


class SlicedState:
    """Exact counts by slice, feature and cell, as signed sums.

    Attributes
    ----------
    rows : ndarray of int64, shape (slices,)
        Rows by slice.
    counts : ndarray of int64, shape (slices, cells)
        The counts of `BinnedState` by slice.
    """

    __slots__ = ("_counter", "_ends_ms", "counts", "rows", "spec")

    def __init__(self, spec: SlicedSpec) -> None:
        self.spec = spec
        self._counter = spec.binned.counter()
        self._ends_ms = np.array([spec.end_ms(number) for number in range(spec.slices)])
        self.rows: NDArray[np.int64] = np.zeros(spec.slices, dtype=np.int64)
        self.counts: NDArray[np.int64] = np.zeros((spec.slices, spec.binned.cells), dtype=np.int64)

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.rows.sum())

    def of(self, feature: str) -> NDArray[np.int64]:
        """Give the rows by slice in each cell of a feature, shape (slices, cells of it)."""
        start, stop = self.spec.binned.where(feature)
        return self.counts[:, start : stop - 2]

    def update(self, block: Block, /, sign: int = 1, *, most_rows: int | None = None) -> None:
        """Add (+1) or take away (-1) the rows of a block.

        Parameters
        ----------
        block : Block
            The rows.
        sign : int
            +1 or -1.
        most_rows : int, optional
            Leave rows alone that come to a slice which holds as many, in the order of the block: whatever their values,
            but no longer in any order of blocks and merges.
        """
        times = block.columns.get(EVENT_TIME)
        if times is None or times.kind != Kind.INTEGER or not block.n:
            return
        for number, rows in self._runs(times):
            room = block.n if most_rows is None else max(0, most_rows - int(self.rows[number]))
            first = rows[:room]
            if number >= 0 and len(first):
                self._add(number, block, first, sign)

    def merge(self, other: SlicedState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.rows = self.rows + other.rows
        self.counts = self.counts + other.counts

    def to_bytes(self) -> bytes:
        """Write the state."""
        return pack(packed(np.concatenate((self.rows[:, None], self.counts), axis=1).reshape(-1)))

    def _add(self, number: int, block: Block, rows: NDArray[np.int64] | range, sign: int) -> None:
        here = block
        if len(rows) < block.n:
            # A range is looked at in place; rows here and there are copied, but for columns that nobody counts.
            chosen: Any = slice(rows.start, rows.stop) if isinstance(rows, range) else rows
            columns = {name: block.columns[name] for name in self.spec.binned.features if name in block.columns}
            here = Block(len(rows), {name: column.take(chosen) for name, column in columns.items()})
        self.rows[number] += sign * here.n
        self.counts[number] += sign * self._counter(here)

    def _runs(self, times: Column) -> Iterator[tuple[int, NDArray[np.int64] | range]]:
        """Slices with the rows in each; ranges where they come one after the other."""
        values, size_ms = times.values, self.spec.size_ms
        if times.valid is None:
            low, high = int(values.min()), int(values.max())
            start_ms = low - low % size_ms
            first, last = np.searchsorted(self._ends_ms, (low - start_ms, high - start_ms), side="right").tolist()
            if first == last and high < start_ms + size_ms:
                yield first, range(len(values))
                return
            if high < start_ms + size_ms and (values[1:] >= values[:-1]).all():
                inner = np.searchsorted(values, start_ms + self._ends_ms[first:last]).tolist()
                cuts = [0, *inner, len(values)]
                yield from ((first + at, range(*cut)) for at, cut in enumerate(pairwise(cuts)) if cut[0] < cut[1])
                return
        slices = self.spec.slice_of(values)
        if times.valid is not None:
            slices = np.where(times.valid, slices, -1)
        steps = np.diff(slices)
        if len(steps) and steps.min() < 0:
            for number in np.unique(slices).tolist():
                yield number, np.flatnonzero(slices == number)
            return
        for start, stop in pairwise([0, *(np.flatnonzero(steps) + 1).tolist(), len(slices)]):
            yield int(slices[start]), range(start, stop)
