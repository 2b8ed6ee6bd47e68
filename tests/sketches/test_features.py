# SPDX-License-Identifier: Apache-2.0
"""A feature's parts agree with each other and keep to its policy."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import Block, Column, FeatureSpec, FeatureState, Kind
from tests.strategies import columns


def state_of(column: Column, spec: FeatureSpec | None = None) -> FeatureState:
    state = (spec or FeatureSpec("value")).empty()
    state.update(Block(len(column.values), {"value": column}))
    return state


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans(), st.booleans())
def test_the_parts_count_the_same_rows(data: st.DataObject, categorical: bool, hashed: bool) -> None:
    column = data.draw(columns(9))
    state = state_of(column, FeatureSpec("value", categorical=categorical, hashed=hashed))
    types = state.types
    absent = 0 if column.absent is None else int(column.absent.sum())
    assert state.rows == state.n == 9 - absent
    plain = types.integral + types.integral_float + types.fractional
    assert state.categories.n == types.boolean + types.strings + (plain if categorical or hashed else 0)
    assert state.moments.n == state.quantiles.n == state.numbers
    if hashed:
        assert state.numbers == 0
    else:
        assert plain <= state.numbers <= plain + types.string_integral + types.string_fractional
    if state.numbers:
        ends = (state.quantiles.minimum, state.quantiles.maximum)
        assert ends == (state.moments.minimum, state.moments.maximum)


def test_numeric_strings_are_numbers_and_categories_too() -> None:
    state = state_of(Column(Kind.MIXED, np.array(["1.5", 2, "x", None, "1e999"], dtype=object)))
    assert (state.numbers, state.moments.sum) == (2, 3.5)
    assert state.categories.counts() == {"1.5": 1, "1e999": 1, "x": 1}
    assert state.types.string_fractional == 2


def test_numbers_of_a_categorical_feature_are_one_category_in_every_encoding() -> None:
    spec = FeatureSpec("value", categorical=True)
    state = state_of(Column(Kind.INTEGER, np.array([1, 2**60])), spec)
    for values in ([1.0, float(2**60)], ["1", 1], [1.5, -0.0]):
        state.update(Block(2, {"value": Column(Kind.MIXED, np.array(values, dtype=object))}))
    assert state.categories.counts() == {"1": 4, str(2**60): 2, "0": 1, "1.5": 1}
    assert state.distinct.estimate == 4


def test_a_hashed_feature_keeps_no_raw_value() -> None:
    spec = FeatureSpec("value", hashed=True, hash_key="secret")
    values = np.array(["Alice", 123456789, 2.718281828, True], dtype=object)
    state = state_of(Column(Kind.MIXED, values), spec)
    data = state.to_bytes()
    for raw in (b"Alice", b"123456789", b"2.718281828", b"true", np.float64(123456789).tobytes()):
        assert raw not in data
    assert len(state.categories.counts()) == 4
    assert math.isnan(state.moments.mean)


def test_a_block_without_the_column_adds_nothing() -> None:
    state = FeatureSpec("value").empty()
    before = state.to_bytes()
    state.update(Block(5, {"other": Column(Kind.FLOAT, np.arange(5.0))}))
    assert state.to_bytes() == before


def test_column_layout_does_not_matter() -> None:
    values = np.arange(40.0)
    masked = np.ma.getmaskarray(np.ma.masked_less(values, 8))
    strided = state_of(Column(Kind.FLOAT, np.repeat(values, 2)[::2], ~masked))
    narrow = state_of(Column(Kind.FLOAT, values.astype(np.float32), ~masked))
    reverse = state_of(Column(Kind.FLOAT, values[::-1], ~masked[::-1]))
    read_only = values.copy()
    read_only.setflags(write=False)
    frozen = state_of(Column(Kind.FLOAT, read_only, ~masked))
    for other in (narrow, reverse, frozen):
        assert strided.spec.equivalent(strided, other)
