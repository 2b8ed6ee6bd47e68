# SPDX-License-Identifier: Apache-2.0
"""Exact sums against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import CorruptState
from sketches.exact_sums import MAX_BITS, as_fraction, exact_sums, sum_from_bytes, sum_to_bytes

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 12).flatmap(lambda n: st.lists(st.lists(FINITE, min_size=n, max_size=n), min_size=1, max_size=3)))
def test_sums_of_any_finite_numbers_are_exact(rows: list[list[float]]) -> None:
    totals = exact_sums(np.array(rows, dtype=float).reshape(len(rows), -1))
    assert [as_fraction(total) for total in totals] == [sum(map(Fraction, row), Fraction()) for row in rows]
    for total in totals:
        if total.bit_length() <= MAX_BITS:
            assert sum_from_bytes(sum_to_bytes(total), "test") == total


def test_more_rows_than_are_summed_at_a_time_are_exact() -> None:
    values = np.random.default_rng(1).normal(size=(2, 50_001)) * 10.0 ** np.arange(-8, 9).repeat(2_942)[:50_001]
    assert [as_fraction(total) for total in exact_sums(values)] == [sum(map(Fraction, row)) for row in values.tolist()]


def test_the_sum_of_the_largest_numbers_is_no_float_and_stays_exact() -> None:
    (total,) = exact_sums(np.full((1, 1_000), np.finfo(float).max))
    assert as_fraction(total) == 1_000 * Fraction(np.finfo(float).max)


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\xff\xff\1", b"\0\0" + b"\1" * 300, b"\x60\x08\xff\xff\1"])
def test_bytes_that_are_no_float_sum_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptState, match="expected a sum of at most"):
        sum_from_bytes(data, "test")
