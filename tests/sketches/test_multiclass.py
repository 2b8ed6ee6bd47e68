# SPDX-License-Identifier: Apache-2.0
"""Confusion counts of many classes against a plain loop over the rows, with and without room for every class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind
from sketches.checks import check_state
from sketches.errors import CorruptState
from sketches.multiclass import ANOTHER, OTHER, MulticlassQualitySpec
from sketches.packing import pack, unpack
from tests.sketches.test_binary import rows_of
from tests.strategies import classified_blocks

SPECS = [
    MulticlassQualitySpec(),
    MulticlassQualitySpec(max_classes=2),
    MulticlassQualitySpec(("b", "d")),
    MulticlassQualitySpec(("d", "b"), max_classes=3),
    MulticlassQualitySpec(("e", "a", "b"), max_classes=1),
]


def block(actual: Sequence[str], predicted: Sequence[str]) -> Block:
    columns = {}
    for name, values in (("label", actual), ("prediction.label", predicted)):
        categories, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
        columns[name] = Column(Kind.STRING, codes.astype(np.int32), None, tuple(categories.tolist()))
    return Block(len(actual), columns)


def loop(spec: MulticlassQualitySpec, held: Sequence[Block]) -> tuple[Counter[tuple[str, str]], int]:
    """Count the rows one by one, once the names that have room are known."""
    rows = [
        pair for one in held for pair in zip(*(rows_of(one, n) for n in ("label", "prediction.label")), strict=True)
    ]
    rows = [(actual or None, predicted or None) for actual, predicted in rows]
    both = [(a, p) for a, p in rows if a is not None and p is not None]
    undeclared = sorted({name for pair in both for name in pair} - set(spec.classes))
    room = max(spec.max_classes - len(spec.classes), 0)
    kept = {*spec.classes, *undeclared[:room]}
    cells = Counter[tuple[str, str]]()
    for a, p in both:
        other = OTHER if p == a or a in kept else ANOTHER
        cells[a if a in kept else OTHER, p if p in kept else other] += 1
    return cells, sum(a is not None and p is None for a, p in rows)


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@settings(max_examples=150, deadline=None)
@given(held=st.lists(classified_blocks(), max_size=4))
def test_cells_are_those_of_a_loop_whatever_the_order_of_the_blocks(spec, held):
    state, backwards = spec.empty(), spec.empty()
    for one in held:
        state.update(one)
    for one in reversed(held):
        part = spec.empty()
        part.update(one)
        backwards.merge(part)
    assert (state.cells, state.unpredicted) == loop(spec, held)
    assert backwards.to_bytes() == state.to_bytes()
    assert state.n == int(state.confusion.sum()) + state.unpredicted


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@settings(max_examples=40, deadline=None)
@given(held=st.lists(classified_blocks(), max_size=4))
def test_multiclass_quality_keeps_every_law_and_the_sign_law(spec, held):
    check_state(spec, held, signed=True)


def test_the_confusion_matrix_has_actual_classes_as_rows():
    state = MulticlassQualitySpec(("x",)).empty()
    state.update(block(["a", "a", "b"], ["a", "b", "b"]))
    assert state.classes == ("x", "a", "b")
    assert state.confusion.tolist() == [[0, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_classes_beyond_the_cap_are_one_that_still_tells_right_from_wrong():
    names = [f"c{i:03d}" for i in range(150)]
    state = MulticlassQualitySpec().empty()
    state.update(block(names, names))
    state.update(block(names, names[1:] + names[:1]))
    assert state.bar == "c100"
    assert state.classes == (ANOTHER, OTHER, *names[:100])
    assert state.cells[OTHER, OTHER] == 50
    assert state.cells[OTHER, ANOTHER] == 49
    assert sum(rows for (actual, predicted), rows in state.cells.items() if actual == predicted) == 150


def test_a_label_that_was_pooled_meanwhile_can_be_taken_back():
    state = MulticlassQualitySpec(max_classes=1).empty()
    state.update(block(["z", "z"], ["z", "y"]))
    state.update(block(["a"], ["a"]))
    state.update(block(["z", "z"], ["z", "y"]), sign=-1)
    assert state.cells == {("a", "a"): 1}


def test_long_names_are_cut_and_empty_ones_are_no_classes():
    state = MulticlassQualitySpec().empty()
    state.update(block(["x" * 500, "", "a"], ["x" * 500, "a", ""]))
    assert [len(name) for cell in state.cells for name in cell] == [64, 64]
    assert state.unpredicted == 1
    assert state.n == 2


def test_a_declared_class_with_a_long_name_is_declared_by_its_cut_name():
    long = "x" * 500
    state = MulticlassQualitySpec((long,), max_classes=1).empty()
    scored = {f"prediction.scores.{long}": Column(Kind.FLOAT, np.array([0.9]))}
    labelled = block([long], [long])
    state.update(Block(1, {**labelled.columns, **scored}))
    assert state.losses.hits.sum() == 1
    assert state.bar is None


@pytest.mark.parametrize("letter", ["é", "\U0001f600", '"'])
def test_a_full_state_is_within_its_bound(letter):
    spec = MulticlassQualitySpec()
    names = [f"{i:03d}" + letter * 61 for i in range(120)]
    state = spec.empty()
    state.update(block(np.repeat(names, 120).tolist(), names * 120))
    assert len(state.cells) > 10_000
    assert len(state.to_bytes()) <= spec.max_bytes


@pytest.mark.parametrize(
    ("part", "data", "expected"),
    [
        (1, b'["x", 1]', "names of classes"),
        (1, b"{", "JSON array"),
        (2, b"\0" * 11, "cells of 12 bytes"),
        (2, b"\7\0\0\0\1\0\0\0\0\0\0\0", "rows of 1 classes"),
        (2, b"\0" * 12, "rows of 1 classes"),
    ],
)
def test_damaged_parts_are_named(part, data, expected):
    state = MulticlassQualitySpec().empty()
    state.update(block(["a"], ["a"]))
    parts = unpack(state.to_bytes(), 4, "state")
    parts[part] = data
    with pytest.raises(CorruptState, match=expected):
        state.spec.from_bytes(pack(*parts))


def test_the_cap_is_bounded():
    with pytest.raises(ValueError, match="expected max_classes from 1 to 1000, got 0"):
        MulticlassQualitySpec(max_classes=0)
