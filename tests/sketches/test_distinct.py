# SPDX-License-Identifier: Apache-2.0
"""Distinct values are exact until the state is full, then within the stated error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import Block, Column, CorruptState, DistinctSpec, DistinctState, Kind


def state_of(column: Column, size: int = 512) -> DistinctState:
    state = DistinctSpec(size).empty()
    state.update(Block(len(column.values), {"value": column}))
    return state


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=3)), max_size=60))
def test_few_values_are_counted_exactly(values: list[bool | int | str]) -> None:
    column = Column(Kind.MIXED, np.fromiter(values, dtype=object, count=len(values)))
    texts = {str(value).lower() if isinstance(value, bool) else value for value in values if type(value) is not int}
    numbers = {float(value) for value in values if type(value) is int}
    state = state_of(column)
    assert state.estimate == len(texts) + len(numbers)
    assert state.bounds() == (state.estimate, state.estimate)
    assert state.n == len(values)


@pytest.mark.parametrize("true", [513, 5_000, 100_000])
@pytest.mark.parametrize("kind", ["integers", "floats", "multiples", "texts"])
def test_many_values_are_estimated_within_five_standard_errors(true: int, kind: str) -> None:
    """The values and the hash are fixed, so this cannot fail by chance."""
    column = {
        "integers": Column(Kind.INTEGER, np.arange(true)),
        "floats": Column(Kind.FLOAT, np.arange(true, dtype=float) - true // 2),
        "multiples": Column(Kind.INTEGER, np.arange(true) * 2**40),
        "texts": Column(Kind.STRING, np.arange(true, dtype=np.int32), None, tuple(f"id-{i}" for i in range(true))),
    }[kind]
    state = state_of(column)
    assert abs(state.estimate / true - 1) < 5 / np.sqrt(510)
    low, high = state.bounds()
    assert 512 <= low <= state.estimate <= high


def test_an_integer_is_one_value_whether_it_came_as_integer_or_float() -> None:
    state = state_of(Column(Kind.INTEGER, np.array([0, 1, -5])))
    state.update(Block(4, {"value": Column(Kind.FLOAT, np.array([0.0, -0.0, 1.0, -5.0]))}))
    assert state.estimate == 3


def test_large_integers_are_told_apart_beyond_float64() -> None:
    assert state_of(Column(Kind.INTEGER, 2**60 + np.arange(100))).estimate == 100


def test_fractions_are_not_counted() -> None:
    state = state_of(Column(Kind.FLOAT, np.array([0.5, 1.0, 1.0, 2.25])))
    assert (state.n, state.estimate) == (2, 1)


def test_hashes_out_of_order_are_refused() -> None:
    data = state_of(Column(Kind.INTEGER, np.arange(2))).to_bytes()
    with pytest.raises(CorruptState, match="expected ascending hashes"):
        DistinctSpec().from_bytes(data[:8] + data[16:] + data[8:16])
    with pytest.raises(ValueError, match="at least 16"):
        DistinctSpec(3)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.one_of(st.integers(-4, 4), st.sampled_from([0.5, -1.5, 3.0, "0.25", "-7"])), max_size=40),
    offset=st.sampled_from([0, 10**6, -(2**53), 2**62]),
)
def test_repeated_integers_are_counted_once_each(values: list[int | float | str], offset: int) -> None:
    shifted = [value if isinstance(value, str) else value + offset for value in values]
    numbers = {float(value) for value in shifted if not isinstance(value, str) and float(value).is_integer()}
    texts = {value for value in shifted if isinstance(value, str)}
    state = state_of(Column(Kind.MIXED, np.fromiter(shifted, dtype=object, count=len(values))))
    assert state.estimate == len(numbers) + len(texts)
