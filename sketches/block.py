# SPDX-License-Identifier: Apache-2.0
"""Blocks: rows of one model as named columns, the only input a state is updated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """The type of a column's values."""

    FLOAT = 0
    INTEGER = 1
    BOOLEAN = 2
    STRING = 3
    MIXED = 4
    VECTOR = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One value a row, with the rows that have none.

    Parameters
    ----------
    kind : Kind
        What `values` holds: FLOAT float64, INTEGER int64, BOOLEAN bool, STRING int32 codes into `categories`,
        MIXED objects (None, bool, int, float or str), VECTOR float32 of shape (n, d).
    values : ndarray, shape (n,) or, of vectors, (n, d)
        Undefined where `valid` is false.
    valid : ndarray of bool, shape (n,), optional
        False where the value is null or its key absent; None if every row has a value.
    categories : tuple of str
        The strings that STRING codes stand for.
    absent : ndarray of bool, shape (n,), optional
        True where the key itself was missing from the event, a subset of the invalid rows; None if no key was.
    """

    kind: Kind
    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    categories: tuple[str, ...] = ()
    absent: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[Any], /) -> Column:
        """Select rows by a boolean mask or by row numbers."""
        return Column(
            self.kind,
            self.values[rows],
            None if self.valid is None else self.valid[rows],
            self.categories,
            None if self.absent is None else self.absent[rows],
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Named columns of `n` rows; a name that is missing is a column absent from every row.

    Examples
    --------
    >>> block = Block(3, {"age": Column(Kind.INTEGER, np.array([39, 50, 38]))})
    >>> block.take(np.array([True, False, True])).columns["age"].values.tolist()
    [39, 38]
    """

    n: int
    columns: Mapping[str, Column] = field(default_factory=dict)

    def take(self, rows: NDArray[Any], /) -> Block:
        """Select rows by a boolean mask or by row numbers."""
        n = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        return Block(n, {name: column.take(rows) for name, column in self.columns.items()})
