# SPDX-License-Identifier: Apache-2.0
"""Rows by the type of their value, from which completeness and the inferred type follow."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from sketches.block import Block
from sketches.fingerprint import fingerprint
from sketches.packing import numbers
from sketches.reading import Reading, read
from sketches.state import require_same_spec

TYPES = (
    "null",
    "nan",
    "infinite",
    "boolean",
    "integral",
    "integral_float",
    "fractional",
    "string_integral",
    "string_fractional",
    "string_boolean",
    "string_other",
)
_LAYOUT = f"<{len(TYPES) + 1}q"


@dataclass(frozen=True, slots=True)
class TypeCountsSpec:
    """Counts by type of the column named `column`.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> state = TypeCountsSpec("age").empty()
    >>> state.update(Block(3, {"age": Column(Kind.FLOAT, np.array([39.0, -0.5, np.nan]))}))
    >>> state.n, state.integral_float, state.fractional, state.nan, state.negative, state.completeness
    (3, 1, 1, 1, 1, 0.6666666666666666)
    """

    column: str = "value"

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("types", column=self.column)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return struct.calcsize(_LAYOUT)

    def empty(self) -> TypeCountsState:
        """Make the identity of merge."""
        return TypeCountsState(self)

    def from_bytes(self, data: bytes, /) -> TypeCountsState:
        """Read a state; raises `CorruptState`."""
        state = self.empty()
        *counts, state.negative = numbers(_LAYOUT, data, "type counts")
        for name, count in zip(TYPES, counts, strict=True):
            setattr(state, name, count)
        return state

    def equivalent(self, a: TypeCountsState, b: TypeCountsState, /) -> bool:
        """Compare every count."""
        return a.to_bytes() == b.to_bytes()


class TypeCountsState:
    """Rows that have the key, by type; each row is of one type.

    Attributes
    ----------
    null, nan, infinite : int
        The missing values.
    boolean, integral, integral_float, fractional : int
        `integral_float` is a finite float without a fraction.
    string_integral, string_fractional, string_boolean, string_other : int
        Strings by what they spell (Deequ's regular expressions).
    negative : int
        Finite numbers below zero, those that strings spell included.
    """

    __slots__ = ("negative", "spec", *TYPES)

    spec: TypeCountsSpec
    null: int
    nan: int
    infinite: int
    boolean: int
    integral: int
    integral_float: int
    fractional: int
    string_integral: int
    string_fractional: int
    string_boolean: int
    string_other: int
    negative: int

    def __init__(self, spec: TypeCountsSpec) -> None:
        self.spec = spec
        self.negative = 0
        for name in TYPES:
            setattr(self, name, 0)

    @property
    def n(self) -> int:
        """Rows that have the key."""
        return sum(getattr(self, name) for name in TYPES)

    @property
    def missing(self) -> int:
        """Rows without a usable value: null, NaN or infinite."""
        return self.null + self.nan + self.infinite

    @property
    def strings(self) -> int:
        """Rows whose value is a string."""
        return self.string_integral + self.string_fractional + self.string_boolean + self.string_other

    @property
    def completeness(self) -> float:
        """Share of rows that have a usable value; 1.0 if there is no row."""
        return (self.n - self.missing) / self.n if self.n else 1.0

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.column in block.columns:
            self.add(read(block.columns[self.spec.column]))

    def add(self, reading: Reading) -> None:
        """Add the rows of a reading."""
        for name, count in reading.types.items():
            setattr(self, name, getattr(self, name) + count)
        if reading.low < 0:
            self.negative += int(np.count_nonzero(reading.all_numbers < 0))

    def merge(self, other: TypeCountsState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        for name in (*TYPES, "negative"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_bytes(self) -> bytes:
        """Write the state."""
        return struct.pack(_LAYOUT, *(getattr(self, name) for name in TYPES), self.negative)
