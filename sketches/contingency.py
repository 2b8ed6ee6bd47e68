# SPDX-License-Identifier: Apache-2.0
"""Contingency counts: labels and predictions by the values of facets, which corrections can take back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import pack, text, unpack
from sketches.state import require_same_spec
from sketches.texts import LONGEST, POOLED, canonical

LABEL, PREDICTED, VALUE = "label", "prediction.label", "prediction.value"
_CELLS = 6
_WHAT = "contingency counts"


@dataclass(frozen=True, slots=True)
class ContingencySpec:
    """Labelled rows by facet value, group value, actual and predicted outcome.

    A block holds the facets and the group variable as STRING columns; `label` and `prediction.label` (STRING), or for
    a regression `label` and `prediction.value` (FLOAT). Rows without a label are not counted, rows without a facet's
    value not for that facet; rows without a group's value are the group "". Values that come as `POOLED` are counted
    with those beyond the cap.

    Parameters
    ----------
    facets : tuple of str
        Columns whose values part the rows.
    group : str, optional
        Column whose values condition what is counted.
    positive_labels : tuple of str
        The favourable classes; every other class is negative.
    label_above : float, optional
        Of a regression: values above it are positive.
    max_values : int
        Values counted of one column: the first ones by name, the rows of all others together.
    declared : tuple of str
        Facet values that are always counted, beside those.

    Examples
    --------
    >>> def words(*values):
    ...     categories, codes = np.unique(values, return_inverse=True)
    ...     return Column(Kind.STRING, codes.astype(np.int32), categories=tuple(categories.tolist()))
    >>> block = Block(3, {"sex": words("f", "m", "f"), "label": words("1", "1", "0")})
    >>> state = ContingencySpec(("sex",)).empty()
    >>> state.update(block)
    >>> women, others = state.table("sex").sides("f").sum(axis=1).tolist()
    >>> women, others
    ([[0, 0, 1], [0, 0, 1]], [[0, 0, 0], [0, 0, 1]])
    >>> state.update(block, sign=-1)
    >>> state.table("sex").values
    ()
    """

    facets: tuple[str, ...]
    group: str | None = None
    positive_labels: tuple[str, ...] = ("1",)
    label_above: float | None = None
    max_values: int = 50
    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_values < 1:
            msg = f"expected max_values of at least 1, got {self.max_values}"
            raise ValueError(msg)
        if len(set(self.facets)) < len(self.facets):
            msg = f"expected each facet once, got {self.facets}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "contingency",
            facets=self.facets,
            group=self.group,
            positive_labels=sorted(self.positive_labels),
            label_above=self.label_above,
            max_values=self.max_values,
            declared=sorted(self.declared),
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        values, groups = self.max_values + len(self.declared), 1 if self.group is None else self.max_values
        names = (values + groups + 2) * (6 * LONGEST + 4) + 64
        counts = 8 * _CELLS * (values + 1) * (groups + 1)
        return 64 + len(self.facets) * (names + counts + counts // 1000 + 64)

    def empty(self) -> ContingencyState:
        """Make the identity of merge."""
        return ContingencyState(self)

    def from_bytes(self, data: bytes, /) -> ContingencyState:
        """Read a state; raises `CorruptState`."""
        head, *parts = unpack(data, 1 + len(self.facets), _WHAT)
        state = self.empty()
        try:
            document = json.loads(text(head, _WHAT))
            state.n = int(document["n"])
            described = list(document["tables"])
            for table, names, raw in zip(state.tables, described, parts, strict=True):
                table.read(names, raw)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, zlib.error) as error:
            msg = f"cannot read {_WHAT}: expected names and counts of {self.facets}, got {head[:60]!r}: {error}"
            raise CorruptState(msg) from error
        return state

    def equivalent(self, a: ContingencyState, b: ContingencyState, /) -> bool:
        """Compare every count."""
        return a.to_bytes() == b.to_bytes()


@dataclass(frozen=True, slots=True)
class Contingency:
    """The counts of one facet.

    Parameters
    ----------
    values : tuple of str
        Facet values that are counted, in order.
    counts : ndarray of int64, shape (1 + V, 1 + G, 2, 3)
        By facet value and group value, the first of each those beyond the cap together, by actual outcome
        (negative, positive) and predicted outcome (negative, positive, none).
    """

    values: tuple[str, ...]
    counts: NDArray[np.int64]

    def sides(self, *values: str) -> NDArray[np.int64]:
        """Give the rows that have one of some facet values, and all others.

        Returns
        -------
        ndarray of int64, shape (2, 1 + G, 2, 3)
            Of values that are counted.
        """
        total = self.counts.sum(axis=0)
        has = self.counts[[1 + i for i, value in enumerate(self.values) if value in values]].sum(axis=0)
        return np.stack((has, total - has))


class ContingencyState:
    """Counts of labelled rows, as signed sums.

    Attributes
    ----------
    n : int
        Labelled rows.
    tables : tuple
        One a facet.

    Notes
    -----
    **Cap.** Once more than `max_values` names of a column had rows, the first ones by name stay and every later name
    is counted together with all later ones from then on: any order of additions and merges gives the same counts, and
    a row taken back is taken from where it was added.
    """

    __slots__ = ("n", "spec", "tables")

    def __init__(self, spec: ContingencySpec) -> None:
        self.spec = spec
        self.n = 0
        self.tables = tuple(_Table(spec) for _ in spec.facets)

    @property
    def capped(self) -> tuple[str, ...]:
        """Name the columns that have more values than are counted."""
        facets = {name for name, table in zip(self.spec.facets, self.tables, strict=True) if table.pooled(0)}
        group = {self.spec.group for table in self.tables if table.pooled(1)}
        return tuple(sorted(str(name) for name in facets | group))

    def table(self, facet: str) -> Contingency:
        """Give the counts of one facet."""
        table = self.tables[self.spec.facets.index(facet)]
        return Contingency(tuple(table.names[0]), table.counts.reshape(*table.counts.shape[:2], 2, 3).copy())

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the labelled rows of a block."""
        labelled, actual = self._outcome(block.columns.get(LABEL), block.n)
        if not labelled.any():
            return
        above = self.spec.label_above is not None
        known, positive = self._outcome(block.columns.get(VALUE if above else PREDICTED), block.n)
        cells = 3 * actual + np.where(known, positive, 2)
        self.n += sign * int(np.count_nonzero(labelled))
        groups = _texts(None if self.spec.group is None else block.columns.get(self.spec.group), block.n)
        for name, table in zip(self.spec.facets, self.tables, strict=True):
            values = _texts(block.columns.get(name), block.n)
            rows = labelled & values.known
            if rows.any():
                table.add(values, groups, cells, rows, sign)

    def merge(self, other: ContingencyState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        for table, added in zip(self.tables, other.tables, strict=True):
            table.merge(added)

    def to_bytes(self) -> bytes:
        """Write the state."""
        described = [[*table.names, table.cuts] for table in self.tables]
        head = json.dumps({"n": self.n, "tables": described}, ensure_ascii=False, separators=(",", ":"))
        return pack(head.encode(), *(zlib.compress(table.counts.astype("<i8").tobytes(), 1) for table in self.tables))

    def _outcome(self, column: Column | None, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which rows have an outcome, and which a positive one."""
        nothing = np.zeros(n, dtype=bool)
        if column is None:
            return nothing, nothing
        known = ~nothing if column.valid is None else column.valid
        if self.spec.label_above is not None:
            if column.kind == Kind.STRING:
                return nothing, nothing
            numbers = np.asarray(column.values, dtype=np.float64)
            known = known & ~np.isnan(numbers)
            return known, known & (numbers > self.spec.label_above)
        if column.kind != Kind.STRING:
            return nothing, nothing
        positive = np.array([name in self.spec.positive_labels for name in column.categories] or [False])
        return known, known & positive[column.values]


@dataclass(frozen=True, slots=True)
class _Texts:
    """Which rows have a text, and which by its number in `names`."""

    known: NDArray[np.bool_]
    codes: NDArray[np.int64]
    names: list[str | None]


def _texts(column: Column | None, n: int) -> _Texts:
    """Number the texts of a column; rows without one are the last name, "". None is a value that came pooled."""
    if column is None or column.kind != Kind.STRING:
        return _Texts(np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64), [""])
    known = np.ones(n, dtype=bool) if column.valid is None else column.valid
    none = len(column.categories)
    codes = np.where(known, column.values, none)
    present = np.flatnonzero(np.bincount(codes, minlength=none + 1))
    number = np.zeros(none + 1, dtype=np.int64)
    number[present] = np.arange(len(present))
    names = [canonical(column.categories[code]) if code < none else "" for code in present.tolist()]
    return _Texts(known, number[codes], [None if name == POOLED else name for name in names])


class _Table:
    """Counts by facet value and group value; the first row and column are those of the names from the cuts on."""

    __slots__ = ("counts", "cuts", "names", "spec")

    def __init__(self, spec: ContingencySpec) -> None:
        self.spec = spec
        self.names: list[list[str]] = [[], []]
        self.cuts: list[str | None] = [None, None]
        self.counts = np.zeros((1, 1, _CELLS), dtype=np.int64)

    def add(self, values: _Texts, groups: _Texts, cells: NDArray[np.int64], rows: NDArray[np.bool_], sign: int) -> None:
        shape = len(values.names), len(groups.names), _CELLS
        at = (values.codes * shape[1] + groups.codes) * _CELLS + cells
        counts = np.bincount(at if rows.all() else at[rows], minlength=int(np.prod(shape))).reshape(shape)
        cancels = sign < 0 or bool((self.counts < 0).any())
        fresh = self._sum(values.names, groups.names, sign * counts)
        if fresh or cancels:
            self._trim()

    def pooled(self, axis: int) -> bool:
        """Whether a column has, or had, values beyond those that are counted apart."""
        return self.cuts[axis] is not None or bool(self.counts.take(0, axis).any())

    def merge(self, other: _Table) -> None:
        if (self.names, self.cuts) == (other.names, other.cuts) and min(self.counts.min(), other.counts.min()) >= 0:
            # As partitions of one window mostly do: no name comes or goes.
            self.counts += other.counts
            return
        self.cuts = [_earlier(mine, theirs) for mine, theirs in zip(self.cuts, other.cuts, strict=True)]
        self._sum([None, *other.names[0]], [None, *other.names[1]], other.counts)
        self._trim()

    def _trim(self) -> None:
        """Order the names, forget those without rows, and count those beyond the cap together."""
        declared = self.spec.declared, ()
        for axis in (0, 1):
            self._keep(axis, self._before_cut(axis, self.names[axis], declared[axis]))
        # Only now do rows that were pooled cancel, and names count that still have rows.
        for axis in (0, 1):
            rows = np.any(np.moveaxis(self.counts, axis, 0)[1:], axis=(1, 2)).tolist()
            names = sorted(name for name, any_row in zip(self.names[axis], rows, strict=True) if any_row)
            free = [name for name in names if name not in declared[axis]]
            if len(free) > self.spec.max_values:
                self.cuts[axis] = free[self.spec.max_values]
            self._keep(axis, self._before_cut(axis, names, declared[axis]))
        if not self.counts.any():
            self.cuts = [None, None]

    def read(self, described: Any, raw: bytes) -> None:
        """Read what `to_bytes` wrote; raises what damaged bytes raise."""
        values, groups, cuts = described
        shape = 1 + len(values), 1 + len(groups), _CELLS
        most = self.spec.max_values + len(self.spec.declared), self.spec.max_values
        names = [[str(name) for name in listed] for listed in (values, groups)]
        if any(len(listed) > limit or listed != sorted(set(listed)) for listed, limit in zip(names, most, strict=True)):
            msg = f"expected at most {most} names in order"
            raise ValueError(msg)
        wanted = 8 * int(np.prod(shape))
        counts = zlib.decompressobj().decompress(raw, wanted + 1)
        if len(counts) != wanted or len(cuts) != 2:
            msg = f"expected {wanted} bytes of counts and 2 cuts, got {len(counts)} and {len(cuts)}"
            raise ValueError(msg)
        self.names, self.cuts = names, [None if cut is None else str(cut) for cut in cuts]
        self.counts = np.frombuffer(counts, "<i8").astype(np.int64).reshape(shape)

    def _sum(self, values: Sequence[str | None], groups: Sequence[str | None], counts: NDArray[np.int64]) -> bool:
        """Add counts by name; tells whether a name is new."""
        shape = self.counts.shape
        at = np.ix_(*(self._places(axis, names) for axis, names in enumerate((values, groups))))
        np.add.at(self.counts, at, counts)
        return self.counts.shape != shape

    def _places(self, axis: int, names: Sequence[str | None]) -> list[int]:
        """Say where the rows of names are counted, making room for new ones; None is beyond the cap."""
        known = {name: 1 + i for i, name in enumerate(self.names[axis])}
        fresh = [name for name in dict.fromkeys(names) if name is not None and name not in known]
        if fresh:
            known |= {name: 1 + len(known) + i for i, name in enumerate(fresh)}
            self.names[axis] = [*self.names[axis], *fresh]
            room = [(0, 0)] * 3
            room[axis] = (0, len(fresh))
            self.counts = np.pad(self.counts, room)
        return [0 if name is None else known[name] for name in names]

    def _before_cut(self, axis: int, names: Sequence[str], declared: Collection[str]) -> list[str]:
        cut = self.cuts[axis]
        return [name for name in names if cut is None or name < cut or name in declared]

    def _keep(self, axis: int, names: list[str]) -> None:
        """Count these names in this order, and all others together."""
        if names == self.names[axis]:
            return
        counts = np.moveaxis(self.counts, axis, 0)
        kept = counts[[1 + self.names[axis].index(name) for name in names]]
        others = counts.sum(axis=0, keepdims=True) - kept.sum(axis=0, keepdims=True)
        self.names[axis] = names
        self.counts = np.ascontiguousarray(np.moveaxis(np.concatenate((others, kept)), 0, axis))


def _earlier(a: str | None, b: str | None) -> str | None:
    return min((cut for cut in (a, b) if cut is not None), default=None)
