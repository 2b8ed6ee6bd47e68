# SPDX-License-Identifier: Apache-2.0
"""Classification into many classes against labels: confusion counts and losses, which corrections can take back."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, text, unpack
from sketches.score_losses import BINS, MAX_LOSSES_BYTES, ScoreLosses
from sketches.state import require_same_spec
from sketches.texts import LONGEST, canonical

LABEL, PREDICTED, SCORES = "label", "prediction.label", "prediction.scores."
OTHER = "(other)"
"""Name of all classes beyond the cap, counted as one."""
ANOTHER = "(another)"
"""Prediction of a class beyond the cap where the label is another class beyond it."""
_MOST = 1_000
_COUNTS = "<q"
_CELL = np.dtype([("actual", "<u2"), ("predicted", "<u2"), ("rows", "<i8")])
_WHAT = "multiclass quality"

Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MulticlassQualitySpec:
    """Predictions of a classifier of many classes against labels.

    A block holds `label` and `prediction.label` (STRING) and `prediction.scores.<class>` (FLOAT, the probability of a
    declared class); rows without a label are not counted.

    Parameters
    ----------
    classes : tuple of str
        Declared classes: they always have room, and their scores are read.
    max_classes : int
        Classes counted apart, at least the declared ones. Of more, the first by name are kept; the others are one
        class, `(other)`.

    Examples
    --------
    >>> classes = ("cat", "dog", "eel")
    >>> label = Column(Kind.STRING, np.array([0, 1, 2], dtype=np.int32), categories=classes)
    >>> predicted = Column(Kind.STRING, np.array([0, 1, 1], dtype=np.int32), categories=classes)
    >>> block = Block(3, {"label": label, "prediction.label": predicted})
    >>> state = MulticlassQualitySpec().empty()
    >>> state.update(block)
    >>> state.cells
    {('cat', 'cat'): 1, ('dog', 'dog'): 1, ('eel', 'dog'): 1}
    >>> state.update(block, sign=-1)
    >>> state.cells
    {}
    """

    classes: tuple[str, ...] = ()
    max_classes: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.max_classes <= _MOST:
            msg = f"expected max_classes from 1 to {_MOST}, got {self.max_classes}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("multiclass", classes=self.classes, max_classes=self.max_classes, calibration=BINS)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        names = max(self.max_classes, len(self.classes)) + 2
        return 64 + names**2 * _CELL.itemsize + (names + 1) * (12 * LONGEST + 4) + MAX_LOSSES_BYTES

    def empty(self) -> MulticlassQualityState:
        """Make the identity of merge."""
        return MulticlassQualityState(self)

    def from_bytes(self, data: bytes, /) -> MulticlassQualityState:
        """Read a state; raises `CorruptState`."""
        head, written, cells, losses = unpack(data, 4, _WHAT)
        state = self.empty()
        (state.unpredicted,) = numbers(_COUNTS, head, _WHAT)
        state.bar, names = _names(written)
        if len(cells) % _CELL.itemsize:
            msg = f"cannot read {_WHAT}: expected cells of {_CELL.itemsize} bytes, got {len(cells)} bytes"
            raise CorruptState(msg)
        for actual, predicted, rows in np.frombuffer(cells, _CELL).tolist():
            if max(actual, predicted) >= len(names) or not rows:
                msg = f"cannot read {_WHAT}: expected rows of {len(names)} classes, got {(actual, predicted, rows)}"
                raise CorruptState(msg)
            state.cells[names[actual], names[predicted]] = rows
        state.losses = ScoreLosses.from_bytes(losses)
        return state

    def equivalent(self, a: MulticlassQualityState, b: MulticlassQualityState, /) -> bool:
        """Compare every count and sum; which class would be the first beyond the cap does not matter."""
        return (a.cells, a.unpredicted, a.losses.to_bytes()) == (b.cells, b.unpredicted, b.losses.to_bytes())


def _names(written: bytes) -> tuple[str | None, list[str]]:
    """Read the bar and the names that cells refer to."""
    try:
        bar, *names = json.loads(text(written, _WHAT))
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"cannot read {_WHAT}: expected a JSON array of classes, got {written[:40]!r}"
        raise CorruptState(msg) from error
    if not all(isinstance(name, str) for name in names) or not isinstance(bar, str | None):
        msg = f"cannot read {_WHAT}: expected names of classes, got {written[:40]!r}"
        raise CorruptState(msg)
    return bar, names


class MulticlassQualityState:
    """Counts of labelled rows, as signed sums.

    Attributes
    ----------
    cells : dict of (str, str) to int
        Rows by actual and predicted class, none of them 0.
    unpredicted : int
        Labelled rows without a predicted class.
    bar : str, optional
        First name beyond the cap, None while every class has room: undeclared classes from it on are `(other)`.
    losses : ScoreLosses
        Of the rows with a score in [0, 1] for every declared class; calibration is that of the class with the highest
        score, the first of equal ones.

    Notes
    -----
    **Error.** Counts and sums are exact. Which classes share `(other)` depends on the names that were seen, not on
    their order; how often two of them were taken for each other is known, so that accuracy is exact too. A label that
    is no declared class had the probability 0.
    """

    __slots__ = ("_declared", "bar", "cells", "losses", "spec", "unpredicted")

    def __init__(self, spec: MulticlassQualitySpec) -> None:
        self.spec = spec
        self.cells: dict[Cell, int] = {}
        self.unpredicted = 0
        self.bar: str | None = None
        self.losses = ScoreLosses()
        self._declared = {canonical(name): i for i, name in enumerate(spec.classes)}

    @property
    def n(self) -> int:
        """Labelled rows."""
        return self.unpredicted + sum(self.cells.values())

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class with rows and every declared one: declared first, then by name."""
        seen = {name for cell in self.cells for name in cell}
        return (*self._declared, *sorted(seen - self._declared.keys()))

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Rows by actual (first axis) and predicted class, in the order of `classes`."""
        classes = self.classes
        k, place = len(classes), {name: i for i, name in enumerate(classes)}
        at = [k * place[actual] + place[predicted] for actual, predicted in self.cells]
        counts = np.zeros(k * k, dtype=np.int64)
        counts[at] = list(self.cells.values())
        return counts.reshape(k, k)

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the labelled rows of a block."""
        if LABEL not in block.columns or not block.n:
            return
        label, predicted = block.columns[LABEL], block.columns.get(PREDICTED)
        labelled = _known(label, block.n)
        both = labelled & _known(predicted, block.n)
        self.unpredicted += sign * int(np.count_nonzero(labelled & ~both))
        if predicted is not None and both.any():
            width = len(predicted.categories)
            pairs = label.values[both].astype(np.int64) * width + predicted.values[both]
            found, rows = np.unique(pairs, return_counts=True)
            actual, guessed = ([canonical(name) for name in column.categories] for column in (label, predicted))
            for pair, count in zip(found.tolist(), rows.tolist(), strict=True):
                self._count((actual[pair // width], guessed[pair % width]), sign * count)
            self._cap()
        self._add_scores(block, labelled, sign)

    def add(self, actual: str, predicted: str, rows: int) -> None:
        """Add so many rows of one cell."""
        self._count((canonical(actual), canonical(predicted)), rows)
        self._cap()

    def beyond(self, name: str) -> bool:
        """Tell whether a class is one of those that are counted as `(other)`."""
        if name in {OTHER, ANOTHER}:
            return True
        return self.bar is not None and name >= self.bar and name not in self._declared

    def merge(self, other: MulticlassQualityState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.unpredicted += other.unpredicted
        for cell, rows in list(other.cells.items()):
            self._count(cell, rows)
        if other.bar is not None:
            self.bar = other.bar if self.bar is None else min(self.bar, other.bar)
            self._pool()
        self._cap()
        self.losses.merge(other.losses)

    def to_bytes(self) -> bytes:
        """Write the state."""
        names = sorted({name for cell in self.cells for name in cell})
        place = {name: i for i, name in enumerate(names)}
        cells = [(place[actual], place[predicted], rows) for (actual, predicted), rows in sorted(self.cells.items())]
        written = json.dumps([self.bar, *names], separators=(",", ":")).encode()
        head = struct.pack(_COUNTS, self.unpredicted)
        return pack(head, written, np.array(cells, dtype=_CELL).tobytes(), self.losses.to_bytes())

    def _count(self, cell: Cell, rows: int) -> None:
        cell = self._pooled(cell)
        rows += self.cells.get(cell, 0)
        if rows:
            self.cells[cell] = rows
        else:
            self.cells.pop(cell, None)

    def _pooled(self, cell: Cell) -> Cell:
        """Name the cell that rows are counted in: two classes beyond the cap differ, or are the same."""
        actual, predicted = cell
        if not self.beyond(predicted):
            return (OTHER, predicted) if self.beyond(actual) else cell
        if not self.beyond(actual):
            return actual, OTHER
        return OTHER, OTHER if actual == predicted else ANOTHER

    def _cap(self) -> None:
        """Lower the bar until the classes have room."""
        undeclared = {name for cell in self.cells for name in cell} - self._declared.keys() - {OTHER, ANOTHER}
        room = max(self.spec.max_classes - len(self._declared), 0)
        if len(undeclared) > room:
            self.bar = sorted(undeclared)[room]
            self._pool()

    def _pool(self) -> None:
        cells, self.cells = self.cells, {}
        for cell, rows in cells.items():
            self._count(cell, rows)

    def _add_scores(self, block: Block, labelled: NDArray[np.bool_], sign: int) -> None:
        names = [SCORES + name for name in self.spec.classes]
        if not names or not block.columns.keys() >= set(names):
            return
        scores = np.stack([_probabilities(block.columns[name]) for name in names], axis=1)
        rows = np.flatnonzero(labelled & ~np.isnan(scores).any(axis=1))
        label, scores = block.columns[LABEL], scores[rows]
        place = np.array([self._declared.get(canonical(name), -1) for name in label.categories], dtype=np.int64)
        actual = place[label.values[rows]]
        came = actual[:, None] == np.arange(len(names))
        truth = np.where(came, scores, 0.0).sum(axis=1)
        top = scores.argmax(axis=1)
        self.losses.add(truth, ((scores - came) ** 2).sum(axis=1), scores.max(axis=1), top == actual, sign)


def _known(column: Column | None, n: int) -> NDArray[np.bool_]:
    """Tell which rows have a class; the empty name is none."""
    if column is None or column.kind != Kind.STRING:
        return np.zeros(n, dtype=bool)
    known = np.ones(n, dtype=bool) if column.valid is None else column.valid.copy()
    nameless = [code for code, name in enumerate(column.categories) if not name]
    return known & ~np.isin(column.values, nameless) if nameless else known


def _probabilities(column: Column) -> NDArray[np.float64]:
    """Give the scores, NaN where there is no probability."""
    if column.kind not in (Kind.FLOAT, Kind.INTEGER):
        return np.full(len(column.values), np.nan)
    scores = np.asarray(column.values, dtype=np.float64)
    possible = (scores >= 0.0) & (scores <= 1.0)
    return np.where(possible if column.valid is None else possible & column.valid, scores, np.nan)
