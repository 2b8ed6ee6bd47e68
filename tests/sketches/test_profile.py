# SPDX-License-Identifier: Apache-2.0
"""A profile caps its features the same way in any order, and loses none that is declared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import Block, Column, Kind, ProfileSpec
from sketches.profile import LONGEST_NAME, MAX_REFUSED

ONE = Column(Kind.INTEGER, np.array([1]))
NAMES = [f"n{i:02}" for i in range(40)]


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(st.lists(st.sampled_from(NAMES), max_size=12, unique=True), max_size=8),
    room=st.integers(0, 5),
    declared=st.sets(st.sampled_from(NAMES), max_size=3),
)
def test_the_first_by_name_are_kept_with_all_their_rows(
    blocks: Sequence[list[str]], room: int, declared: set[str]
) -> None:
    spec = ProfileSpec(declared=tuple(declared), max_features=room)
    state = spec.empty()
    for names in blocks:
        state.update(Block(1, dict.fromkeys(names, ONE)))
    seen = set().union(*blocks)
    kept = set(sorted(seen - declared)[:room]) | (seen & declared)
    assert set(state.features) == kept
    assert {name: feature.rows for name, feature in state.features.items()} == {
        name: sum(name in names for names in blocks) for name in kept
    }
    assert state.overflow == sum(len(set(names) - kept) for names in blocks)
    assert state.refused == set(sorted(seen - kept)[:MAX_REFUSED])
    assert state.n == len(blocks)


def test_rows_without_a_key_are_the_rows_that_the_feature_has_not() -> None:
    state = ProfileSpec().empty()
    absent = np.array([False, True, True])
    state.update(Block(3, {"a": Column(Kind.FLOAT, np.ones(3), ~absent, absent=absent)}))
    state.update(Block(2))
    assert (state.n, state.features["a"].rows) == (5, 1)


def test_a_column_whose_key_no_row_has_is_no_feature() -> None:
    state = ProfileSpec(max_features=0).empty()
    absent = np.ones(3, dtype=bool)
    state.update(Block(3, {"a": Column(Kind.FLOAT, np.ones(3), ~absent, absent=absent)}))
    assert (state.n, state.features, state.overflow) == (3, {}, 0)


def test_policies_reach_the_features() -> None:
    spec = ProfileSpec(categorical=("a",), hashed=("b",), dropped=("c",), hash_key="secret", k=64, max_categories=20)
    state = spec.empty()
    state.update(Block(1, {"a": ONE, "b": ONE, "c": ONE, "d": ONE}))
    assert set(state.features) == {"a", "b", "d"}
    assert state.overflow == 0
    assert state.features["a"].categories.counts() == {"1": 1}
    assert set(state.features["b"].categories.counts()).isdisjoint({"1"})
    assert state.features["d"].categories.counts() == {}
    assert spec.feature_spec("d").hash_key == ""
    assert (spec.feature_spec("d").k, spec.feature_spec("d").max_categories) == (64, 20)


def test_an_endless_name_is_refused_and_noted_briefly() -> None:
    state = ProfileSpec().empty()
    state.update(Block(1, {"x" * (LONGEST_NAME + 1): ONE}))
    assert (state.features, state.overflow) == ({}, 1)
    assert max(map(len, state.refused)) <= 64


def test_a_wide_profile_stays_within_its_bound() -> None:
    spec = ProfileSpec(max_features=5, max_categories=50)
    state = spec.empty()
    rng = np.random.default_rng(0)
    names = tuple(f"{'é' * 50}{i}" for i in range(4_000))
    strings = Column(Kind.STRING, rng.integers(0, 4_000, 20_000).astype(np.int32), None, names)
    numbers = Column(Kind.FLOAT, rng.normal(size=20_000))
    state.update(Block(20_000, {f"{'é' * 250}{i}": (strings, numbers)[i % 2] for i in range(9)}))
    assert len(state.to_bytes()) <= spec.max_bytes
    assert spec.equivalent(spec.from_bytes(state.to_bytes()), state)
