# SPDX-License-Identifier: Apache-2.0
"""Embeddings: sums of directions, exact whatever order and cut the vectors come in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sketches import Block, Column, CorruptState, EmbeddingSpec, Kind, baseline_probes, check_state
from sketches.embeddings import probes

NAME = "embeddings.text"
SPECS = [EmbeddingSpec("text", 3), EmbeddingSpec("text", 3, groups=2, probes=2), EmbeddingSpec("text", 3, 1, probes=3)]
LAWS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
NUMBERS = st.one_of(st.floats(width=32), st.sampled_from([0.0, 1.0, -1.0, 3e38, 1e-45, float("nan"), float("inf")]))


@st.composite
def vector_blocks(draw: st.DrawFn) -> Block:
    n, dimension = draw(st.integers(0, 8)), draw(st.sampled_from([3, 3, 3, 2]))
    flat = draw(st.lists(NUMBERS, min_size=n * dimension, max_size=n * dimension))
    masks = st.lists(st.booleans(), min_size=n, max_size=n).map(lambda mask: np.array(mask, bool))
    valid = draw(st.one_of(st.none(), masks))
    columns = {NAME: Column(Kind.VECTOR, np.array(flat, np.float32).reshape(n, dimension), valid)}
    if draw(st.booleans()):
        ids = draw(st.lists(st.integers(0, 2**63 - 1), min_size=n, max_size=n))
        columns["inference_id.hash"] = Column(Kind.INTEGER, np.array(ids, np.int64))
    return Block(n, columns)


def of(vectors: object, *, ids: np.ndarray | None = None) -> Block:
    rows = np.asarray(vectors, np.float32)
    columns = {NAME: Column(Kind.VECTOR, rows)}
    return Block(len(rows), columns | ({} if ids is None else {"inference_id.hash": Column(Kind.INTEGER, ids)}))


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@LAWS
@given(rows=st.lists(vector_blocks(), max_size=4))
def test_an_embedding_keeps_every_law_on_any_vectors(spec: EmbeddingSpec, rows: Sequence[Block]) -> None:
    check_state(spec, rows)


def test_the_mean_is_that_of_the_vectors_scaled_to_length_one() -> None:
    rng = np.random.default_rng(0)
    vectors, ids = rng.normal(size=(2_000, 16)).astype(np.float32), rng.integers(0, 2**62, 2_000)
    state = EmbeddingSpec("text", 16, probes=16).empty()
    for part in np.array_split(np.arange(2_000), 7):
        state.update(of(vectors[part], ids=ids[part]))
    exact = vectors.astype(float)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    np.testing.assert_allclose(state.mean, exact.mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(state.sums[5], exact[ids % 16 == 5].sum(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(state.moments, 4.0 * exact.T @ exact, rtol=0, atol=1e-10)


def test_random_probes_keep_second_moments_along_their_directions() -> None:
    vectors = np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    state = EmbeddingSpec("text", 5, probes=3).empty()
    state.update(of(vectors))
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    np.testing.assert_allclose(state.moments, probes(3, 5) @ unit.T @ unit, rtol=0, atol=1e-12)


def test_vectors_without_a_direction_or_of_another_length_are_counted_and_left_out() -> None:
    state = EmbeddingSpec("text", 2).empty()
    state.update(of([[0, 0], [np.nan, 1], [np.inf, 0], [3e38, 3e38], [1e-45, 0]]))
    state.update(of([[1, 0, 0], [0, 1, 0]]))
    state.update(Block(1, {NAME: Column(Kind.FLOAT, np.ones(1))}))
    assert (state.n, state.rejected, state.wrong_length) == (2, 3, 2)
    np.testing.assert_allclose(state.mean, [(1 + 0.5**0.5) / 2, 0.5**0.5 / 2], atol=1e-7)


def test_rows_without_a_vector_count_nowhere() -> None:
    state = EmbeddingSpec("text", 2).empty()
    valid = np.array([True, False])
    state.update(Block(2, {NAME: Column(Kind.VECTOR, np.zeros((2, 2), np.float32), valid)}))
    assert (state.n, state.rejected) == (0, 1)
    assert np.isnan(state.mean).all()


def test_probes_are_the_same_wherever_they_are_made() -> None:
    signs = probes(64, 1000)
    assert signs[:2, :6].astype(int).tolist() == SIGNS
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)


SIGNS = [[1, -1, -1, 1, -1, -1], [1, 1, -1, 1, -1, -1]]


@pytest.mark.parametrize("dimension", [2, 3, 384, 512, 513, 768, 1_536, 16_384])
def test_a_baseline_of_any_dimension_fits_into_a_message(dimension: int) -> None:
    count = baseline_probes(dimension)
    assert count >= 2
    assert EmbeddingSpec("text", dimension, groups=1, probes=count).max_bytes < 4 * 1024 * 1024
    assert EmbeddingSpec("text", dimension).max_bytes < 4 * 1024 * 1024


def test_sums_longer_than_unit_vectors_add_up_to_are_refused() -> None:
    spec = EmbeddingSpec("text", 2, groups=1)
    state = spec.empty()
    state.update(of([[1, 0]]))
    for damage in (1e9, np.nan):
        state.sums[0, 0] = damage
        with pytest.raises(CorruptState, match="sums of 1 unit vectors"):
            spec.from_bytes(state.to_bytes())


GOLDEN = (
    "1000000000000000000000000000000000000000100000000100000000000000010000000000000030000000333333333333e33f9a9999999999"
    "e93f0000000000000000000000000000f0bfbb1e85eb51b8bebf90c2f5285c8ff2bf"
)


def test_bytes_that_release_0_1_wrote_are_read() -> None:
    spec = EmbeddingSpec("text", 2, groups=2, probes=1)
    assert spec.fingerprint == "02570a7922e27829"
    state = spec.empty()
    state.update(of([[3, 4], [0, -2]], ids=np.array([4, 7])))
    assert spec.equivalent(spec.from_bytes(bytes.fromhex(GOLDEN)), state)
