# SPDX-License-Identifier: Apache-2.0
"""Exact counts of values between fixed edges or by fixed categories, small enough to be kept many times over."""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block
from sketches.cell_counts import CellCounter
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, text, unpack
from sketches.state import require_same_spec

_TOTAL = "<q"
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BinnedSpec:
    """Counts of features by cells that were fixed beforehand, those of a baseline for example.

    Parameters
    ----------
    edges : tuple of (str, tuple of float)
        Numeric features and their ascending edges: cell i holds the numbers above edge i - 1 and up to edge i, the last
        those above every edge.
    categories : tuple of (str, tuple of str)
        Categorical features and their values in canonical form, one cell each.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> spec = BinnedSpec(edges=(("age", (30.0, 40.0)),))
    >>> state = spec.empty()
    >>> state.update(Block(4, {"age": Column(Kind.FLOAT, np.array([30.0, 39.0, 61.0, np.nan]))}))
    >>> state.of("age").tolist(), state.other("age"), state.missing("age")
    ([1, 1, 1], 0, 1)
    """

    edges: tuple[tuple[str, tuple[float, ...]], ...] = ()
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in (*self.edges, *self.categories)]
        if len(set(names)) < len(names):
            msg = f"expected each feature once, got {sorted(names)}"
            raise ValueError(msg)
        for name, edges in self.edges:
            if not all(map(math.isfinite, edges)) or any(low >= high for low, high in pairwise(edges)):
                msg = f"expected finite ascending edges of {name!r}, got {edges}"
                raise ValueError(msg)

    @property
    def features(self) -> tuple[str, ...]:
        """The features counted, numeric ones first."""
        return tuple(name for name, _ in (*self.edges, *self.categories))

    @property
    def cells(self) -> int:
        """How many counts a state holds."""
        return _cells(_layout(self))

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return _fingerprint(self)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 16 + packed_bytes(self.cells)

    def to_json(self) -> bytes:
        """Write the parameters, for readers who do not know them; once for all states that share them."""
        return json.dumps({"edges": self.edges, "categories": self.categories}, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> BinnedSpec:
        """Read what `to_json` wrote; raises `CorruptState`.

        Examples
        --------
        >>> spec = BinnedSpec(edges=(("age", (30.0, 40.0)),), categories=(("sex", ("f", "m")),))
        >>> BinnedSpec.from_json(spec.to_json()) == spec
        True
        """
        try:
            fields = json.loads(text(data, "binned counts"))
            edges = tuple((str(name), tuple(map(float, at))) for name, at in fields["edges"])
            categories = tuple((str(name), tuple(map(str, values))) for name, values in fields["categories"])
            return cls(edges, categories)
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            msg = f"cannot read binned counts: expected their edges as JSON, got {data[:40]!r}"
            raise CorruptState(msg) from error

    def empty(self) -> BinnedState:
        """Make the identity of merge."""
        return BinnedState(self)

    def from_bytes(self, data: bytes, /) -> BinnedState:
        """Read a state; raises `CorruptState`."""
        total, counts = unpack(data, 2, "binned counts")
        state = self.empty()
        (state.n,) = numbers(_TOTAL, total, "binned counts")
        state.counts = unpacked(counts, len(state.counts))
        return state

    def equivalent(self, a: BinnedState, b: BinnedState, /) -> bool:
        """Compare every count."""
        return a.n == b.n and bool(np.array_equal(a.counts, b.counts))

    def where(self, feature: str) -> tuple[int, int]:
        """Where a feature's counts begin and end: its cells, then `other` and `missing`."""
        return _layout(self)[feature]

    def counter(self) -> CellCounter:
        """Give what counts the rows of a block, shape (cells,); the counts of each feature add up to the rows."""
        return _counter(self)


class BinnedState:
    """Exact counts by feature and cell, as signed sums.

    Attributes
    ----------
    n : int
        Rows.
    counts : ndarray of int64, shape (cells,)
        One feature after the other, see `BinnedSpec.where`.
    """

    __slots__ = ("_where", "counts", "n", "spec")

    def __init__(self, spec: BinnedSpec) -> None:
        self.spec = spec
        self.n = 0
        # To look it up by the spec takes a hash of all its edges.
        self._where = _layout(spec)
        self.counts: Counts = np.zeros(_cells(self._where), dtype=np.int64)

    def of(self, feature: str) -> Counts:
        """Give the rows in each cell of a feature; raises KeyError for one that is not counted."""
        start, stop = self._where[feature]
        return self.counts[start : stop - 2]

    def cumulative(self) -> Counts:
        """Count the numbers up to each edge of every numeric feature.

        Returns
        -------
        ndarray of int64, shape (features, cells)
            In the order of `spec.edges`; the last is the number of numbers, repeated where a feature has fewer cells.
        """
        return np.asarray(np.append(self.counts, 0)[_numeric_cells(self.spec)].cumsum(axis=1))

    def other(self, feature: str) -> int:
        """Count the values that are in no cell: no numbers, or none of the categories."""
        return int(self.counts[self._where[feature][1] - 2])

    def missing(self, feature: str) -> int:
        """Count the rows without a usable value: the key absent, null, NaN or infinite."""
        return int(self.counts[self._where[feature][1] - 1])

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the rows of a block."""
        self.n += sign * block.n
        if block.n:
            self.counts += sign * self.spec.counter()(block)

    def merge(self, other: BinnedState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self.counts = self.counts + other.counts

    def to_bytes(self) -> bytes:
        """Write the state."""
        return pack(struct.pack(_TOTAL, self.n), packed(self.counts))


def packed(counts: Counts) -> bytes:
    """Write counts, few bytes for small ones."""
    return zlib.compress(counts.astype("<i8").tobytes(), 1)


def packed_bytes(cells: int) -> int:
    """Bound the length of `packed` counts."""
    return 8 * cells + 8 * cells // 1000 + 64


def unpacked(data: bytes, cells: int) -> Counts:
    """Read what `packed` wrote; raises `CorruptState`."""
    try:
        raw = zlib.decompressobj().decompress(data, 8 * cells + 1)
    except zlib.error as error:
        msg = f"cannot read binned counts: expected zlib data, got {data[:20]!r}"
        raise CorruptState(msg) from error
    if len(raw) != 8 * cells:
        msg = f"cannot read binned counts: expected {8 * cells} bytes of counts, got {len(raw)}"
        raise CorruptState(msg)
    return np.frombuffer(raw, "<i8").astype(np.int64)


@lru_cache(maxsize=1_024)
def _layout(spec: BinnedSpec) -> dict[str, tuple[int, int]]:
    sizes = [(name, len(edges) + 3) for name, edges in spec.edges]
    sizes += [(name, len(values) + 2) for name, values in spec.categories]
    stops = np.cumsum([0, *(size for _, size in sizes)]).tolist()
    return {name: where for (name, _), where in zip(sizes, pairwise(stops), strict=True)}


def _cells(layout: dict[str, tuple[int, int]]) -> int:
    return max((stop for _, stop in layout.values()), default=0)


@lru_cache(maxsize=1_024)
def _numeric_cells(spec: BinnedSpec) -> NDArray[np.intp]:
    """Where the cells of each numeric feature are; behind them, an empty one."""
    layout = _layout(spec)
    most = max((len(edges) + 1 for _, edges in spec.edges), default=0)
    places = np.full((len(spec.edges), most), _cells(layout), dtype=np.intp)
    for row, (name, edges) in enumerate(spec.edges):
        places[row, : len(edges) + 1] = layout[name][0] + np.arange(len(edges) + 1)
    return places


@lru_cache(maxsize=1_024)
def _counter(spec: BinnedSpec) -> CellCounter:
    return CellCounter(spec.edges, spec.categories)


@lru_cache(maxsize=1_024)
def _fingerprint(spec: BinnedSpec) -> str:
    return fingerprint("binned", edges=spec.edges, categories=spec.categories)
