# SPDX-License-Identifier: Apache-2.0
"""Losses of scores: 95 % intervals cover 93-97 %, p-values of alpha come no more often than 1.25 alpha without change.

Intervals are for a calibrated classifier whose logits have a standard deviation of 1.5. Each comparison fails falsely
with a chance of at most 1e-3 for a new seed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from sketches.score_losses import ScoreLosses
from tests.statistical.acceptance import at_least, at_most
from windows.statistics.losses import LOSSES, loss_pvalue, mean_losses

pytestmark = pytest.mark.statistical

LEVELS = (0.1, 0.05, 0.01, 0.002)


def draw(rng: np.random.Generator, n: int, spread: float = 1.5, steeper: float = 1.0) -> ScoreLosses:
    logit = rng.normal(-1.0, spread, n)
    score, label = expit(steeper * logit), rng.random(n) < expit(logit)
    losses = ScoreLosses()
    losses.add(np.where(label, score, 1 - score), (score - label) ** 2, score, label, 1)
    return losses


@pytest.mark.parametrize("n", [200, 2_000])
def test_intervals_cover_the_truth(n):
    rng = np.random.default_rng(1)
    truth = {name: estimate.value for name, estimate in mean_losses(draw(rng, 2_000_000)).items()}
    found = [mean_losses(draw(rng, n)) for _ in range(3_000)]
    for name, true in truth.items():
        hits = sum(estimates[name].low <= true <= estimates[name].high for estimates in found)
        assert at_least(hits, len(found), 0.93), (name, hits)
        assert at_most(hits, len(found), 0.97), (name, hits)


@pytest.mark.parametrize(("n", "m"), [(200, 20_000), (2_000, 20_000), (200, 2_000)])
@pytest.mark.parametrize(("spread", "steeper"), [(1.5, 1.0), (3.0, 1.0), (3.0, 2.5)])
def test_pvalues_without_change(spread, steeper, n, m):
    """Also where most probabilities are near 0 and 1, and where they are too sure of it."""
    rng = np.random.default_rng(2)
    found: dict[str, list[float]] = {metric: [] for metric in LOSSES}
    for _ in range(40):
        baseline = draw(rng, m, spread, steeper)
        for _ in range(30):
            window = draw(rng, n, spread, steeper)
            for metric, pvalues in found.items():
                pvalue = loss_pvalue(metric, window, baseline)
                assert pvalue is not None
                pvalues.append(pvalue)
    for metric, pvalues in found.items():
        for level in LEVELS:
            assert at_most(sum(p <= level for p in pvalues), len(pvalues), 1.25 * level), (metric, level)
