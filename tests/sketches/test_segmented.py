# SPDX-License-Identifier: Apache-2.0
"""Each segment's state is that of its rows alone, whatever the order in which segments came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sketches.binary import BinaryQualitySpec
from sketches.binned import BinnedSpec
from sketches.block import Block, Column, Kind
from sketches.categories import CategoriesSpec
from sketches.checks import check_state
from sketches.moments import MomentsSpec
from sketches.segmented import SegmentedSpec
from sketches.state import Spec
from sketches.texts import POOLED, keyed
from tests.strategies import blocks, labelled_blocks

LAWS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("inner", [MomentsSpec("value"), CategoriesSpec(3, column="b")], ids=repr)
@pytest.mark.parametrize("most", [1, 2, 20])
@LAWS
@given(rows=st.lists(blocks(("value", "b", "region")), max_size=4))
def test_segments_keep_every_law_on_any_rows(inner: Spec, most: int, rows: Sequence[Block]) -> None:
    check_state(SegmentedSpec("region", inner, max_segments=most), rows)


@pytest.mark.parametrize("most", [1, 3])
@LAWS
@given(rows=st.lists(blocks(("value", "region")), max_size=4))
def test_segments_of_signed_states_keep_the_sign_law_while_the_cap_bites(most: int, rows: Sequence[Block]) -> None:
    inner = BinnedSpec(edges=(("value", (0.0, 1.0)),))
    check_state(SegmentedSpec("region", inner, max_segments=most), rows, signed=True)


@LAWS
@given(rows=st.lists(labelled_blocks(), max_size=4))
def test_quality_by_segment_keeps_every_law_and_the_sign_law(rows: Sequence[Block]) -> None:
    check_state(SegmentedSpec("prediction.label", BinaryQualitySpec(), max_segments=2), rows, signed=True)


def rows_of(regions: Sequence[str], values: Sequence[float]) -> Block:
    names = tuple(sorted(set(regions)))
    codes = np.array([names.index(region) for region in regions], dtype=np.int32)
    return Block(
        len(regions),
        {"region": Column(Kind.STRING, codes, None, names), "value": Column(Kind.FLOAT, np.array(values, dtype=float))},
    )


def test_a_segment_that_the_cap_keeps_has_all_its_rows_in_any_order() -> None:
    rng = np.random.default_rng(1)
    regions = rng.permutation([f"r{number:02}" for number in range(60)] * 5).tolist()
    values = rng.integers(0, 100, 300).astype(float).tolist()
    state = SegmentedSpec("region", MomentsSpec("value"), max_segments=7).empty()
    for start in range(0, 300, 20):
        state.update(rows_of(regions[start : start + 20], values[start : start + 20]))
    assert sorted(state.segments) == [f"r{number:02}" for number in range(7)]
    for name, segment in state.segments.items():
        mine = [value for region, value in zip(regions, values, strict=True) if region == name]
        assert (segment.n, segment.mean) == (5, pytest.approx(np.mean(mine), rel=1e-12))
    assert state.overflow == 300 - 35
    assert state.refused == [f"r{number:02}" for number in range(7, 27)]


def test_numbers_booleans_and_their_texts_are_one_segment() -> None:
    state = SegmentedSpec("x", MomentsSpec("x")).empty()
    mixed = np.array([1, 1.0, "1", True, "true", None, float("nan"), 0.5], dtype=object)
    state.update(Block(8, {"x": Column(Kind.MIXED, mixed)}))
    state.update(Block(2, {"x": Column(Kind.INTEGER, np.array([1, 2]))}))
    state.update(Block(2, {"x": Column(Kind.BOOLEAN, np.array([True, False]))}))
    assert state.rows == {"1": 4, "true": 3, "0.5": 1, "2": 1, "false": 1}
    assert (state.n, state.missing, state.overflow) == (12, 2, 0)


def test_an_empty_text_is_a_segment_and_a_missing_value_is_none() -> None:
    state = SegmentedSpec("x", MomentsSpec("y")).empty()
    state.update(Block(2, {"x": Column(Kind.MIXED, np.array(["", None], dtype=object))}))
    state.update(Block(3, {"y": Column(Kind.FLOAT, np.zeros(3))}))
    assert (state.rows, state.missing) == ({"": 1}, 4)


def test_a_hashed_column_names_no_value() -> None:
    state = SegmentedSpec("region", MomentsSpec("value"), hashed=True, hash_key="s").empty()
    state.update(rows_of(["eu"], [1.0]))
    assert list(state.segments) == [keyed("eu", b"s")]


def test_a_refused_segment_does_not_come_back_without_its_rows() -> None:
    spec = SegmentedSpec("region", BinnedSpec(edges=(("value", ()),)), max_segments=1)
    state = spec.empty()
    state.update(rows_of(["b"], [1.0]))
    state.update(rows_of(["a"], [1.0]))
    state.update(rows_of(["a"], [1.0]), sign=-1)
    state.update(rows_of(["b"], [1.0]))
    assert (state.rows, state.overflow, state.refused) == ({"a": 0}, 2, ["b"])


@pytest.mark.parametrize("hashed", [True, False])
def test_rows_that_came_pooled_are_refused_whatever_comes_first_by_name(hashed: bool) -> None:
    spec = SegmentedSpec("region", MomentsSpec("value"), max_segments=2, hashed=hashed, hash_key="k")
    state = spec.empty()
    for regions in (["b", POOLED], [POOLED, POOLED], ["a"]):
        values = Column(Kind.FLOAT, np.arange(len(regions)) + 1.0)
        codes = Column(Kind.STRING, np.arange(len(regions), dtype=np.int32), None, tuple(regions))
        state.update(Block(len(regions), {"region": codes, "value": values}))
    named = {keyed(name, b"k") if hashed else name for name in ("a", "b")}
    assert (set(state.segments), state.overflow, state.refused) == (named, 3, [POOLED])
    assert spec.equivalent(spec.from_bytes(state.to_bytes()), state)
    other = spec.empty()
    other.merge(state)
    assert (other.overflow, other.refused) == (3, [POOLED])
