# SPDX-License-Identifier: Apache-2.0
"""Columns as plain values, for the few rows that a state keeps whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sketches.block import Column, Kind

ABSENT: list[Any] = []
"""Stands for a key that was missing from a row."""


def present_cells(column: Column) -> Iterator[tuple[int, Any]]:
    """Give positions and values of the rows that have the key, None for a null.

    Examples
    --------
    >>> column = Column(Kind.STRING, np.array([1, 0]), np.array([True, False]), ("a", "b"))
    >>> list(present_cells(column))
    [(0, 'b'), (1, None)]
    """
    for at, value in enumerate(column.values.tolist()):
        if column.valid is None or column.valid[at]:
            yield at, column.categories[value] if column.kind == Kind.STRING else value
        elif column.absent is None or not column.absent[at]:
            yield at, None


def column_of(cells: Sequence[Any]) -> Column:
    """Make a column of the plainest kind that holds the cells.

    Examples
    --------
    >>> column_of([1, None, 2.5]).kind.name, column_of(["b", ABSENT]).categories
    ('FLOAT', ('b',))
    """
    valid = np.array([cell is not None and cell is not ABSENT for cell in cells], dtype=bool)
    absent = np.array([cell is ABSENT for cell in cells], dtype=bool)
    types = {type(cell) for cell, there in zip(cells, valid.tolist(), strict=True) if there}
    masks = (None if valid.all() else valid, absent if absent.any() else None)
    if types == {str}:
        names = tuple(sorted({cell for cell in cells if isinstance(cell, str)}))
        code = {name: at for at, name in enumerate(names)}
        codes = [code[cell] if there else 0 for cell, there in zip(cells, valid.tolist(), strict=True)]
        return Column(Kind.STRING, np.array(codes, dtype=np.int32), masks[0], names, masks[1])
    for kind, of, dtype in (
        (Kind.BOOLEAN, {bool}, np.bool_),
        (Kind.INTEGER, {int}, np.int64),
        (Kind.FLOAT, {int, float}, np.float64),
    ):
        if types and types <= of:
            numeric = [cell if there else 0 for cell, there in zip(cells, valid.tolist(), strict=True)]
            return Column(kind, np.array(numeric, dtype=dtype), masks[0], (), masks[1])
    values = np.empty(len(cells), dtype=object)
    values[:] = [None if cell is ABSENT else cell for cell in cells]
    return Column(Kind.MIXED, values, masks[0], (), masks[1])
