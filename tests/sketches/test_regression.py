# SPDX-License-Identifier: Apache-2.0
"""Regression quality against a plain loop over the rows, in exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from sketches import Block, Column, CorruptState, Kind, RegressionQualitySpec, RegressionQualityState
from sketches.packing import pack
from sketches.regression import LARGEST, SUMS
from tests.strategies import measured_blocks


def block(label: list[float], value: list[float]) -> Block:
    columns = {"label": Column(Kind.FLOAT, np.array(label)), "prediction.value": Column(Kind.FLOAT, np.array(value))}
    return Block(len(label), columns)


def state_of(*blocks: Block, center: float = 0.0) -> RegressionQualityState:
    state = RegressionQualitySpec(center).empty()
    for rows in blocks:
        state.update(rows)
    return state


def numbers_of(rows: Block, name: str) -> list[float]:
    """Give a column's numbers, NaN where there is none."""
    if name not in rows.columns:
        return [math.nan] * rows.n
    column = rows.columns[name]
    valid = [True] * rows.n if column.valid is None else column.valid.tolist()
    return [
        x if known and abs(x) <= LARGEST else math.nan for x, known in zip(column.values.tolist(), valid, strict=True)
    ]


@settings(max_examples=300, deadline=None)
@given(measured_blocks())
def test_counts_and_sums_are_those_of_a_loop(rows: Block) -> None:
    expected, unpredicted, predicted = dict.fromkeys(SUMS, Fraction()), 0, 0
    for label, value in zip(numbers_of(rows, "label"), numbers_of(rows, "prediction.value"), strict=True):
        if math.isnan(label):
            continue
        if math.isnan(value):
            unpredicted += 1
            continue
        predicted += 1
        e, y = label - value, label - 0.5
        e2, y2 = e * e, y * y
        terms = (abs(e), e2, e2 * e2, e2 * e2 * e2, y, y2, y2 * y, y2 * y2, e2 * y, e2 * y2)
        for name, term in zip(SUMS, terms, strict=True):
            expected[name] += Fraction(term)
    state = state_of(rows, center=0.5)
    assert (state.predicted, state.unpredicted, state.n) == (predicted, unpredicted, predicted + unpredicted)
    assert {name: state.sum(name) for name in SUMS} == expected


def test_a_mistyped_label_leaves_nothing_behind_once_it_is_corrected() -> None:
    corrected = state_of(block([1e45, 1.5], [1.0, 1.0]))
    corrected.update(block([1e45], [1.0]), sign=-1)
    corrected.update(block([2.0], [1.0]))
    assert corrected.to_bytes() == state_of(block([1.5, 2.0], [1.0, 1.0])).to_bytes()


def test_the_order_of_rows_and_merges_changes_no_byte() -> None:
    rng = np.random.default_rng(1)
    label, value = rng.normal(1e6, 1.0, 500), rng.standard_cauchy(500)
    whole = state_of(block(label.tolist(), value.tolist()))
    merged, order = RegressionQualitySpec().empty(), rng.permutation(500)
    for rows in np.array_split(order, 37):
        merged.merge(state_of(block(label[rows].tolist(), value[rows].tolist())))
    assert merged.to_bytes() == whole.to_bytes()


def test_a_row_beyond_the_largest_number_is_no_label_or_no_prediction() -> None:
    state = state_of(block([2e45, 1.0, math.inf], [1.0, -2e45, 1.0]))
    assert (state.predicted, state.unpredicted) == (0, 1)
    assert math.isfinite(float(state_of(block([1e45] * 9, [-1e45] * 9)).sum("e6")))


def test_integers_are_numbers_and_text_is_none() -> None:
    text = Column(Kind.STRING, np.zeros(2, np.int32), None, ("1",))
    whole = Column(Kind.INTEGER, np.array([1, 2]))
    assert state_of(Block(2, {"label": whole, "prediction.value": whole})).predicted == 2
    assert state_of(Block(2, {"label": text, "prediction.value": whole})).n == 0
    assert state_of(Block(2, {"label": whole, "prediction.value": text})).unpredicted == 2


def test_bytes_with_a_sum_missing_are_refused() -> None:
    with pytest.raises(CorruptState, match="expected 11 parts"):
        RegressionQualitySpec().from_bytes(pack(bytes(16)))
