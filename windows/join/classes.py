# SPDX-License-Identifier: Apache-2.0
"""Class names as small numbers, a bounded number of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sketches.block import Column, Kind

NO_CLASS = -1
OTHER = 0
_MOST = 1_000
_FEW = 64


class ClassCodes:
    """Numbers for the class names a model was seen with; names beyond the bound share the number 0.

    Parameters
    ----------
    names : iterable of str
        Names by number, the first that of all beyond the bound.

    Examples
    --------
    >>> classes = ClassCodes()
    >>> column = Column(Kind.STRING, np.array([0, 1, 0]), np.array([True, True, False]), ("1", "0"))
    >>> classes.codes(column, 3).tolist(), classes.names
    ([1, 2, -1], ('', '1', '0'))
    """

    def __init__(self, names: Iterable[str] = ("",)) -> None:
        self._numbers = {name: number for number, name in enumerate(names)}

    @property
    def names(self) -> tuple[str, ...]:
        """Names by number."""
        return tuple(self._numbers)

    def code(self, name: str) -> int:
        """Number of a name, given now if there is room."""
        if name not in self._numbers and len(self._numbers) >= _MOST:
            return OTHER
        return self._numbers.setdefault(name, len(self._numbers))

    def reserve(self, name: str) -> int:
        """Number of a name that must have one, room or not."""
        return self._numbers.setdefault(name, len(self._numbers))

    def codes(self, column: Column | None, n: int) -> NDArray[np.int16]:
        """Numbers of a column's `n` values, `NO_CLASS` where there is none; numbers are of one class, `OTHER`."""
        if column is None or column.kind not in (Kind.STRING, Kind.FLOAT):
            return np.full(n, NO_CLASS, np.int16)
        codes = np.full(n, OTHER, np.int16) if column.kind == Kind.FLOAT else self._table(column)[column.values]
        if column.valid is not None:
            codes[~column.valid] = NO_CLASS
        return codes

    def column(self, codes: NDArray[np.int16]) -> Column:
        """The names that numbers stand for."""
        return Column(Kind.STRING, np.maximum(codes, 0).astype(np.int32), codes >= 0, self.names)

    def _table(self, column: Column) -> NDArray[np.int16]:
        names = column.categories
        table = np.full(max(len(names), 1), OTHER, np.int16)
        used: Iterable[int] = range(len(names))
        if len(names) > _FEW:
            # A dictionary may hold more names than its rows use; those must take no room.
            used = np.unique(column.values if column.valid is None else column.values[column.valid]).tolist()
        for at in used:
            table[at] = self.code(names[at])
        return table
