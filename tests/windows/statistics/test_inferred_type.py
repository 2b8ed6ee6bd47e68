# SPDX-License-Identifier: Apache-2.0
"""Types by Deequ's rule, and what does not match them."""

from __future__ import annotations

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from sketches.counts import TypeCountsSpec, TypeCountsState
from windows.statistics.inferred_type import infer_type, mismatches


def types(*values) -> TypeCountsState:
    state = TypeCountsSpec("x").empty()
    column = Column(Kind.MIXED, np.array(values, dtype=object), np.array([value is not None for value in values], bool))
    state.update(Block(len(values), {"x": column}))
    return state


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2), "Integral"),
        (("1", "-2"), "Integral"),
        ((1, 2.5), "Fractional"),
        ((1.0, 2.0), "Fractional"),
        (("1.5", 2), "Fractional"),
        ((True, False), "Boolean"),
        (("true", "false"), "Boolean"),
        ((True, 1), "String"),
        (("a", 1), "String"),
        ((".5", "5."), "String"),
        ((None, float("nan")), "Unknown"),
        ((), "Unknown"),
    ],
)
def test_the_type_of_a_column_is_deequs(values, expected):
    assert infer_type(types(*values)) == expected


def test_a_column_declared_categorical_is_a_string():
    assert infer_type(types(1, 2), categorical=True) == "String"


@pytest.mark.parametrize(
    ("values", "expected", "wrong"),
    [
        ((1, 2.0, "3"), "Integral", 0),
        ((1, 2.5, "x", True), "Integral", 3),
        ((1, 2.5, "2.5", "7"), "Fractional", 0),
        ((1, "x", False), "Fractional", 2),
        (("a", "1", True), "String", 0),
        (("a", 1, 2.5), "String", 2),
        ((True, "false", 1), "Boolean", 1),
        ((1, "a", True), "Unknown", 0),
    ],
)
def test_values_of_another_type_are_counted(values, expected, wrong):
    assert mismatches(types(*values, None, float("nan")), expected) == wrong


def test_numbers_match_a_column_that_mixed_them_with_strings():
    assert mismatches(types("a", 1), "String", numbers_allowed=True) == 0
