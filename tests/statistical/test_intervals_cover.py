# SPDX-License-Identifier: Apache-2.0
"""95 % intervals cover the truth in 93-97 % of windows, at 200 and 2,000 rows.

The population is a binormal classifier of Adult's quality (accuracy .85, a quarter positive). Each end of
each interval's claim fails falsely with a chance of at most 1e-3 for a new seed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from sketches.binary import score_edges
from tests.statistical.acceptance import at_least, at_most
from windows.statistics.auc import auc
from windows.statistics.binary_metrics import CELL_METRICS, Cells, closed_form, points

pytestmark = pytest.mark.statistical

SHARE, MEANS, SPREAD = 0.25, (-1.5, 1.0), 1.2
HIT, FALL = (float(norm.sf(-mean / SPREAD)) for mean in reversed(MEANS))
TRUTH = np.array([SHARE * HIT, SHARE * (1 - HIT), (1 - SHARE) * FALL, (1 - SHARE) * (1 - FALL)])
RUNS = 4_000


def covers(hits: int, runs: int) -> bool:
    return at_least(hits, runs, 0.93) and at_most(hits, runs, 0.97)


@pytest.mark.parametrize("n", [200, 2_000])
def test_intervals_of_cell_metrics(n):
    rng = np.random.default_rng(1)
    truth = points(TRUTH)
    hits = dict.fromkeys(CELL_METRICS, 0)
    for cells in rng.multinomial(n, TRUTH, RUNS).tolist():
        for name, estimate in closed_form(Cells(*cells)).items():
            hits[name] += estimate.low <= truth[name] <= estimate.high
    assert {name: covers(count, RUNS) for name, count in hits.items()} == dict.fromkeys(CELL_METRICS, True)


@pytest.mark.parametrize("n", [200, 2_000])
def test_intervals_of_the_area_under_the_curve(n):
    rng = np.random.default_rng(2)
    truth = float(norm.cdf((MEANS[1] - MEANS[0]) / (SPREAD * np.sqrt(2.0))))
    edges, hits, runs = score_edges(), 0, 3_000
    for _ in range(runs):
        label = rng.random(n) < SHARE
        score = expit(rng.normal(np.where(label, MEANS[1], MEANS[0]), SPREAD))
        bins = np.searchsorted(edges, score, side="right") - 1
        counts = (np.bincount(bins[label == side], minlength=len(edges) - 1) for side in (False, True))
        estimate = auc(*counts).estimate
        hits += estimate.low <= truth <= estimate.high
    assert covers(hits, runs)


def test_the_standard_deviation_is_that_of_repeated_windows():
    rng = np.random.default_rng(3)
    cells = rng.multinomial(2_000, TRUTH, RUNS)
    values, stated = points(cells.astype(float)), [closed_form(Cells(*row)) for row in cells[:200].tolist()]
    for name in CELL_METRICS:
        assert np.mean([estimates[name].sd for estimates in stated]) == pytest.approx(values[name].std(), rel=0.08)
