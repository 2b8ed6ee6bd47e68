# SPDX-License-Identifier: Apache-2.0
"""A feature's state: types, moments, quantiles, distinct values and categories of one column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from sketches.block import Block, Column
from sketches.categories import CategoriesSpec
from sketches.counts import TypeCountsSpec
from sketches.distinct import DistinctSpec
from sketches.fingerprint import fingerprint
from sketches.moments import MomentsSpec
from sketches.packing import pack, unpack
from sketches.quantiles import QuantilesSpec
from sketches.reading import Reading, read
from sketches.state import require_same_spec
from sketches.texts import written

_PARTS = ("types", "moments", "quantiles", "distinct", "categories")


@lru_cache(maxsize=4_096)
def _fingerprint(spec: FeatureSpec) -> str:
    parts = {part: getattr(spec, part).fingerprint for part in _PARTS}
    return fingerprint("feature", categorical=spec.categorical, **parts)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """What is kept of one column.

    Parameters
    ----------
    name : str
        The column.
    categorical : bool
        Count numbers as categories too; strings and booleans always are.
    hashed : bool
        Keep no raw value: categories under keyed hashes, numbers among them, and neither moments nor quantiles.
    hash_key : str
        The secret of the hashes.
    k : int
        Level size of the quantile sketch.
    max_categories : int
        Values counted exactly.

    Examples
    --------
    >>> from sketches.block import Kind
    >>> state = FeatureSpec("age").empty()
    >>> state.update(Block(3, {"age": Column(Kind.MIXED, np.array([39, "41", None], dtype=object))}))
    >>> state.rows, state.numbers, state.types.null, state.moments.mean, state.categories.counts()
    (3, 2, 1, 40.0, {'41': 1})
    """

    name: str
    categorical: bool = False
    hashed: bool = False
    hash_key: str = field(default="", repr=False)
    k: int = 512
    max_categories: int = 1000

    @property
    def types(self) -> TypeCountsSpec:
        """Parameters of the counts by type."""
        return TypeCountsSpec(self.name)

    @property
    def moments(self) -> MomentsSpec:
        """Parameters of the moments."""
        return MomentsSpec(self.name)

    @property
    def quantiles(self) -> QuantilesSpec:
        """Parameters of the quantiles."""
        return QuantilesSpec(self.k, self.name)

    @property
    def distinct(self) -> DistinctSpec:
        """Parameters of the distinct values."""
        return DistinctSpec(column=self.name)

    @property
    def categories(self) -> CategoriesSpec:
        """Parameters of the categories."""
        return CategoriesSpec(self.max_categories, self.hashed, self.hash_key, self.name)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return _fingerprint(self)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return sum(4 + int(getattr(self, part).max_bytes) for part in _PARTS)

    def empty(self) -> FeatureState:
        """Make the identity of merge."""
        return FeatureState(self)

    def from_bytes(self, data: bytes, /) -> FeatureState:
        """Read a state; raises `CorruptState`."""
        state = self.empty()
        for part, piece in zip(_PARTS, unpack(data, len(_PARTS), f"feature {self.name!r}"), strict=True):
            setattr(state, part, getattr(self, part).from_bytes(piece))
        return state

    def equivalent(self, a: FeatureState, b: FeatureState, /) -> bool:
        """Compare part by part."""
        return all(getattr(self, part).equivalent(getattr(a, part), getattr(b, part)) for part in _PARTS)


class FeatureState:
    """Everything kept of one column.

    Attributes
    ----------
    types : TypeCountsState
    moments : MomentsState
    quantiles : QuantilesState
    distinct : DistinctState
    categories : CategoriesState
    """

    __slots__ = ("spec", *_PARTS)

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self.types = spec.types.empty()
        self.moments = spec.moments.empty()
        self.quantiles = spec.quantiles.empty()
        self.distinct = spec.distinct.empty()
        self.categories = spec.categories.empty()

    @property
    def n(self) -> int:
        """Rows that have the key."""
        return self.types.n

    @property
    def rows(self) -> int:
        """Rows that have the key."""
        return self.types.n

    @property
    def numbers(self) -> int:
        """Finite numbers, those that strings spell included."""
        return self.moments.n

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.name in block.columns:
            self.add(block.columns[self.spec.name])

    def add(self, column: Column) -> None:
        """Add the rows of the feature's own column."""
        reading = read(column)
        self.types.add(reading)
        texts = reading.texts
        if self.spec.hashed or self.spec.categorical:
            texts = with_numbers(reading)
        if texts:
            # A value counted before was hashed before; only the new ones can be distinct.
            fresh = self.categories.add(texts)
            self.distinct.add_texts(fresh, sum(texts.values()))
        if self.spec.hashed:
            return
        if not self.spec.categorical:
            self.distinct.add_numbers(reading)
        if len(numbers := reading.all_numbers):
            self.moments.add(numbers, reading.low, reading.high)
            self.quantiles.add(numbers, reading.low, reading.high)

    def merge(self, other: FeatureState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        for part in _PARTS:
            getattr(self, part).merge(getattr(other, part))

    def to_bytes(self) -> bytes:
        """Write the state."""
        return pack(*(getattr(self, part).to_bytes() for part in _PARTS))


def with_numbers(reading: Reading) -> dict[str, int]:
    """Give the texts of a reading and its numbers as texts: 1, 1.0 and "1" are one category."""
    texts = Counter(reading.texts)
    values, counts = np.unique(reading.numbers if reading.exact is None else reading.exact, return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        texts[written(value)] += count
    return dict(texts)
