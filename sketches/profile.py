# SPDX-License-Identifier: Apache-2.0
"""A profile: the states of all features of one model in one window, with a cap on how many."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sketches.block import Block, Column
from sketches.features import FeatureSpec, FeatureState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, text, unpack
from sketches.state import require_same_spec
from sketches.texts import LONGEST, canonical, keyed

LONGEST_NAME = 256
MAX_REFUSED = 20
_COUNTS = "<qq"


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """What is kept of a model's columns.

    Parameters
    ----------
    declared : tuple of str
        Columns that always have room, those of the baseline first of all.
    categorical, hashed, dropped : tuple of str
        Columns whose numbers are categories, whose values are kept as keyed hashes, which are not looked at.
    hash_key : str
        The secret of the hashes.
    k : int
        Level size of the quantile sketches.
    max_features : int
        Undeclared columns profiled: the first by name, so that any order of blocks and merges keeps the same ones, each
        with all its rows.
    max_categories : int
        Values counted exactly in one feature.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Kind
    >>> state = ProfileSpec(declared=("age",), max_features=1).empty()
    >>> one = Column(Kind.INTEGER, np.array([1, 2]))
    >>> state.update(Block(2, {"z": one, "b": one, "age": one}))
    >>> sorted(state.features), state.overflow, sorted(state.refused)
    (['age', 'b'], 2, ['z'])
    """

    declared: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    hash_key: str = field(default="", repr=False)
    k: int = 512
    max_features: int = 200
    max_categories: int = 1000

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "profile",
            declared=sorted(set(self.declared)),
            categorical=sorted(set(self.categorical)),
            hashed=sorted(set(self.hashed)),
            dropped=sorted(set(self.dropped)),
            secret=keyed("", self.hash_key.encode()),
            k=self.k,
            max_features=self.max_features,
            max_categories=self.max_categories,
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        name = 8 + 4 * max([LONGEST_NAME, *map(len, self.declared)])
        feature = self.feature_spec("").max_bytes + name
        return 64 + MAX_REFUSED * (4 + 4 * LONGEST) + (self.max_features + len(self.declared)) * feature

    def feature_spec(self, name: str) -> FeatureSpec:
        """Give the parameters of one feature."""
        hashed = name in self.hashed
        key = self.hash_key if hashed else ""
        return FeatureSpec(name, name in self.categorical, hashed, key, self.k, self.max_categories)

    def empty(self) -> ProfileState:
        """Make the identity of merge."""
        return ProfileState(self)

    def from_bytes(self, data: bytes, /) -> ProfileState:
        """Read a state; raises `CorruptState`."""
        head, refused, features = unpack(data, 3, "profile")
        state = self.empty()
        state.n, state.overflow = numbers(_COUNTS, head, "profile")
        state.refused = {text(name, "refused names") for name in unpack(refused, None, "refused names")}
        for record in unpack(features, None, "features"):
            name_bytes, payload = unpack(record, 2, "feature")
            name = text(name_bytes, "feature name")
            state.features[name] = self.feature_spec(name).from_bytes(payload)
        return state

    def equivalent(self, a: ProfileState, b: ProfileState, /) -> bool:
        """Compare counts and names exactly, features part by part."""
        if (a.n, a.overflow, a.refused, a.features.keys()) != (b.n, b.overflow, b.refused, b.features.keys()):
            return False
        return all(feature.spec.equivalent(feature, b.features[name]) for name, feature in a.features.items())


class ProfileState:
    """The states of a model's features.

    Attributes
    ----------
    n : int
        Rows seen; `n - features[name].rows` of them lack the key `name`.
    features : dict of str to FeatureState
        By name.
    overflow : int
        Rows of columns that were refused, summed over these columns.
    refused : set of str
        The first 20 of their names.
    """

    __slots__ = ("features", "n", "overflow", "refused", "spec")

    def __init__(self, spec: ProfileSpec) -> None:
        self.spec = spec
        self.n = 0
        self.features: dict[str, FeatureState] = {}
        self.overflow = 0
        self.refused: set[str] = set()

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        self.n += block.n
        for name, column in block.columns.items():
            if name in self.spec.dropped:
                continue
            if (feature := self.features.get(name)) is None:
                rows = _rows(column)
                if not rows:
                    continue
                if not self._has_room(name):
                    self._refuse(name, rows)
                    continue
                feature = self.features[name] = self.spec.feature_spec(name).empty()
            feature.add(column)

    def merge(self, other: ProfileState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self.overflow += other.overflow
        for name in list(other.refused):
            self._note(name)
        for name, theirs in list(other.features.items()):
            if name not in self.features:
                if not self._has_room(name):
                    self._refuse(name, theirs.rows)
                    continue
                self.features[name] = theirs.spec.empty()
            self.features[name].merge(theirs)

    def to_bytes(self) -> bytes:
        """Write the state."""
        features = [pack(name.encode(), self.features[name].to_bytes()) for name in sorted(self.features)]
        refused = [name.encode() for name in sorted(self.refused)]
        return pack(struct.pack(_COUNTS, self.n, self.overflow), pack(*refused), pack(*features))

    def _has_room(self, name: str) -> bool:
        """Make room for a new feature if it comes before another by name."""
        if name in self.spec.declared:
            return True
        if len(name) > LONGEST_NAME:
            return False
        undeclared = self.features.keys() - set(self.spec.declared)
        if len(undeclared) < self.spec.max_features:
            return True
        last = max(undeclared, default="")
        if name >= last:
            return False
        self._refuse(last, self.features.pop(last).rows)
        return True

    def _refuse(self, name: str, rows: int) -> None:
        self.overflow += rows
        self._note(name)

    def _note(self, name: str) -> None:
        self.refused = set(sorted({*self.refused, canonical(name)})[:MAX_REFUSED])


def _rows(column: Column) -> int:
    """Count the rows that have the key."""
    absent = 0 if column.absent is None else int(column.absent.sum())
    return len(column.values) - absent
