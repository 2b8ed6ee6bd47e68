# SPDX-License-Identifier: Apache-2.0
"""Contingency counts against a plain loop over the rows, and what the cap pools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import Block, Column, ContingencySpec, CorruptState, Kind, check_state
from sketches.packing import pack
from sketches.texts import POOLED
from tests.sketches.test_binary import rows_of
from tests.strategies import FLOATS

SPEC = ContingencySpec(("sex", "race"), "region", ("1", "yes"))
SPECS = [SPEC, replace(SPEC, max_values=2, declared=("e",)), replace(SPEC, group=None), replace(SPEC, label_above=0.5)]


def words(values: Sequence[str | None]) -> Column:
    """A column of texts, None where there is none."""
    categories = sorted({value for value in values if value is not None}) or [""]
    codes = [0 if value is None else categories.index(value) for value in values]
    valid = np.array([value is not None for value in values], bool)
    return Column(Kind.STRING, np.array(codes, np.int32), valid, tuple(categories))


@st.composite
def faceted_blocks(draw: st.DrawFn, max_rows: int = 12) -> Block:
    """Draw labelled rows with facets and a group, any of which may be missing."""
    n = draw(st.integers(0, max_rows))

    def texts(names: str) -> Column:
        element = st.one_of(st.none(), st.sampled_from([*names, "x" * 99]))
        return words(draw(st.lists(element, min_size=n, max_size=n)))

    def outcome() -> Column:
        if draw(st.integers(0, 3)):
            return words(draw(st.lists(st.sampled_from(["0", "1", "yes", None]), min_size=n, max_size=n)))
        return Column(Kind.FLOAT, np.array(draw(st.lists(FLOATS, min_size=n, max_size=n)), float))

    everything = {
        "sex": texts("fm"),
        "race": texts("abcdef"),
        "region": texts("uvwxyz"),
        "label": outcome(),
        "prediction.label": outcome(),
        "prediction.value": outcome(),
    }
    return Block(n, {name: column for name, column in everything.items() if draw(st.integers(0, 7))})


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@settings(max_examples=30, deadline=None)
@given(rows=st.lists(faceted_blocks(), max_size=4))
def test_counts_keep_every_law_and_the_sign_law(spec: ContingencySpec, rows: Sequence[Block]) -> None:
    check_state(spec, rows, signed=True)


def outcome(value: object, spec: ContingencySpec) -> int | None:
    """0 or 1, None where there is none."""
    if spec.label_above is not None:
        return int(value > spec.label_above) if isinstance(value, float) and value == value else None
    return int(value in spec.positive_labels) if isinstance(value, str) else None


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[2], SPECS[3]], ids=repr)
@settings(max_examples=60, deadline=None)
@given(block=faceted_blocks())
def test_counts_are_those_of_a_loop(spec: ContingencySpec, block: Block) -> None:
    state = spec.empty()
    state.update(block)
    predicted = "prediction.label" if spec.label_above is None else "prediction.value"
    groups = rows_of(block, spec.group) if spec.group is not None else [None] * block.n
    labelled = 0
    for facet in spec.facets:
        expected, labelled = Counter[tuple[str, int, int]](), 0
        columns = (rows_of(block, name) for name in (facet, "label", predicted))
        for value, label, guess in zip(*columns, strict=True):
            actual, said = outcome(label, spec), outcome(guess, spec)
            labelled += actual is not None
            if actual is not None and isinstance(value, str):
                expected[value, actual, 2 if said is None else said] += 1
        table = state.table(facet)
        assert len(table.values) == len({value for value, *_ in expected})
        for value in {value for value, *_ in expected}:
            short = value if len(value) <= 64 else next(name for name in table.values if len(name) == 64)
            has, _ = table.sides(short).sum(axis=1)
            assert has.tolist() == [[expected[value, i, j] for j in range(3)] for i in range(2)]
        assert table.counts.sum() == expected.total()
        assert table.counts.shape[1] == 1 + len({group for group, value in zip_facet(groups, block, facet, spec)})
    assert state.n == labelled


def zip_facet(groups: Sequence[object], block: Block, facet: str, spec: ContingencySpec) -> set[tuple[object, bool]]:
    """The groups of the rows that a facet counts."""
    columns = zip(groups, rows_of(block, facet), rows_of(block, "label"), strict=True)
    return {(group or "", True) for group, value, label in columns if value and outcome(label, spec) is not None}


def people(values: str, label: str = "1") -> Block:
    return Block(len(values), {"sex": words(list(values)), "label": words([label] * len(values))})


def test_beyond_the_cap_later_names_are_counted_together_and_named() -> None:
    state = ContingencySpec(("sex",), max_values=2, declared=("e",)).empty()
    state.update(people("ab"))
    assert state.capped == ()
    state.update(people("bcde"))
    state.update(people("A"))
    table = state.table("sex")
    assert table.values == ("A", "a", "e")
    assert table.counts[:, :, 1, 2].sum(axis=1).tolist() == [4, 1, 1, 1]
    assert state.capped == ("sex",)
    # A pooled name stays pooled, and a row is taken back from where it was added.
    state.update(people("bc"), sign=-1)
    state.update(people("b"))
    assert state.table("sex").values == ("A", "a", "e")
    assert state.table("sex").counts[0, :, 1, 2].sum() == 3


def test_the_complement_of_a_value_holds_what_the_cap_pooled() -> None:
    state = ContingencySpec(("sex",), max_values=1).empty()
    state.update(people("aabcd"))
    has, others = state.table("sex").sides("a").sum(axis=(1, 2, 3))
    assert (int(has), int(others)) == (2, 3)
    assert not state.table("sex").sides("d")[0].any()


def test_several_values_are_one_side_together() -> None:
    state = ContingencySpec(("sex",)).empty()
    state.update(people("aabccc"))
    assert state.table("sex").sides("a", "b", "x").sum(axis=(1, 2, 3)).tolist() == [3, 3]


def test_a_correction_moves_a_row_from_one_outcome_to_the_other() -> None:
    corrected, direct = (ContingencySpec(("sex",)).empty() for _ in range(2))
    corrected.update(people("a", "0"))
    corrected.update(people("a", "0"), sign=-1)
    corrected.update(people("a", "1"))
    direct.update(people("a", "1"))
    assert corrected.to_bytes() == direct.to_bytes()


@pytest.mark.parametrize(
    ("head", "counts"),
    [(b"{}", b""), (b'{"n":1,"tables":[[["b","a"],[],[null,null]]]}', b""), (b'{"n":1,"tables":[[[],[],[]]]}', b"x")],
)
def test_damaged_counts_are_refused(head: bytes, counts: bytes) -> None:
    with pytest.raises(CorruptState, match="cannot read contingency counts"):
        ContingencySpec(("sex",)).from_bytes(pack(head, counts))


def test_a_spec_names_each_facet_once_and_counts_at_least_one_value() -> None:
    with pytest.raises(ValueError, match="each facet once"):
        ContingencySpec(("sex", "sex"))
    with pytest.raises(ValueError, match="max_values of at least 1"):
        ContingencySpec(("sex",), max_values=0)


def test_values_that_came_pooled_are_counted_with_those_beyond_the_cap() -> None:
    state = ContingencySpec(("sex",), group="job").empty()
    sex, job = words(["f", POOLED, "f", POOLED]), words(["a", "a", POOLED, POOLED])
    block = Block(4, {"sex": sex, "job": job, "label": words(["1"] * 4)})
    state.update(block)
    table = state.table("sex")
    assert (table.values, state.capped) == (("f",), ("job", "sex"))
    assert table.counts[:, :, 1, 2].tolist() == [[1, 1], [1, 1]]
    assert table.sides("f").sum(axis=(1, 2, 3)).tolist() == [2, 2]
    state.update(block, sign=-1)
    assert state.to_bytes() == state.spec.empty().to_bytes()
