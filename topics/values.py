# SPDX-License-Identifier: Apache-2.0
"""Python values, one a row, as typed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topics.batches import BOOLEAN, FLOAT, INTEGER, MIXED, STRING, Values

SCALARS = frozenset({type(None), bool, int, float, str})
_NUMPY: dict[type, tuple[int, type]] = {
    float: (FLOAT, np.float64),
    int: (INTEGER, np.int64),
    bool: (BOOLEAN, np.bool_),
}
_INT64 = range(-(2**63), 2**63)


class _Absent:
    """Stands where a row has no such key."""


ABSENT = _Absent()
_NO_VALUE = frozenset({type(None), _Absent})


def canonical_class(value: str | float, /) -> str:
    """Write a class label in its one form: 1, 1.0, True and "1" are "1".

    Examples
    --------
    >>> [canonical_class(value) for value in (1, 1.0, True, "1", "true", 0.5)]
    ['1', '1', '1', '1', 'true', '0.5']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not value.is_integer():
        return repr(value)
    return str(int(value))


def values_of(values: Sequence[Any], /) -> Values:
    """Make a column of None, bool, int, float and str, or `ABSENT`, one a row.

    Integers outside 64 bits become floats. Values of more than one type make a MIXED column: an integer beside a
    float stays an integer, so that what a window counts does not depend on which rows arrived together.

    Examples
    --------
    >>> values_of([0.5, None]).valid.tolist(), values_of(["a", "b", "a"]).values.tolist()
    ([True, False], [0, 1, 0])
    """
    types = set(map(type, values))
    valid = absent = None
    if types & _NO_VALUE:
        valid = np.fromiter((type(value) not in _NO_VALUE for value in values), np.bool_, len(values))
        if _Absent in types:
            absent = np.fromiter((value is ABSENT for value in values), np.bool_, len(values))
        types -= _NO_VALUE
    kind = types.pop() if len(types) == 1 else None
    if not types and kind is None:
        return Values(FLOAT, np.full(len(values), np.nan), np.zeros(len(values), np.bool_), (), absent)
    if kind is None:
        return _mixed(values, valid, absent)
    if valid is not None:
        filler = kind()
        values = [value if ok else filler for value, ok in zip(values, valid.tolist(), strict=True)]
    if kind is str:
        return _strings(values, valid, absent)
    number, dtype = _NUMPY[kind]
    try:
        return Values(number, np.array(values, dtype), valid, (), absent)
    except OverflowError:
        return _mixed(values, valid, absent)


def _strings(values: Sequence[str], valid: NDArray[np.bool_] | None, absent: NDArray[np.bool_] | None) -> Values:
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    codes = np.fromiter(map(places.__getitem__, values), np.int32, len(values))
    return Values(STRING, codes, valid, tuple(places), absent)


def _mixed(values: Sequence[Any], valid: NDArray[np.bool_] | None, absent: NDArray[np.bool_] | None) -> Values:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        if type(value) is int and value not in _INT64:
            column[row] = as_float(value)
        elif value is not ABSENT:
            column[row] = value
    if {type(value) for value in column} == {float} and valid is None:
        return Values(FLOAT, column.astype(np.float64), None, (), absent)
    return Values(MIXED, column, valid, (), absent)


def as_float(value: float, /) -> float:
    """Make a float of a number, infinite where an integer is too large.

    Examples
    --------
    >>> as_float(10**400)
    inf
    """
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def columns_of(rows: Sequence[Mapping[str, Any]], /) -> dict[str, Values]:
    """Make columns of rows; a key that some row lacks is `absent` there.

    Examples
    --------
    >>> columns = columns_of([{"a": 1, "b": "x"}, {"a": 2}])
    >>> columns["a"].values.tolist(), columns["b"].absent.tolist()
    ([1, 2], [False, True])
    """
    names = tuple(rows[0])
    if all(tuple(row) == names for row in rows):
        columns = zip(*(row.values() for row in rows), strict=True)
        return {name: values_of(column) for name, column in zip(names, columns, strict=True)}
    every = dict.fromkeys(name for row in rows for name in row)
    return {name: values_of([row.get(name, ABSENT) for row in rows]) for name in every}
