# SPDX-License-Identifier: Apache-2.0
"""The type of a column by its values, and which values are of another type."""

from __future__ import annotations

from typing import Literal

from sketches.counts import TypeCountsState

InferredType = Literal["Integral", "Fractional", "String", "Boolean", "Unknown"]


def infer_type(types: TypeCountsState, *, categorical: bool = False) -> InferredType:
    """Infer a column's type as Deequ does.

    Parameters
    ----------
    types : TypeCountsState
        Rows by type.
    categorical : bool
        Whether the column was declared to hold categories: then it is String whatever its values spell.

    References
    ----------
    .. [1] awslabs/deequ, analyzers/DataType.scala, `determineType`.

    Examples
    --------
    >>> from sketches.counts import TypeCountsSpec
    >>> types = TypeCountsSpec("age").empty()
    >>> types.integral, types.string_integral = 3, 1
    >>> infer_type(types)
    'Integral'
    """
    numbers, booleans = _numbers(types), types.boolean + types.string_boolean
    if not types.n - types.missing:
        return "Unknown"
    if categorical or types.string_other or (booleans and numbers):
        return "String"
    if booleans:
        return "Boolean"
    return "Fractional" if types.fractional + types.integral_float + types.string_fractional else "Integral"


def mismatches(types: TypeCountsState, expected: str, *, numbers_allowed: bool = False) -> int:
    """Count the values that are not of the expected type.

    An integer-valued float is Integral, an Integral is Fractional, and strings count as what they spell.

    Parameters
    ----------
    types : TypeCountsState
        Rows by type; missing values match every type.
    expected : str
        Integral, Fractional, String, Boolean or Unknown.
    numbers_allowed : bool
        Whether numbers are Strings too: a column that mixed both when it was inferred.

    Examples
    --------
    >>> from sketches.counts import TypeCountsSpec
    >>> types = TypeCountsSpec("age").empty()
    >>> types.integral_float, types.fractional, types.string_other = 5, 2, 1
    >>> mismatches(types, "Integral"), mismatches(types, "Fractional"), mismatches(types, "String")
    (3, 1, 7)
    """
    integral = types.integral + types.integral_float + types.string_integral
    matching = {
        "Integral": integral,
        "Fractional": integral + types.fractional + types.string_fractional,
        "Boolean": types.boolean + types.string_boolean,
        "String": types.strings + types.boolean + (_numbers(types) - _spelled(types)) * numbers_allowed,
    }
    present = types.n - types.missing
    return present - matching.get(expected, present)


def _spelled(types: TypeCountsState) -> int:
    return types.string_integral + types.string_fractional


def _numbers(types: TypeCountsState) -> int:
    return types.integral + types.integral_float + types.fractional + _spelled(types)


def has_numbers(types: TypeCountsState) -> bool:
    """Whether some values are numbers and not just strings that spell one."""
    return _numbers(types) > _spelled(types)
