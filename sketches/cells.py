# SPDX-License-Identifier: Apache-2.0
"""Columns as plain values, for the few rows that a state keeps whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Column, Kind

ABSENT: list[Any] = []
"""Stands for a key that was missing from a row; no value is a list."""

_NO_VALUES = {type(None), list}


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
    types = set(map(type, cells))
    masks: tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None] = (None, None)
    if types & _NO_VALUES:
        absent = np.array([isinstance(cell, list) for cell in cells], dtype=bool)
        valid = ~absent & np.array([cell is not None for cell in cells], dtype=bool)
        masks = (valid, absent if absent.any() else None)
        types -= _NO_VALUES
    if types == {str}:
        names = tuple(sorted({cell for cell in cells if isinstance(cell, str)}))
        code = {name: at for at, name in enumerate(names)}
        codes = [code[cell] if isinstance(cell, str) else 0 for cell in cells]
        return Column(Kind.STRING, np.array(codes, dtype=np.int32), masks[0], names, masks[1])
    for kind, of, dtype in (
        (Kind.BOOLEAN, {bool}, np.bool_),
        (Kind.INTEGER, {int}, np.int64),
        (Kind.FLOAT, {int, float}, np.float64),
    ):
        if types and types <= of:
            numeric = cells if masks[0] is None else [0 if type(cell) in _NO_VALUES else cell for cell in cells]
            return Column(kind, np.array(numeric, dtype=dtype), masks[0], (), masks[1])
    values = np.empty(len(cells), dtype=object)
    values[:] = [None if isinstance(cell, list) else cell for cell in cells]
    return Column(Kind.MIXED, values, masks[0], (), masks[1])
