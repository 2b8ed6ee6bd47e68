# SPDX-License-Identifier: Apache-2.0
"""Count the values of many columns by cell, with vector instructions over all columns at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.features import with_numbers
from sketches.reading import read
from sketches.texts import canonical

Edges = Sequence[tuple[str, Sequence[float]]]
Categories = Sequence[tuple[str, Sequence[str]]]

_LARGEST = float(np.finfo(np.float64).max)
# Eight truth values are added at once, each in a byte of its own, which counts to 255.
_BYTES = 8
_MOST = 128
_CHUNK = 4_096


class CellCounter:
    """Counts by cell, prepared once for the same edges and categories.

    Parameters
    ----------
    edges : sequence of (str, sequence of float)
        Numeric columns; cell i holds the numbers above edge i - 1 and up to edge i.
    categories : sequence of (str, sequence of str)
        Categorical columns and their values in canonical form.

    Examples
    --------
    >>> count = CellCounter([("age", (30.0, 40.0))], [("sex", ("f", "m"))])
    >>> count(Block(3, {"age": Column(Kind.FLOAT, np.array([30.0, np.nan, 55.0]))})).tolist()
    [1, 0, 1, 0, 1, 0, 0, 0, 3]
    """

    __slots__ = ("_cells", "_cuts", "_names", "_values")

    def __init__(self, edges: Edges, categories: Categories) -> None:
        most = max((len(cuts) for _, cuts in edges), default=0)
        self._names = [name for name, _ in edges]
        # Between these ends lie the finite numbers; missing edges are at the upper one, and their cells are empty.
        self._cuts = np.full((len(edges), most + 2), _LARGEST)
        self._cuts[:, 0] = -np.inf
        self._cells = np.ones((len(edges), most + 3), dtype=bool)
        for at, (_, cuts) in enumerate(edges):
            self._cuts[at, 1 : len(cuts) + 1] = cuts
            self._cells[at, len(cuts) + 1 : most + 1] = False
        self._values = [(name, {value: at for at, value in enumerate(values)}) for name, values in categories]

    def __call__(self, block: Block) -> NDArray[np.int64]:
        """Count the rows of a block.

        Returns
        -------
        ndarray of int64
            For each column its cells, then the values in no cell, then the rows without a usable value: together all
            rows.
        """
        counts = self._numbers(block) if self._names else np.zeros(0, dtype=np.int64)
        parts = [_by_value(block.columns.get(name), cell, block.n) for name, cell in self._values]
        return np.concatenate((counts, *(np.array(part, dtype=np.int64) for part in parts))) if parts else counts

    def _numbers(self, block: Block) -> NDArray[np.int64]:
        columns = [_numbers(block.columns.get(name)) for name in self._names]
        up_to = np.zeros(self._cuts.shape, dtype=np.int64)
        for start in range(0, max(len(values) for values, _ in columns), _CHUNK):
            up_to += _up_to([values[start : start + _CHUNK] for values, _ in columns], self._cuts)
        counts = np.empty(self._cells.shape, dtype=np.int64)
        counts[:, :-2] = np.diff(up_to, axis=1)
        counts[:, -2] = [other for _, other in columns]
        counts[:, -1] = block.n - counts[:, :-1].sum(axis=1)
        return counts[self._cells]


def _up_to(columns: Sequence[NDArray[np.float64]], cuts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the numbers of each column at or below each of its cuts."""
    longest = max(map(len, columns))
    # numpy goes along rows where they are long, else from cut to cut, at a quarter of the speed.
    width = _CHUNK if longest > _CHUNK // 4 else -(-longest // _BYTES) * _BYTES
    # What is no number is at or below no cut.
    values = np.full((len(columns), width), np.nan)
    for at, numbers in enumerate(columns):
        values[at, : len(numbers)] = numbers
    # Every value against every cut: faster than a binary search, whose branches are mispredicted.
    below = values[:, None, :] <= cuts[:, :, None]
    added = below.view(np.uint64).reshape(*cuts.shape, -1, min(_MOST, width // _BYTES)).sum(axis=3)
    counts: NDArray[np.int64] = added.view(np.uint8).sum(axis=2, dtype=np.int64)
    return counts


def _numbers(column: Column | None) -> tuple[NDArray[np.float64], int]:
    """Give the numbers of a column, not all of them finite, and count its other usable values."""
    if column is None or column.kind == Kind.VECTOR:
        return np.empty(0), 0
    if column.kind in (Kind.FLOAT, Kind.INTEGER):
        # A full reading would take longer than counting.
        return column.values if column.valid is None else column.values[column.valid], 0
    reading = read(column)
    return reading.all_numbers, sum(reading.texts.values()) - len(reading.parsed)


def _by_value(column: Column | None, cell: dict[str, int], n: int) -> list[int]:
    counts = [0] * (len(cell) + 1)
    if column is not None and column.kind != Kind.VECTOR:
        for name, count in with_numbers(read(column)).items():
            counts[cell.get(canonical(name), -1)] += count
    return [*counts, n - sum(counts)]
