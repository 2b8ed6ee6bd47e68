# SPDX-License-Identifier: Apache-2.0
"""Without drift a p-value of alpha comes no more often than alpha: for every test of the product, at small levels too.

Each test fails falsely with a chance of at most 1e-3 a level for a new seed; sketches are not seeded, their part
is bounded.
The claim for tests that rest on a normal or beta approximation is 1.25 alpha.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from sketches.binary import BinaryQualitySpec, BinaryQualityState, score_edges
from sketches.quantiles import QuantilesSpec, QuantilesState
from tests.statistical.acceptance import at_most
from windows.statistics.chi_square import homogeneity
from windows.statistics.ks import conditional_pvalue, ks_distance, two_sample_pvalue
from windows.statistics.quality_tests import quality_pvalue
from windows.statistics.t_test import Moments, means_apart
from windows.statistics.tail import failure_pvalue

pytestmark = pytest.mark.statistical

LEVELS = (0.1, 0.05, 0.01, 0.002)


def super_uniform(pvalues: list[float], slack: float = 1.0) -> bool:
    found = np.array(pvalues)
    return all(at_most(int((found <= level).sum()), len(found), slack * level) for level in LEVELS)


def sketch(values: np.ndarray, k: int) -> QuantilesState:
    state = QuantilesSpec(k).empty()
    state.add(values)
    return state


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3])
@pytest.mark.parametrize(("n", "m"), [(200, 20_000), (5_000, 2_000)])
def test_the_tail_test_of_shares(share, n, m):
    rng = np.random.default_rng(1)
    counts = zip(rng.binomial(n, share, 8_000), rng.binomial(m, share, 8_000), strict=True)
    assert super_uniform([failure_pvalue(int(k), n, int(a), m) for k, a in counts], 1.25)


@pytest.mark.parametrize(("n", "m"), [(200, 20_000), (3_000, 3_000), (20_000, 2_000)])
@pytest.mark.parametrize("tail", [1.0, 2.5])
def test_the_homogeneity_of_categories(n, m, tail):
    rng = np.random.default_rng(2)
    shares = 1.0 / np.arange(1, 41) ** tail
    shares /= shares.sum()
    names = [f"c{i}" for i in range(40)]

    def draw(rows: int) -> dict[str, int]:
        drawn = zip(names, rng.multinomial(rows, shares).tolist(), strict=True)
        return {name: count for name, count in drawn if count}

    assert super_uniform([homogeneity(draw(n), draw(m)).pvalue for _ in range(3_000)], 1.25)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [200, 4_000])
def test_ks_given_one_baseline_and_between_two_samples(n, ties):
    rng = np.random.default_rng(3)

    def draw(rows: int) -> np.ndarray:
        return rng.poisson(3.0, rows).astype(float) if ties else rng.normal(size=rows)

    conditional, two_sample = [], []
    for _ in range(15):
        baseline = sketch(draw(10_000), 2048)
        for _ in range(40):
            distance = ks_distance(sketch(draw(n), 512), baseline)
            conditional.append(conditional_pvalue(distance, n, 10_000, 20))
            two_sample.append(two_sample_pvalue(distance, n, 10_000))
    assert super_uniform(conditional)
    assert super_uniform(two_sample, 1.25)


def test_ks_holds_for_the_unluckiest_of_many_baselines():
    rng = np.random.default_rng(4)
    unlucky = max((rng.normal(size=10_000) for _ in range(60)), key=lambda values: abs(values.mean()))
    baseline = sketch(unlucky, 2048)
    windows = [ks_distance(sketch(rng.normal(size=2_000), 512), baseline) for _ in range(400)]
    assert super_uniform([conditional_pvalue(distance, 2_000, 10_000, 20) for distance in windows])


def test_means_that_are_epsilon_apart():
    rng = np.random.default_rng(5)
    pvalues = []
    for _ in range(4_000):
        window, baseline = rng.normal(0.1, 1.0, 300), rng.normal(0.0, 1.0, 5_000)
        samples = (Moments(len(v), float(v.mean()), float(v.var(ddof=1))) for v in (window, baseline))
        pvalues.append(means_apart(*samples, 0.1)[1])
    assert super_uniform(pvalues, 1.25)


def quality(rng: np.random.Generator, n: int, share: float) -> BinaryQualityState:
    state, edges = BinaryQualitySpec().empty(), score_edges()
    label = rng.random(n) < share
    score = expit(rng.normal(np.where(label, 1.0, -1.5), 1.2))
    predicted = score > 0.5
    cells = (label & predicted, label & ~predicted, ~label & predicted, ~label & ~predicted)
    state.tp, state.fn, state.fp, state.tn = (int(cell.sum()) for cell in cells)
    bins = np.searchsorted(edges, score, side="right") - 1
    state.scores = np.array([np.bincount(bins[label == side], minlength=len(edges) - 1) for side in (False, True)])
    return state


@pytest.mark.parametrize(("n", "m", "share"), [(200, 20_000, 0.25), (2_000, 20_000, 0.25), (200, 20_000, 0.05)])
def test_model_quality(n, m, share):
    rng = np.random.default_rng(6)
    metrics = ("accuracy", "recall", "precision", "true_negative_rate", "f1", "f0_5", "f2", "auc")
    found: dict[str, list[float]] = {metric: [] for metric in metrics}
    for _ in range(100):
        baseline = quality(rng, m, share)
        for _ in range(20):
            window = quality(rng, n, share)
            for metric in metrics:
                pvalue = quality_pvalue(metric, window, baseline)
                if pvalue is not None:
                    found[metric].append(pvalue)
    assert {metric: super_uniform(pvalues, 1.25) for metric, pvalues in found.items()} == dict.fromkeys(metrics, True)
