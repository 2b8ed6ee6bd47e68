# SPDX-License-Identifier: Apache-2.0
"""Binned counts are those of the raw rows, by cell and by slice of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sketches.binned import BinnedSpec
from sketches.block import Block, Column, Kind
from sketches.checks import check_state
from sketches.errors import CorruptState
from sketches.sliced import EVENT_TIME, SlicedSpec
from tests.strategies import blocks

NAMES = ("value", "b", "c")
SPEC = BinnedSpec(edges=(("value", (-1.0, 0.0, 0.5)), ("c", ())), categories=(("b", ("a", "true", "1")),))
LAWS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@LAWS
@given(rows=st.lists(blocks(NAMES), max_size=4))
def test_binned_counts_keep_every_law_and_the_sign_law(rows: Sequence[Block]) -> None:
    check_state(SPEC, rows, signed=True)


@st.composite
def timed(draw: st.DrawFn) -> Block:
    block = draw(blocks(NAMES))
    times = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=block.n, max_size=block.n))
    valid = draw(st.sampled_from([None, np.arange(block.n) % 3 > 0]))
    return Block(block.n, {EVENT_TIME: Column(Kind.INTEGER, np.array(times, dtype=np.int64), valid), **block.columns})


@pytest.mark.parametrize("spec", [SlicedSpec(SPEC, 3_600_000), SlicedSpec(SPEC, 17, 5)], ids=repr)
@LAWS
@given(rows=st.lists(timed(), max_size=4))
def test_sliced_counts_keep_every_law_and_the_sign_law(spec: SlicedSpec, rows: Sequence[Block]) -> None:
    check_state(spec, rows, signed=True)


def test_cells_of_numbers_are_those_of_a_histogram_with_closed_upper_edges() -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(size=5_000), 1)
    edges = tuple(np.unique(np.quantile(values, np.arange(1, 10) / 10)).tolist())
    state = BinnedSpec(edges=(("x", edges),)).empty()
    state.update(Block(5_000, {"x": Column(Kind.FLOAT, values)}))
    # Mirrored, numpy's half-open bins are closed above.
    mirrored = np.histogram(-values, bins=[-np.inf, *(-e for e in reversed(edges)), np.inf])[0][::-1]
    assert state.of("x").tolist() == mirrored.tolist()
    assert state.of("x").sum() == 5_000


def test_each_feature_accounts_for_every_row() -> None:
    state = SPEC.empty()
    values = np.array([None, "7", "x", True, 2, float("nan"), float("inf"), -5.0], dtype=object)
    valid = np.array([value is not None for value in values])
    state.update(Block(8, {"value": Column(Kind.MIXED, values, valid), "b": Column(Kind.MIXED, values, valid)}))
    assert (state.of("value").tolist(), state.other("value"), state.missing("value")) == ([1, 0, 0, 2], 2, 3)
    assert (state.of("b").tolist(), state.other("b"), state.missing("b")) == ([0, 1, 0], 4, 3)
    assert (state.of("c").tolist(), state.other("c"), state.missing("c")) == ([0], 0, 8)


def test_numbers_are_found_among_the_categories_they_spell() -> None:
    state = BinnedSpec(categories=(("code", ("1", "2.5")),)).empty()
    for values in (np.array([1.0, 2.5, 3.0]), np.array([1, 1, 9])):
        kind = Kind.FLOAT if values.dtype == float else Kind.INTEGER
        state.update(Block(3, {"code": Column(kind, values)}))
    state.update(Block(1, {"code": Column(Kind.STRING, np.array([0], dtype=np.int32), None, ("1",))}))
    assert (state.of("code").tolist(), state.other("code")) == ([4, 1], 2)


def test_counts_of_another_length_are_refused() -> None:
    with pytest.raises(CorruptState, match=r"expected .* bytes of counts"):
        BinnedSpec(edges=(("value", (1.0,)),)).from_bytes(SPEC.empty().to_bytes())
    with pytest.raises(CorruptState, match=r"expected .* bytes of counts"):
        SlicedSpec(SPEC, 1_000, 6).from_bytes(SlicedSpec(SPEC, 1_000).empty().to_bytes())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"edges":[["a",[2,1]]],"categories":[]}', b'{"edges":[[1]],"categories":3}']
)
def test_edges_that_cannot_be_read_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptState, match="expected their edges as JSON"):
        BinnedSpec.from_json(data)


@pytest.mark.parametrize("edges", [(2.0, 1.0), (1.0, 1.0), (float("nan"),), (0.0, float("inf"))])
def test_edges_that_part_nothing_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        BinnedSpec(edges=(("x", edges),))


def test_a_feature_is_counted_in_one_way() -> None:
    with pytest.raises(ValueError, match="once"):
        BinnedSpec(edges=(("x", ()),), categories=(("x", ()),))


def test_slices_part_the_window_evenly_and_wholly() -> None:
    for size_ms, slices in ((3_600_000, 12), (1_000, 12), (17, 5)):
        spec = SlicedSpec(SPEC, size_ms, slices)
        numbers = spec.slice_of(np.arange(5 * size_ms, 6 * size_ms, dtype=np.int64))
        assert np.diff(numbers).min() >= 0
        assert set(numbers.tolist()) == set(range(slices))
        ends = [spec.end_ms(number) for number in range(slices)]
        assert ends == [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), size_ms]


def test_counts_by_slice_are_those_of_the_rows_of_the_slice() -> None:
    rng = np.random.default_rng(2)
    spec = SlicedSpec(BinnedSpec(edges=(("x", (0.0,)),)), 3_600_000)
    times, values = rng.integers(7_200_000, 10_800_000, 2_000), rng.normal(size=2_000)
    state = spec.empty()
    state.update(Block(2_000, {EVENT_TIME: Column(Kind.INTEGER, times), "x": Column(Kind.FLOAT, values)}))
    for number in range(12):
        here = values[(times - 7_200_000) // 300_000 == number]
        assert state.of("x")[number].tolist() == [int((here <= 0).sum()), int((here > 0).sum())]
        assert state.rows[number] == len(here)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_slice_that_is_full_leaves_the_rows_that_come_later_alone(shuffled: bool) -> None:
    rng = np.random.default_rng(3)
    spec = SlicedSpec(BinnedSpec(edges=(("x", (0.0,)),)), 3_600_000)
    times, values = np.sort(rng.integers(0, 3_600_000, 2_000)), rng.normal(size=2_000)
    if shuffled:
        times = rng.permutation(times)
    state = spec.empty()
    for start in range(0, 2_000, 300):
        rows = slice(start, start + 300)
        times_, values_ = Column(Kind.INTEGER, times[rows]), Column(Kind.FLOAT, values[rows])
        state.update(Block(len(times[rows]), {EVENT_TIME: times_, "x": values_}), most_rows=100)
    for number in range(12):
        first = values[np.flatnonzero(times // 300_000 == number)[:100]]
        assert state.of("x")[number].tolist() == [int((first <= 0).sum()), int((first > 0).sum())]
        assert state.rows[number] == 100
