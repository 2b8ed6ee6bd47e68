# SPDX-License-Identifier: Apache-2.0
"""Counts by type against a plain loop over the values."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import TYPES, Block, Column, Kind, TypeCountsSpec, TypeCountsState
from tests.strategies import VALUES, columns

FRACTIONAL = re.compile(r"^(-|\+)? ?\d+((\.\d+)|((?:\.\d+)?[Ee][-+]?\d+))\Z", re.ASCII)
INTEGRAL = re.compile(r"^(-|\+)? ?\d+\Z", re.ASCII)


def type_of(value: Any) -> str:
    """Name the type of one value as formats and Deequ define it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        if FRACTIONAL.match(value):
            return "string_fractional"
        if INTEGRAL.match(value):
            return "string_integral"
        return "string_boolean" if value in {"true", "false"} else "string_other"
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "infinite"
    if isinstance(value, int):
        return "integral"
    return "integral_float" if number.is_integer() else "fractional"


def state_of(column: Column) -> TypeCountsState:
    state = TypeCountsSpec().empty()
    state.update(Block(len(column.values), {"value": column}))
    return state


def counts(state: TypeCountsState) -> dict[str, int]:
    return {name: getattr(state, name) for name in TYPES if getattr(state, name)}


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, max_size=30))
def test_mixed_values_are_counted_as_a_loop_counts_them(values: list[Any]) -> None:
    column = Column(Kind.MIXED, np.fromiter(values, dtype=object, count=len(values)))
    state = state_of(column)
    assert counts(state) == dict(Counter(map(type_of, values)))
    assert state.n == len(values)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_kind_of_column_is_counted_like_the_same_values_mixed(data: st.DataObject) -> None:
    column = data.draw(columns(8))
    valid = np.ones(8, dtype=bool) if column.valid is None else column.valid
    absent = np.zeros(8, dtype=bool) if column.absent is None else column.absent
    values = column.values.tolist()
    if column.kind == Kind.STRING:
        values = [column.categories[code] for code in values]
    present = [value if ok else None for value, ok, gone in zip(values, valid, absent, strict=True) if not gone]
    state = state_of(column)
    assert counts(state) == dict(Counter(map(type_of, present)))
    assert state.missing == state.null + state.nan + state.infinite


def test_negative_numbers_are_counted_also_those_strings_spell() -> None:
    column = Column(Kind.MIXED, np.array([-1, -0.5, "-3", "- 4", -0.0, 0, -math.inf, True, "-x", 2], dtype=object))
    assert state_of(column).negative == 4
    assert state_of(Column(Kind.FLOAT, np.array([-1.0, math.nan, -math.inf, -0.0]))).negative == 1


def test_a_column_of_none_is_complete_when_there_is_no_row() -> None:
    assert TypeCountsSpec().empty().completeness == 1.0
    assert state_of(Column(Kind.FLOAT, np.zeros(4), np.array([True, False, True, True]))).completeness == 0.75


def test_other_objects_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="got list"):
        state_of(Column(Kind.MIXED, np.fromiter([[1]], dtype=object, count=1)))
