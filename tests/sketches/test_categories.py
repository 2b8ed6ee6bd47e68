# SPDX-License-Identifier: Apache-2.0
"""Categories against a plain counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import CategoriesSpec, CorruptState
from sketches.packing import pack

COUNTS = st.dictionaries(st.sampled_from([f"v{i}" for i in range(30)]), st.integers(1, 50), max_size=30)


@settings(max_examples=200, deadline=None)
@given(blocks=st.lists(COUNTS, max_size=6), cap=st.integers(1, 40), merge=st.booleans())
def test_counts_are_never_too_high_nor_too_low_by_more_than_the_error(
    blocks: list[dict[str, int]], cap: int, merge: bool
) -> None:
    spec = CategoriesSpec(cap)
    state, true = spec.empty(), Counter[str]()
    for block in blocks:
        part = spec.empty() if merge else state
        part.add(block)
        if merge:
            state.merge(part)
        true.update(block)
    assert state.n == true.total()
    assert len(state.counts()) <= cap
    slack = state.error * state.n
    assert all(true[name] - slack - 1e-9 <= state.counts().get(name, 0) <= true[name] for name in true)
    assert slack <= state.n / (cap + 1)
    if len(true) <= cap:
        assert state.error == 0.0
        assert state.counts() == dict(true)
        assert state.singletons() == sum(count == 1 for count in true.values())


def test_the_most_frequent_come_first_and_equals_by_name() -> None:
    state = CategoriesSpec().empty()
    state.add({"b": 2, "a": 2, "c": 5})
    assert list(state.counts().items()) == [("c", 5), ("a", 2), ("b", 2)]


def test_frequent_values_survive_a_flood_of_others() -> None:
    rng = np.random.default_rng(0)
    state = CategoriesSpec(100).empty()
    for block in range(50):
        state.add({"often": 400} | {f"{block}-{i}": 1 for i in rng.integers(0, 10**6, 600)})
    assert next(iter(state.counts())) == "often"
    assert 50 * 400 - state.error * state.n <= state.counts()["often"] <= 50 * 400


def test_a_long_value_is_one_short_category() -> None:
    state = CategoriesSpec().empty()
    state.add({"x" * 10_000: 3})
    ((name, count),) = state.counts().items()
    assert (len(name), count) == (64, 3)


def test_hashed_values_never_reach_the_bytes() -> None:
    state = CategoriesSpec(hashed=True, hash_key="secret").empty()
    state.add({"Alice": 2})
    assert b"Alice" not in state.to_bytes()
    other = CategoriesSpec(hashed=True, hash_key="other").empty()
    other.add({"Alice": 2})
    assert state.counts() != other.counts()


@pytest.mark.parametrize("body", [b"[]", b'{"a": 0}', b'{"a": "1"}', b'{"a": true}', b"{", b"\xff", b"[" * 100_000])
def test_counts_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(CorruptState, match="cannot read categories"):
        CategoriesSpec().from_bytes(pack(bytes(8), body))


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_categories of at least 1"):
        CategoriesSpec(0)
