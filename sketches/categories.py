# SPDX-License-Identifier: Apache-2.0
"""Categories: how often each value came, exact up to a cap, then the frequent ones (Misra-Gries)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nlargest

from sketches.block import Block
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, text, unpack
from sketches.reading import read
from sketches.state import require_same_spec
from sketches.texts import LONGEST, canonical, keyed

_TOTAL = "<q"


@dataclass(frozen=True, slots=True)
class CategoriesSpec:
    """Counts of the strings and booleans of the column named `column`.

    Parameters
    ----------
    max_categories : int
        Values counted; with more, every count may be short by up to n / (max_categories + 1).
    hashed : bool
        Keep keyed hashes instead of values.
    hash_key : str
        The secret of the hashes.
    column : str
        Which column of a block is read.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Column, Kind
    >>> state = CategoriesSpec(column="sex").empty()
    >>> state.update(Block(3, {"sex": Column(Kind.STRING, np.array([0, 1, 0], dtype=np.int32), categories=("f", "m"))}))
    >>> state.n, state.counts(), state.error, state.singletons()
    (3, {'f': 2, 'm': 1}, 0.0, 1)
    """

    max_categories: int = 1000
    hashed: bool = False
    hash_key: str = field(default="", repr=False)
    column: str = "value"

    def __post_init__(self) -> None:
        if self.max_categories < 1:
            msg = f"expected max_categories of at least 1, got {self.max_categories}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        secret = keyed("", self.hash_key.encode()) if self.hashed else ""
        return fingerprint("categories", max_categories=self.max_categories, secret=secret, column=self.column)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 64 + self.max_categories * (6 * LONGEST + 32)

    def empty(self) -> CategoriesState:
        """Make the identity of merge."""
        return CategoriesState(self)

    def from_bytes(self, data: bytes, /) -> CategoriesState:
        """Read a state; raises `CorruptState`."""
        head, body = unpack(data, 2, "categories")
        state = self.empty()
        (state.n,) = numbers(_TOTAL, head, "categories")
        try:
            counts = json.loads(text(body, "categories"))
        except (ValueError, RecursionError) as error:
            msg = f"cannot read categories: expected JSON, got {body[:40]!r}"
            raise CorruptState(msg) from error
        if not isinstance(counts, dict) or not all(type(count) is int and count > 0 for count in counts.values()):
            msg = f"cannot read categories: expected an object of positive counts, got {body[:40]!r}"
            raise CorruptState(msg)
        state.kept = counts
        return state

    def equivalent(self, a: CategoriesState, b: CategoriesState, /) -> bool:
        """Compare n and, as far as both are exact, every count; else counts within the errors."""
        if a.n != b.n:
            return False
        slack = (a.error + b.error) * a.n
        mine, theirs = a.counts(), b.counts()
        return all(abs(mine.get(name, 0) - theirs.get(name, 0)) <= slack for name in mine.keys() | theirs.keys())


class CategoriesState:
    """Values and their counts.

    Attributes
    ----------
    n : int
        Rows counted, those of values given up included.
    kept : dict of str to int
        The counts, in no order.

    Notes
    -----
    **Error.** A count is never too high and too low by at most `error` x n, which is 0 while no more than
    `max_categories` values came. The bound holds for any order of updates and merges.

    References
    ----------
    .. [1] Misra, Gries (1982), Science of Computer Programming 2.
    .. [2] Agarwal et al. (2012), Mergeable summaries, PODS, doi:10.1145/2213556.2213562, section 3.
    """

    __slots__ = ("kept", "n", "spec")

    def __init__(self, spec: CategoriesSpec) -> None:
        self.spec = spec
        self.n = 0
        self.kept: dict[str, int] = {}

    @property
    def counted(self) -> int:
        """Rows that `counts` accounts for."""
        return sum(self.kept.values())

    @property
    def error(self) -> float:
        """Share of n by which each count may be too low; 0.0 while exact."""
        return (self.n - self.counted) / (self.spec.max_categories + 1) / self.n if self.n else 0.0

    def counts(self) -> dict[str, int]:
        """Give the count of each value, the most frequent first, equal ones by name."""
        return dict(sorted(self.kept.items(), key=lambda item: (-item[1], item[0])))

    def singletons(self) -> int:
        """Count the values seen once (Good-Turing: their share is the chance that the next value is new)."""
        return sum(count == 1 for count in self.kept.values())

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.column in block.columns:
            self.add(read(block.columns[self.spec.column]).texts)

    def add(self, texts: Mapping[str, int]) -> list[str]:
        """Add so many rows of each text; returns the values that were not counted before."""
        known = self.kept
        fresh = []
        for raw, count in texts.items():
            name = self._name(raw)
            if name in known:
                known[name] += count
            else:
                known[name] = count
                fresh.append(name)
            self.n += count
        self._shrink()
        return fresh

    def merge(self, other: CategoriesState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        for name, count in list(other.kept.items()):
            self.kept[name] = self.kept.get(name, 0) + count
        self._shrink()

    def to_bytes(self) -> bytes:
        """Write the state."""
        body = json.dumps(self.counts(), ensure_ascii=False, separators=(",", ":"))
        return pack(struct.pack(_TOTAL, self.n), body.encode())

    def _name(self, raw: str) -> str:
        return keyed(raw, self.spec.hash_key.encode()) if self.spec.hashed else canonical(raw)

    def _shrink(self) -> None:
        cap = self.spec.max_categories
        if len(self.kept) > cap:
            cut = nlargest(cap + 1, self.kept.values())[-1]
            self.kept = {name: count - cut for name, count in self.kept.items() if count > cut}
