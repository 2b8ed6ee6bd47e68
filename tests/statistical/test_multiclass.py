# SPDX-License-Identifier: Apache-2.0
"""Many classes: 95 % intervals cover 93-97 %, p-values of alpha come no more often than 1.25 alpha without change.

Intervals are for ten classes of equal frequency and accuracy .9. Each comparison fails falsely with a chance of at most
1e-3 for a new seed.
"""

from __future__ import annotations

import numpy as np
import pytest

from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from tests.statistical.acceptance import at_least, at_most
from windows.statistics.multiclass_metrics import closed_form, points
from windows.statistics.multiclass_tests import multiclass_pvalue

pytestmark = pytest.mark.statistical

RUNS = 3_000
LEVELS = (0.1, 0.05, 0.01, 0.002)
TESTED = ("accuracy", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2")


def population(rng: np.random.Generator, classes: int, accuracy: float, tail: float) -> np.ndarray:
    """Shares of the cells: each class is taken for others at random, the frequencies fall by a power law."""
    frequency = np.arange(1, classes + 1) ** -tail
    shares = np.zeros((classes, classes))
    for i in range(classes):
        shares[i, np.arange(classes) != i] = (1 - accuracy) * rng.dirichlet(np.full(classes - 1, 0.5))
        shares[i, i] = accuracy
    return frequency[:, None] / frequency.sum() * shares


def draw(rng: np.random.Generator, n: int, shares: np.ndarray) -> np.ndarray:
    return rng.multinomial(n, shares.ravel()).reshape(shares.shape)


def state(confusion: np.ndarray) -> MulticlassQualityState:
    made = MulticlassQualitySpec().empty()
    made.cells = {
        (f"{actual:03d}", f"{predicted:03d}"): int(rows)
        for (actual, predicted), rows in np.ndenumerate(confusion)
        if rows
    }
    return made


@pytest.mark.parametrize("n", [200, 2_000])
def test_intervals_cover_the_truth_and_deviations_are_those_of_repeated_windows(n):
    rng = np.random.default_rng(1)
    shares = population(rng, 10, 0.9, 0.0)
    truth = {name: float(v) for name, v in points(shares.sum(1), shares.sum(0), np.diagonal(shares)).items()}
    found = [closed_form(draw(rng, n, shares)) for _ in range(RUNS)]
    for name, true in truth.items():
        hits = sum(estimates[name].low <= true <= estimates[name].high for estimates in found)
        assert at_least(hits, RUNS, 0.93), (name, hits)
        assert at_most(hits, RUNS, 0.97), (name, hits)
        stated = np.sqrt(np.mean([estimates[name].sd ** 2 for estimates in found]))
        assert stated == pytest.approx(np.std([estimates[name].value for estimates in found]), rel=0.08), name


@pytest.mark.parametrize(("n", "m"), [(200, 20_000), (2_000, 20_000), (200, 2_000)])
@pytest.mark.parametrize(
    ("classes", "accuracy", "tail"), [(3, 0.9, 0.0), (10, 0.9, 0.0), (10, 0.999, 0.0), (50, 0.7, 1.0)]
)
def test_pvalues_without_change(classes, accuracy, tail, n, m):
    """The fifty classes fall to a few rows a window, the three nines to a perfect baseline."""
    rng = np.random.default_rng(2)
    shares = population(rng, classes, accuracy, tail)
    found: dict[str, list[float]] = {metric: [] for metric in TESTED}
    for _ in range(60):
        baseline = state(draw(rng, m, shares))
        for _ in range(20):
            window = state(draw(rng, n, shares))
            for metric, pvalues in found.items():
                pvalue = multiclass_pvalue(metric, window, baseline)
                assert pvalue is not None
                pvalues.append(pvalue)
    for metric, pvalues in found.items():
        for level in LEVELS:
            assert at_most(sum(p <= level for p in pvalues), len(pvalues), 1.25 * level), (metric, level)


@pytest.mark.parametrize(("n", "swapped", "power"), [(200, 0.2, 0.97), (2_000, 0.05, 0.97)])
def test_a_share_of_swapped_labels_is_found(n, swapped, power):
    """At the level of one metric of seven with an eighth of a budget of 2 %: 0.0007."""
    rng = np.random.default_rng(3)
    shares = population(rng, 10, 0.9, 0.0)
    spoiled = (1 - swapped) * shares + swapped * np.roll(shares, 1, axis=0)
    baseline = state(draw(rng, 20_000, shares))
    for metric in TESTED:
        found = [multiclass_pvalue(metric, state(draw(rng, n, spoiled)), baseline) for _ in range(300)]
        assert at_least(sum(p is not None and p <= 0.0007 for p in found), 300, power), metric
