# SPDX-License-Identifier: Apache-2.0
"""Embeddings moved or not: exact similarity, unbiased shift, and a test that keeps its level."""

from __future__ import annotations

import numpy as np
import pytest

from sketches import Block, Column, EmbeddingSpec, EmbeddingState, Kind
from windows.statistics.embedding_shift import mean_shift, mean_similarity, spread_of


def state(vectors: np.ndarray, probes: int = 0) -> EmbeddingState:
    made = EmbeddingSpec("text", vectors.shape[1], probes=probes).empty()
    ids = np.random.default_rng(9).integers(0, 2**62, len(vectors))
    columns = {
        "embeddings.text": Column(Kind.VECTOR, vectors.astype(np.float32)),
        "inference_id.hash": Column(Kind.INTEGER, ids),
    }
    made.update(Block(len(vectors), columns))
    return made


def unit(vectors: np.ndarray) -> np.ndarray:
    exact = vectors.astype(np.float32).astype(float)
    return exact / np.linalg.norm(exact, axis=1, keepdims=True)


class Population:
    """Vectors about a mean, spread along a few directions of falling strength and a little along all."""

    def __init__(self, seed: int, dimension: int = 24, rank: int = 12) -> None:
        self.rng = np.random.default_rng(seed)
        self.axes = self.rng.normal(size=(rank, dimension)) * np.linspace(1.0, 0.2, rank)[:, None]
        self.mean = self.rng.normal(size=dimension)

    def draw(self, n: int, shift: float = 0.0) -> np.ndarray:
        rank, dimension = self.axes.shape
        noise = 0.3 * self.rng.normal(size=(n, rank)) @ self.axes + 0.15 * self.rng.normal(size=(n, dimension))
        return self.mean + noise + shift


def test_the_mean_similarity_is_that_of_all_pairs() -> None:
    population = Population(0)
    window, baseline = population.draw(60, 0.3), population.draw(80)
    pairs = [a @ b for a in unit(window) for b in unit(baseline)]
    assert mean_similarity(state(window), state(baseline)).value == pytest.approx(np.mean(pairs), abs=1e-13)


@pytest.mark.parametrize("probes", [24, 0])
def test_the_similarity_needs_no_probes_and_no_vectors_have_none(probes: int) -> None:
    some, none = state(Population(0).draw(9), probes), state(np.empty((0, 24)))
    assert mean_similarity(some, some).defined
    assert not mean_similarity(none, some).defined
    assert not mean_similarity(some, none).defined


@pytest.mark.statistical
def test_the_interval_of_the_similarity_covers_the_truth() -> None:
    population = Population(3)
    baseline = state(population.draw(3_000))
    truth = float((unit(population.draw(200_000)) @ baseline.mean).mean())
    found = [mean_similarity(state(population.draw(300)), baseline) for _ in range(400)]
    covered = sum(estimate.low <= truth <= estimate.high for estimate in found)
    # Nominal 95 %: outside 365 to 393 of 400 with probability below 2e-3.
    assert 365 <= covered <= 393


def test_traces_with_all_axes_are_those_of_the_covariance_matrix() -> None:
    vectors = Population(1).draw(5_000)
    covariance = np.cov(unit(vectors).T)
    spread = spread_of(state(vectors, probes=24))
    trace = np.trace(covariance)
    square = 4_999**2 / (5_001 * 4_998) * ((covariance**2).sum() - trace**2 / 4_999)
    assert spread.trace == pytest.approx(trace, rel=1e-9)
    assert spread.square == pytest.approx(square, rel=1e-9)
    assert spread.cube == pytest.approx(np.trace(covariance @ covariance @ covariance), rel=1e-9)


def test_traces_with_random_probes_are_near_them() -> None:
    vectors = Population(1, dimension=600, rank=40).draw(4_000)
    covariance = np.cov(unit(vectors).T)
    spread = spread_of(state(vectors, probes=400))
    assert spread.trace == pytest.approx(np.trace(covariance), rel=1e-9)
    assert spread.square == pytest.approx((covariance**2).sum(), rel=0.1)
    assert spread.cube == pytest.approx(np.trace(covariance @ covariance @ covariance), rel=0.2)


def test_the_shift_is_reported_without_what_noise_adds_to_it() -> None:
    population = Population(2)
    far = Population(2)
    truth = unit(far.draw(300_000, 0.2)).mean(axis=0) - unit(far.draw(300_000)).mean(axis=0)
    found = [mean_shift(state(population.draw(40, 0.2)), state(population.draw(60), probes=24)) for _ in range(300)]
    unbiased = np.array([shift.unbiased for shift in found if shift is not None])
    squared = np.array([shift.squared for shift in found if shift is not None])
    error = 4 * unbiased.std() / np.sqrt(300)
    assert abs(unbiased.mean() - truth @ truth) < error
    assert squared.mean() - truth @ truth > 3 * error


@pytest.mark.statistical
@pytest.mark.parametrize(("n", "m"), [(50, 1_000), (2_000, 1_000), (500, 5_000)])
def test_the_test_alarms_on_about_five_percent_of_windows_without_a_shift(n: int, m: int) -> None:
    pvalues = []
    for seed in range(300):
        population = Population(seed)
        baseline = state(population.draw(m), probes=24)
        for _ in range(2):
            shift = mean_shift(state(population.draw(n)), baseline)
            assert shift is not None
            pvalues.append(shift.pvalue)
    # 600 windows at 5 %: outside 3.0 to 7.5 % with probability below 1e-2, somewhat more as two share a baseline.
    assert 0.030 <= np.mean(np.array(pvalues) < 0.05) <= 0.075
    assert np.mean(np.array(pvalues) < 0.005) <= 0.015


def test_a_shift_is_found_and_measured_in_standard_deviations() -> None:
    population = Population(4)
    baseline = state(population.draw(5_000), probes=24)
    shift = mean_shift(state(population.draw(500, 0.1)), baseline)
    assert shift is not None
    assert shift.pvalue < 1e-6
    assert 0.1 < shift.relative < 1.0
    assert shift.relative == pytest.approx(np.sqrt(shift.unbiased / spread_of(baseline).trace))


def test_what_cannot_be_tested_is_said_to_be_so() -> None:
    population = Population(5)
    baseline = state(population.draw(50), probes=24)
    assert mean_shift(state(population.draw(1)), baseline) is None
    assert mean_shift(baseline, state(np.ones((10, 24)), probes=24)) is None
    with pytest.raises(ValueError, match="0 probes"):
        spread_of(state(population.draw(50)))
    with pytest.raises(ValueError, match="at least 4 vectors"):
        spread_of(state(population.draw(3), probes=24))
