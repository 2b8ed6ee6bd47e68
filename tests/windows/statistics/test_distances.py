# SPDX-License-Identifier: Apache-2.0
"""Distances of counts and of sketches, against SciPy on raw rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from sketches.features import FeatureSpec, FeatureState
from sketches.quantiles import QuantilesSpec, QuantilesState
from tests.windows.build import column
from windows.statistics.cells import BINS, category_cells, numeric_cells
from windows.statistics.distances import (
    COUNT_DISTANCES,
    CommonCells,
    ShareErrors,
    count_distances,
    hellinger,
    jensen_shannon,
    psi,
    smoothed_shares,
)
from windows.statistics.wasserstein import wasserstein

COUNTS = st.integers(2, 40).flatmap(
    lambda cells: arrays(np.int64, (2, cells), elements=st.integers(0, 10_000)).filter(lambda c: c.sum(1).all())
)


def feature(values: np.ndarray | list, k: int = 512) -> FeatureState:
    state = FeatureSpec("x", k=k).empty()
    state.add(column(values))
    return state


def sketch(values: np.ndarray, k: int = 512) -> QuantilesState:
    state = QuantilesSpec(k).empty()
    state.add(values)
    return state


def of_counts(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda window, baseline: COUNT_DISTANCES[name](*smoothed_shares(window, baseline))


@given(COUNTS)
def test_distances_are_scipys_of_the_smoothed_counts(counts):
    some = counts.sum(0) > 0
    p, q = ((side + 0.5) / (side.sum() + 0.5 * len(side)) for side in counts[:, some])
    shares = smoothed_shares(*counts)
    assert jensen_shannon(*shares) == pytest.approx(jensenshannon(p, q), abs=1e-7)
    assert hellinger(*shares) == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2), abs=1e-12)
    assert psi(*shares) == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-9, abs=1e-12)


@given(COUNTS)
def test_distances_are_symmetric_bounded_and_zero_only_for_equal_shares(counts):
    equal = np.allclose(*smoothed_shares(*counts), rtol=1e-12, atol=0)
    for name, bound in (("jensen_shannon", np.sqrt(np.log(2))), ("hellinger", 1.0), ("psi", np.inf)):
        distance = of_counts(name)
        there, back = float(distance(*counts)), float(distance(*counts[::-1]))
        assert there == pytest.approx(back, rel=1e-9, abs=1e-9)
        assert 0 <= there <= bound
        assert equal or there > 0


@given(COUNTS, st.randoms(use_true_random=False))
def test_neither_the_order_of_cells_nor_cells_empty_on_both_sides_matter(counts, random):
    order = list(range(counts.shape[1]))
    random.shuffle(order)
    shuffled = np.hstack((counts[:, order], np.zeros((2, 3), int)))
    for distance in map(of_counts, COUNT_DISTANCES):
        assert distance(*shuffled) == pytest.approx(distance(*counts), abs=1e-7)


@pytest.mark.parametrize("name", COUNT_DISTANCES)
@pytest.mark.parametrize("n", [60, 200, 2_000])
def test_the_corrected_distance_is_zero_on_average_without_drift(name, n):
    rng = np.random.default_rng(1)
    shares = np.full(34, 1 / 34)
    pairs = [CommonCells(rng.multinomial(n, shares), rng.multinomial(20_000, shares)) for _ in range(300)]
    found = [distances[name] for distances in count_distances([name], pairs, rng)]
    corrected = np.array([distance.corrected for distance in found])
    # The mean's standard error is a seventeenth of the spread; pooling counts the window twice, which is n / m of it.
    assert abs(corrected.mean()) < 5 * corrected.std() / np.sqrt(len(corrected)) + 0.02 * found[0].expected
    assert corrected.mean() < 0.1 * np.mean([distance.value for distance in found])


def test_a_window_without_drift_exceeds_a_tenth_only_uncorrected():
    rng = np.random.default_rng(2)
    pairs = [CommonCells(rng.multinomial(200, [1 / 32] * 32), np.full(32, 625)) for _ in range(200)]
    found = [distances["jensen_shannon"] for distances in count_distances(["jensen_shannon"], pairs, rng)]
    assert np.mean([distance.value > 0.1 for distance in found]) > 0.95
    assert np.mean([distance.corrected > 0.1 for distance in found]) == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: rng.lognormal(0, 1.5, size=n),
        lambda rng, n: rng.poisson(3.0, n).astype(float),
    ],
    ids=["normal", "lognormal", "poisson"],
)
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_binned_distances_of_sketches_are_those_of_raw_rows_within_the_error(draw, shift):
    rng = np.random.default_rng(3)
    for n in (400, 5_000, 60_000):
        raw, before = draw(rng, n) + shift, draw(rng, 20_000)
        window, was = feature(raw), feature(before, k=2048)
        cells = numeric_cells(window, was, n + 50, 20_000)
        edges = np.unique(was.quantiles.quantile(np.arange(1, BINS) / BINS))
        exact = [
            np.append(np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1), [missing, 0])
            for values, missing in ((raw, 50), (before, 0))
        ]
        (measured,) = count_distances(list(COUNT_DISTANCES), [cells], rng)
        for name, found in measured.items():
            assert abs(found.value - float(of_counts(name)(*exact))) <= found.error + 1e-9, (name, n)
            if n == 400:
                assert window.quantiles.rank_error == 0.0


def test_columns_of_many_cells_and_of_few_are_compared_in_one_call_as_each_alone():
    rng = np.random.default_rng(4)
    pairs = [
        CommonCells(*rng.integers(0, 900, (2, cells)), ShareErrors(0.01 * rng.random(cells), 0.002))
        for cells in (5, 34, 5, 34, 2)
    ]
    together = count_distances(list(COUNT_DISTANCES), pairs, np.random.default_rng(5))
    for pair, found in zip(pairs, together, strict=True):
        (alone,) = count_distances(list(COUNT_DISTANCES), [pair], np.random.default_rng(6))
        for name, distance in found.items():
            assert (distance.value, distance.error) == pytest.approx((alone[name].value, alone[name].error), rel=1e-12)
            assert distance.expected == pytest.approx(alone[name].expected, rel=0.8)


def test_the_error_of_exact_counts_is_zero():
    cells = numeric_cells(feature(np.arange(300.0)), feature(np.arange(400.0), k=2048), 300, 400)
    assert [float(np.max(error)) for error in cells.errors] == [0.0, 0.0]
    (found,) = count_distances(list(COUNT_DISTANCES), [cells], np.random.default_rng(0))
    assert [distance.error for distance in found.values()] == [0.0, 0.0, 0.0]


def test_missing_rows_and_values_that_are_no_number_have_cells_of_their_own():
    window, was = feature([1.0, None, "many", 2.0, float("nan")]), feature([1.0, 2.0])
    cells = numeric_cells(window, was, 6, 2)
    assert cells.window.sum() == 6
    assert cells.window[-2:].tolist() == [3.0, 1.0]
    assert cells.baseline[-2:].tolist() == [0.0, 0.0]


def test_unseen_categories_are_one_cell():
    window, was = feature(["a", "x", "y", "z"]), feature(["a", "b"])
    cells = category_cells(window.categories, was.categories)
    assert cells.window.tolist() == [1.0, 0.0, 3.0]
    assert cells.baseline.tolist() == [1.0, 1.0, 0.0]


def clipped(raw: np.ndarray, before: np.ndarray, was: QuantilesState) -> float:
    low, first, third, high = was.quantile([0.005, 0.25, 0.75, 0.995])
    return wasserstein_distance(np.clip(raw, low, high), np.clip(before, low, high)) / (third - first)


@given(
    arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6)),
    arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6)),
)
def test_wasserstein_of_exact_sketches_is_scipys(raw, before):
    found = wasserstein(sketch(raw), sketch(before, 2048))
    first, third = sketch(before, 2048).quantile([0.25, 0.75])
    if not third > first:
        assert found is None
    else:
        assert found.error == 0.0
        assert found.value == pytest.approx(clipped(raw, before, sketch(before, 2048)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("n", [5_000, 60_000])
def test_wasserstein_of_sketches_is_that_of_raw_rows_within_the_error(n):
    rng = np.random.default_rng(4)
    for draw in (rng.normal, rng.exponential, rng.standard_cauchy):
        raw, before = draw(size=n) * 1.2, draw(size=20_000)
        window, was = sketch(raw), sketch(before, 2048)
        found = wasserstein(window, was)
        assert abs(found.value - clipped(raw, before, was)) <= found.error


def test_wasserstein_is_the_shift_in_interquartile_ranges_whatever_the_outliers():
    rng = np.random.default_rng(5)
    before = rng.normal(size=20_000)
    raw = rng.normal(0.5, 1.0, 4_000)
    raw[:10] = 1e12
    assert wasserstein(sketch(raw), sketch(before)).value == pytest.approx(0.5 / 1.349, rel=0.1)


@pytest.mark.parametrize("n", [60, 500])
def test_wasserstein_minus_its_expectation_is_zero_on_average_without_drift(n):
    rng = np.random.default_rng(6)
    found = [wasserstein(sketch(rng.normal(size=n)), sketch(rng.normal(size=2_000))) for _ in range(200)]
    corrected = np.array([distance.corrected for distance in found])
    assert abs(corrected.mean()) < 0.1 * np.mean([distance.value for distance in found])


def test_an_imported_baselines_rank_error_counts_twice():
    rng = np.random.default_rng(7)
    window, was = feature(rng.normal(size=300)), feature(rng.normal(size=30_000), k=2048)
    once = wasserstein(window.quantiles, was.quantiles).error
    assert wasserstein(window.quantiles, was.quantiles, baseline_error_factor=2.0).error == pytest.approx(2 * once)
    errors = [numeric_cells(window, was, 300, 30_000, baseline_error_factor=f).errors.baseline for f in (1.0, 2.0)]
    assert np.allclose(errors[1], 2 * errors[0])
