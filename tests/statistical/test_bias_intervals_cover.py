# SPDX-License-Identifier: Apache-2.0
"""95 % intervals of DPL and DI cover the truth in 93-97 % of windows, at 200 and 2,000 rows.

The population has the shares of Adult: a third women, of whom 11 % earn and 8 % are predicted more than 50K, against
30 % and 26 % of men. Each end of each interval's claim fails falsely with a chance of at most 1e-3 for a new seed.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistical.acceptance import at_least, at_most
from windows.statistics.bias_estimates import estimate_bias
from windows.statistics.bias_metrics import BIAS_METRICS

pytestmark = pytest.mark.statistical

# By side (women, men), actual and predicted.
TRUTH = np.array([[[0.284, 0.011], [0.021, 0.016]], [[0.420, 0.047], [0.075, 0.126]]])
RUNS = 4_000


@pytest.mark.parametrize("n", [200, 2_000])
@pytest.mark.parametrize("name", ["DPL", "DI"])
def test_intervals_of_bias_metrics(name, n):
    metric = BIAS_METRICS[name]
    truth = float(metric.formula(metric.counts(np.pad(TRUTH[:, None], [(0, 0)] * 3 + [(0, 1)]))))
    draws = np.random.default_rng(11).multinomial(n, TRUTH.ravel(), RUNS).reshape(RUNS, 2, 1, 2, 2)
    hits = 0
    for cells in np.pad(draws, [(0, 0)] * 4 + [(0, 1)]):
        estimate = estimate_bias(metric, cells)
        hits += estimate.low <= truth <= estimate.high
    assert at_least(hits, RUNS, 0.93)
    assert at_most(hits, RUNS, 0.97)
