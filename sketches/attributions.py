# SPDX-License-Identifier: Apache-2.0
"""Attributions: how strongly each feature pushed the predictions, and how its own attributions are distributed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.groups import groups_of
from sketches.packing import numbers, pack, text, unpack
from sketches.quantiles import QuantilesSpec
from sketches.state import require_same_spec

PREFIX = "attributions."
LONGEST_NAME = 256
_COUNTS = "<qq"
# Sums of 2**63 such numbers are finite.
_LARGEST = 1e280


@dataclass(frozen=True, slots=True)
class AttributionsSpec:
    """What is kept of the columns `attributions.<feature>`, or `attributions.<class>.<feature>` of several classes.

    Parameters
    ----------
    attributes : tuple of (str, tuple of str)
        Attributes with the encoded features that make them up: the attribution of an attribute is the sum of its
        features' in each row, and takes their place. A feature that ends in `*` stands for all that begin so.
    classes : tuple of str
        Classes whose attributions are told apart; without them a name is a feature, whatever dots it has.
    k : int
        Level size of the quantile sketches.
    groups : int
        Parts of the rows, by the hash of the inference id, that sums are kept of: what a jackknife leaves out in turn.
    max_columns : int
        Attributes kept, the first by name.

    Examples
    --------
    >>> one = Column(Kind.FLOAT, np.array([0.5, -0.25])), Column(Kind.FLOAT, np.array([-0.5, 0.0]))
    >>> block = Block(2, {"attributions.A11": one[0], "attributions.A14": one[1]})
    >>> state = AttributionsSpec().empty()
    >>> state.update(block)
    >>> {name: column.importance for name, column in state.columns.items()}
    {'A11': 0.375, 'A14': 0.25}
    >>> state = AttributionsSpec((("checking_status", ("A1*",)),)).empty()
    >>> state.update(block)
    >>> {name: column.importance for name, column in state.columns.items()}
    {'checking_status': 0.125}
    """

    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    classes: tuple[str, ...] = ()
    k: int = 512
    groups: int = 32
    max_columns: int = 200

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "attributions",
            attributes=self.attributes,
            classes=self.classes,
            k=self.k,
            groups=self.groups,
            max_columns=self.max_columns,
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        column = 4 * LONGEST_NAME + 3 * 8 * self.groups + QuantilesSpec(self.k).max_bytes
        return 8 + struct.calcsize(_COUNTS) + self.max_columns * (16 + column)

    def empty(self) -> AttributionsState:
        """Make the identity of merge."""
        return AttributionsState(self)

    def from_bytes(self, data: bytes, /) -> AttributionsState:
        """Read a state; raises `CorruptState`."""
        state = self.empty()
        head, columns = unpack(data, 2, "attributions")
        state.n, state.overflow = numbers(_COUNTS, head, "attributions")
        for record in unpack(columns, None, "attributions"):
            name, sums, sketch = unpack(record, 3, "attributions of one feature")
            state.columns[text(name, "feature name")] = AttributionSums.read(self, sums, sketch)
        return state

    def equivalent(self, a: AttributionsState, b: AttributionsState, /) -> bool:
        """Compare rows and names exactly, sums within rounding, quantiles as sketches."""
        if (a.n, a.overflow, a.columns.keys()) != (b.n, b.overflow, b.columns.keys()):
            return False
        return all(column.equivalent(b.columns[name]) for name, column in a.columns.items())

    def class_of(self, name: str) -> tuple[str | None, str]:
        """Part a column's name, without its prefix, into class and feature.

        Examples
        --------
        >>> AttributionsSpec(classes=("setosa",)).class_of("setosa.petal.width"), AttributionsSpec().class_of("a.b")
        (('setosa', 'petal.width'), (None, 'a.b'))
        """
        first, dot, rest = name.partition(".")
        return (first, rest) if dot and first in self.classes else (None, name)

    def attribute_of(self, name: str) -> str:
        """Name the attribute that a column is part of, its class before it; the column's own name if it is of none."""
        label, feature = self.class_of(name)
        attribute = _attribute(self.attributes, feature)
        return attribute if label is None else f"{label}.{attribute}"

    def by_attribute(self, block: Block) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Sum the attributions of each attribute, row by row; a row that has none of them is NaN."""
        members: dict[str, list[Column]] = {}
        for name, column in block.columns.items():
            if name.startswith(PREFIX) and column.kind in (Kind.FLOAT, Kind.INTEGER):
                members.setdefault(self.attribute_of(name.removeprefix(PREFIX)), []).append(column)
        for name, columns in members.items():
            if len(columns) == 1:
                yield name, _floats(columns[0])
                continue
            rows = np.array([_floats(column) for column in columns])
            missing = np.isnan(rows)
            with np.errstate(over="ignore", invalid="ignore"):
                total = np.where(missing, 0.0, rows).sum(axis=0)
            total[missing.all(axis=0)] = np.nan
            yield name, total


class AttributionSums:
    """Sums and quantiles of one attribute's attributions.

    Attributes
    ----------
    rows : ndarray of int64, shape (groups,)
        Rows that have an attribution.
    absolute, signed : ndarray of float64, shape (groups,)
        Sums of its size and of itself.
    quantiles : QuantilesState
        Of the attributions themselves.
    """

    __slots__ = ("absolute", "quantiles", "rows", "signed")

    def __init__(self, spec: AttributionsSpec) -> None:
        self.rows = np.zeros(spec.groups, np.int64)
        self.absolute = np.zeros(spec.groups)
        self.signed = np.zeros(spec.groups)
        self.quantiles = QuantilesSpec(spec.k).empty()

    @classmethod
    def read(cls, spec: AttributionsSpec, sums: bytes, sketch: bytes) -> AttributionSums:
        """Read what `write` wrote; raises `CorruptState`."""
        state = cls(spec)
        rows = numbers(f"<{spec.groups}q{2 * spec.groups}d", sums, "sums of attributions")
        state.rows = np.array(rows[: spec.groups], np.int64)
        state.absolute, state.signed = np.array(rows[spec.groups :]).reshape(2, -1)
        state.quantiles = state.quantiles.spec.from_bytes(sketch)
        if not (np.isfinite(state.absolute).all() and np.isfinite(state.signed).all()) or (state.rows < 0).any():
            msg = "cannot read sums of attributions: expected finite sums of counted rows"
            raise CorruptState(msg)
        return state

    @property
    def n(self) -> int:
        """Rows that have an attribution."""
        return int(self.rows.sum())

    @property
    def importance(self) -> float:
        """Mean size of the attributions."""
        return float(self.absolute.sum()) / self.n

    @property
    def mean(self) -> float:
        """Mean of the attributions, which may cancel out."""
        return float(self.signed.sum()) / self.n

    def add(self, values: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
        """Add finite attributions of rows in these groups."""
        parts = len(self.rows)
        self.rows += np.bincount(groups, minlength=parts)
        self.absolute += np.bincount(groups, np.abs(values), parts)
        self.signed += np.bincount(groups, values, parts)
        self.quantiles.add(values)

    def merge(self, other: AttributionSums) -> None:
        """Add another state's rows."""
        self.rows = self.rows + other.rows
        self.absolute = self.absolute + other.absolute
        self.signed = self.signed + other.signed
        self.quantiles.merge(other.quantiles)

    def write(self, name: str) -> bytes:
        """Write the state under its name."""
        sums = self.rows.astype("<i8").tobytes() + np.concatenate((self.absolute, self.signed)).astype("<f8").tobytes()
        return pack(name.encode(), sums, self.quantiles.to_bytes())

    def equivalent(self, other: AttributionSums) -> bool:
        """Compare rows exactly, sums within rounding, quantiles as sketches."""
        rounding = 1e-12 * np.maximum(self.absolute, other.absolute)
        return (
            np.array_equal(self.rows, other.rows)
            and bool((np.abs(self.absolute - other.absolute) <= rounding).all())
            and bool((np.abs(self.signed - other.signed) <= rounding).all())
            and self.quantiles.spec.equivalent(self.quantiles, other.quantiles)
        )


class AttributionsState:
    """Attributions of the rows of a window or data set.

    Attributes
    ----------
    n : int
        Rows seen.
    columns : dict of str to AttributionSums
        By attribute, `<class>.<attribute>` where classes are told apart.
    overflow : int
        Attributions of attributes that found no room, summed over these attributes.

    Notes
    -----
    **Error.** Importances and means are exact; a missing attribution counts in no mean. Numbers alone count, finite and
    at most 1e280 in size.
    """

    __slots__ = ("columns", "n", "overflow", "spec")

    def __init__(self, spec: AttributionsSpec) -> None:
        self.spec = spec
        self.n = 0
        self.columns: dict[str, AttributionSums] = {}
        self.overflow = 0

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        self.n += block.n
        if not block.n:
            return
        groups = groups_of(block, self.spec.groups)
        for name, values in self.spec.by_attribute(block):
            counted = np.abs(values) <= _LARGEST
            if counted.all():
                self._add(name, values, groups)
            elif counted.any():
                self._add(name, values[counted], groups[counted])

    def merge(self, other: AttributionsState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self.overflow += other.overflow
        for name, theirs in list(other.columns.items()):
            if not self._has_room(name):
                self.overflow += theirs.n
                continue
            self.columns.setdefault(name, AttributionSums(self.spec)).merge(theirs)

    def to_bytes(self) -> bytes:
        """Write the state."""
        head = struct.pack(_COUNTS, self.n, self.overflow)
        return pack(head, pack(*(self.columns[name].write(name) for name in sorted(self.columns))))

    def _add(self, name: str, values: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
        if not self._has_room(name):
            self.overflow += len(values)
            return
        self.columns.setdefault(name, AttributionSums(self.spec)).add(values, groups)

    def _has_room(self, name: str) -> bool:
        """Make room for a new attribute if it comes before another by name."""
        if name in self.columns:
            return True
        if len(name) > LONGEST_NAME:
            return False
        if len(self.columns) < self.spec.max_columns:
            return True
        last = max(self.columns, default="")
        if name >= last:
            return False
        self.overflow += self.columns.pop(last).n
        return True


@lru_cache(maxsize=4_096)
def _attribute(attributes: tuple[tuple[str, tuple[str, ...]], ...], feature: str) -> str:
    """Find the attribute of a feature: by its whole name, else by how it begins, else it is its own."""
    named = (owner for owner, features in attributes if feature in features)
    begun = (owner for owner, features in attributes for f in features if f[-1:] == "*" and feature.startswith(f[:-1]))
    return next(named, None) or next(begun, feature)


def _floats(column: Column) -> NDArray[np.float64]:
    """Give the numbers of a column, NaN where it has none."""
    values = column.values.astype(np.float64)
    return values if column.valid is None else np.where(column.valid, values, np.nan)
