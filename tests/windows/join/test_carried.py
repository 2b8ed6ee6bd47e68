# SPDX-License-Identifier: Apache-2.0
"""What a pending row carries is the text of its feature or tag, however the values were typed and blocks were cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind
from topics.values import ABSENT, canonical_class, values_of
from windows.definition import ModelDefinition
from windows.join.carried import Carried, Layout, layout_of

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(["", "a", "1", "40", "40.5", "x" * 300, "é"]),
)
rows = st.lists(st.tuples(scalars, scalars), min_size=1, max_size=12)


def column_of(values):
    decoded = values_of(values)
    return Column(Kind(decoded.kind), decoded.values, decoded.valid, decoded.categories, decoded.absent)


def texts(column):
    assert len(set(column.categories)) == len(column.categories)
    valid = np.ones(len(column.values), bool) if column.valid is None else column.valid
    return [column.categories[code] if ok else None for code, ok in zip(column.values, valid, strict=True)]


def text(value):
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str):
        return value if len(value) <= 64 else f"{value[:47]}~"
    return repr(value) if isinstance(value, float) and abs(value) >= 1e21 else canonical_class(value)


@given(rows)
def test_a_row_carries_the_text_of_its_feature_or_else_of_its_tag(rows):
    features, tags = zip(*rows, strict=True)
    block = Block(len(rows), {"sex": column_of(features), "tags.sex": column_of(tags)})
    expected = [text(feature) or text(tag) for feature, tag in rows]
    assert [t if t is None else t[:48] for t in texts(Carried("sex").column(block))] == [
        t if t is None else t[:48] for t in expected
    ]


@given(rows, st.integers(0, 12))
def test_where_a_block_is_cut_changes_no_text(rows, cut):
    def carried(some):
        if not some:
            return []
        columns = {
            name: column_of([row[place] for row in some])
            for place, name in enumerate(("sex", "tags.sex"))
            if any(row[place] is not None for row in some)
        }
        return texts(Carried("sex").column(Block(len(some), columns)))

    assert carried(rows[:cut]) + carried(rows[cut:]) == carried(rows)


@given(st.lists(scalars, min_size=1, max_size=12), st.sampled_from([0.0, 40.0, -1.5]))
def test_a_number_is_carried_as_the_side_of_the_cut_it_is_on(values, above):
    def side(value):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        bound = canonical_class(above)
        return None if math.isnan(number) else f"({bound}, Infinity)" if number > above else f"(-Infinity, {bound}]"

    block = Block(len(values), {"age": column_of(values)})
    assert texts(Carried("age", above).column(block)) == [side(value) for value in values]


def test_a_column_that_nobody_sent_is_missing_in_every_row():
    assert texts(Carried("sex").column(Block(2))) == [None, None]
    assert texts(Carried("sex").column(Block(1, {"sex": column_of([ABSENT])}))) == [None]


def test_vectors_have_no_text():
    block = Block(2, {"text": Column(Kind.VECTOR, np.zeros((2, 3), np.float32))})
    assert texts(Carried("text").column(block)) == [None, None]


def test_rows_are_laid_out_as_their_definition_asks():
    bias = {"facets": [{"name": "sex"}, {"name": "age", "above": 40}], "group": "job"}
    definition = ModelDefinition(
        model="m",
        problem_type="MulticlassClassification",
        classes=("a", "b"),
        segments=("sex", "tags.region"),
        monitors={"bias": bias},
    )
    names = ["prediction.label", "sex", "age", "job", "tags.region"]
    layout = layout_of(definition)
    assert [carried.name for carried in layout.codes] == names
    assert layout.numbers == ("prediction.scores.a", "prediction.scores.b")
    assert not layout.numeric
    assert Layout.from_bytes(layout.to_bytes()) == layout
    assert layout_of(definition.model_copy(update={"segments": ()})).key != layout.key


def test_rows_of_a_model_without_bias_carry_no_facets():
    bias = {"enabled": False, "facets": [{"name": "sex"}], "group": "job"}
    definition = ModelDefinition(model="m", problem_type="Regression", monitors={"bias": bias})
    assert layout_of(definition) == Layout((), ("prediction.value",), numeric=True)


@pytest.mark.parametrize(
    ("facets", "segments", "expected"),
    [
        ([{"name": "age", "above": 40}], ["age"], "whole or cut at one number"),
        ([], ["label"], "name of a feature or tag"),
        ([], ["prediction.score"], "name of a feature or tag"),
    ],
)
def test_a_column_that_could_not_be_carried_under_its_name_is_refused(facets, segments, expected):
    with pytest.raises(ValueError, match=expected):
        ModelDefinition(model="m", segments=segments, monitors={"bias": {"facets": facets}})
