# SPDX-License-Identifier: Apache-2.0
"""Moments against exact rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import MomentsSpec, MomentsState

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def state_of(*blocks: list[float]) -> MomentsState:
    """Merge one state a block."""
    merged = MomentsSpec().empty()
    for block in blocks:
        part = MomentsSpec().empty()
        part.add(np.array(block, dtype=float))
        merged.merge(part)
    return merged


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(FINITE, max_size=20), min_size=1, max_size=5))
def test_mean_and_deviation_of_any_finite_numbers_are_those_of_exact_arithmetic(blocks: list[list[float]]) -> None:
    values = [value for block in blocks for value in block]
    state = state_of(*blocks)
    assert state.n == len(values)
    if not values:
        assert math.isnan(state.mean)
        assert math.isnan(state.std)
        return
    assert (state.minimum, state.maximum) == (min(values), max(values))
    size = max(map(abs, values))
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    assert abs(Fraction(state.mean) - mean) <= Fraction(size) * Fraction(1, 10**14) + Fraction(1, 10**300)
    if size < 1e150:
        variance = float(sum((value - mean) ** 2 for value in exact) / len(exact))
        assert math.isclose(state.std, math.sqrt(variance), rel_tol=1e-9, abs_tol=1e-13 * size)
    else:
        assert state.std >= 0


def test_the_sum_does_not_lose_small_blocks_beside_a_large_one() -> None:
    state = state_of([2.0**53], *[[1.0]] * 1_000, [-(2.0**53)])
    assert state.sum == 1_000.0


def test_a_constant_column_deviates_by_nothing() -> None:
    state = state_of(*[[0.1] * 7] * 9)
    assert (state.mean, state.std, state.variance) == (0.1, 0.0, 0.0)


def test_a_large_offset_leaves_the_deviation() -> None:
    values = 1e9 + np.random.default_rng(0).normal(size=10_000)
    state = state_of(*(values[start : start + 777].tolist() for start in range(0, len(values), 777)))
    assert state.std == pytest.approx(float(np.std(values - 1e9)), rel=1e-9)


def test_numbers_whose_sum_overflows_keep_their_mean() -> None:
    state = state_of([1.7e308] * 1_000, [1.6e308] * 1_000)
    assert state.mean == pytest.approx(1.65e308, rel=1e-14)
    assert state.sum == math.inf
    assert state.std == math.inf
    assert state_of([1.7e308] * 10, [-1.7e308] * 10).mean == 0.0
