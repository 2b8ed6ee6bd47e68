# SPDX-License-Identifier: Apache-2.0
"""Windows of a stationary model are unlike the past no more often than stated, and a change is found.

Columns are normal, heavy-tailed, counts, rare flags and categories; windows have 150 to 900 rows, and their means
wander by themselves or not. Each comparison fails falsely with a chance of at most 1e-3 for a new seed. The levels are
above those of a real budget, so that few windows tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block
from tests.statistical.acceptance import at_least, at_most
from tests.windows.build import column, definition, window_of
from windows.monitors.anomaly import judge_anomaly, summary_of
from windows.monitors.settle import NEVER
from windows.window_profile import WindowProfile

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

MODES = ("z_score", "random_cut_forest")
MODEL = definition(data_drift={"anomaly": {"modes": MODES}})
ALPHA = 0.4
"""Of the monitor; each mode has a quarter."""
PAST, JUDGED = 40, 150
JOBS = [f"job {i}" for i in range(40)]
SHARES = 1.0 / np.arange(1, 41) ** 1.5


def windows(rng: np.random.Generator, wander: float) -> Iterator[tuple[WindowProfile, WindowProfile]]:
    """Give healthy windows, each beside one whose first column is shifted by a standard deviation."""
    for hour in range(PAST + JUDGED):
        n = int(rng.integers(150, 900))
        own = wander * rng.normal(size=4)
        columns = {
            **{f"x{i}": rng.normal(own[i], 1.0, n) for i in range(4)},
            **{f"heavy{i}": rng.lognormal(0.0, 1.5, n) for i in range(2)},
            "count": rng.poisson(5.0, n).astype(float),
            "rare": (rng.random(n) < 0.004).astype(float),
            "job": rng.choice(JOBS, n, p=SHARES / SHARES.sum()),
        }
        shifted = columns | {"x0": columns["x0"] + 1.0}
        both = [Block(n, {name: column(values) for name, values in held.items()}) for held in (columns, shifted)]
        healthy, changed = (replace(window_of(held, MODEL), window_start_ms=hour * 3_600_000) for held in both)
        yield healthy, changed


@pytest.mark.parametrize(("wander", "forest_power"), [(0.0, 0.98), (0.2, 0.75)])
def test_healthy_windows_alarm_as_stated_and_a_shift_is_found(wander, forest_power):
    past, alarms, found = [], dict.fromkeys(MODES, 0), dict.fromkeys(MODES, 0)
    for healthy, changed in windows(np.random.default_rng(1), wander):
        if len(past) >= PAST:
            for profile, count in ((healthy, alarms), (changed, found)):
                verdicts = judge_anomaly(profile, past, ALPHA, NEVER)[1]
                for mode in {verdict.mode for verdict in verdicts if verdict.outcome == "violation"}:
                    count[mode] += 1
        past.append(summary_of(healthy, past))
    assert {mode: at_most(count, JUDGED, ALPHA / 4) for mode, count in alarms.items()} == dict.fromkeys(MODES, True)
    assert at_least(found["z_score"], JUDGED, 0.95)
    assert at_least(found["random_cut_forest"], JUDGED, forest_power)
