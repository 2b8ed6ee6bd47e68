# SPDX-License-Identifier: Apache-2.0
"""The last labelled rows are the same in any order, and a corrected one changes in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import Block, Column, CorruptState, Kind, RecentSpec, check_state
from sketches.groups import ID_HASH
from sketches.sliced import EVENT_TIME

SPEC = RecentSpec(3, ("label", "prediction.value"))


@st.composite
def joined_blocks(draw: st.DrawFn) -> Block:
    """Draw joined rows, some alike, some without a time, an id or a label."""
    n = draw(st.integers(0, 8))

    def integers(most: int) -> Column:
        values = np.array(draw(st.lists(st.integers(0, most), min_size=n, max_size=n)), dtype=np.int64)
        valid = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
        return Column(Kind.INTEGER, values, draw(st.sampled_from([None, None, valid])))

    def floats() -> Column:
        element = st.one_of(st.floats(), st.sampled_from([0.0, 1.0]))
        return Column(Kind.FLOAT, np.array(draw(st.lists(element, min_size=n, max_size=n)), dtype=float))

    everything = {EVENT_TIME: integers(5), ID_HASH: integers(3), "label": floats(), "prediction.value": floats()}
    return Block(n, {name: column for name, column in everything.items() if draw(st.integers(0, 9))})


def rows(*triples: tuple[int, int, float]) -> Block:
    at, ids, label = zip(*triples, strict=True)
    columns = {EVENT_TIME: Column(Kind.INTEGER, np.array(at)), ID_HASH: Column(Kind.INTEGER, np.array(ids))}
    return Block(len(triples), columns | {"label": Column(Kind.FLOAT, np.array(label, dtype=float))})


@settings(deadline=None, max_examples=60)
@given(blocks=st.lists(joined_blocks(), max_size=4))
def test_recent_rows_keep_every_law(blocks: Sequence[Block]) -> None:
    check_state(SPEC, blocks)


@settings(deadline=None, max_examples=60)
@given(blocks=st.lists(joined_blocks(), max_size=4))
def test_rows_that_were_added_can_be_taken_away(blocks: Sequence[Block]) -> None:
    state = SPEC.empty()
    for sign in (1, -1):
        for block in blocks:
            state.update(block, sign=sign)
    assert SPEC.equivalent(state, SPEC.empty())


def test_the_rows_kept_are_the_last_by_event_time() -> None:
    rng = np.random.default_rng(1)
    at, label = rng.permutation(1_000), rng.normal(size=1_000)
    state = RecentSpec(100, ("label",)).empty()
    for part in np.array_split(np.arange(1_000), 7):
        state.update(rows(*zip(at[part].tolist(), part.tolist(), label[part].tolist(), strict=True)))
    kept = state.block()
    assert kept.columns[EVENT_TIME].values.tolist() == list(range(900, 1_000))
    assert kept.columns["label"].values.tolist() == label[np.argsort(at)][900:].tolist()
    assert state.n == 1_000


def test_a_corrected_label_changes_its_row_in_place() -> None:
    state = SPEC.empty()
    state.update(rows((1, 1, 0.0), (2, 2, 0.0), (3, 3, 0.0), (4, 4, 0.0)))
    for before, after in (((3, 3, 0.0), (3, 3, 1.0)), ((1, 1, 0.0), (1, 1, 1.0))):
        state.update(rows(before), sign=-1)
        state.update(rows(after))
    assert state.block().columns[EVENT_TIME].values.tolist() == [2, 3, 4]
    assert state.block().columns["label"].values.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("body", [b"", b"x", b"[[1, 2]]"])
def test_bytes_that_are_no_rows_are_refused(body: bytes) -> None:
    data = SPEC.empty().to_bytes()
    with pytest.raises(CorruptState, match="recent rows"):
        SPEC.from_bytes(data[:16] + body)
