# SPDX-License-Identifier: Apache-2.0
"""Past windows of UCI Adult: healthy ones are alike as often as stated, and the hour with bad inputs is not.

Its columns are counts with gaps, skewed sums and up to 41 categories: what a synthetic stream has not. Each comparison
fails falsely with a chance of at most 1e-3 for a new seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stream.commands.tables import to_block
from stream.demo.data import FAULTY_HOURS, FEATURES, HOURS, lay_out, train
from tests.statistical.acceptance import at_most
from tests.windows.build import definition, window_of
from windows.history import PastWindow
from windows.monitors.anomaly import judge_anomaly, summary_of
from windows.monitors.settle import NEVER

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

DATA = Path(__file__).parents[2] / "examples" / "adult" / "adult.csv.gz"
MODES = ("z_score", "random_cut_forest")
MODEL = definition(data_drift={"anomaly": {"modes": MODES}})
ALPHA = 0.2
"""Of the monitor; each mode has a quarter."""
ROWS, PAST = 200, 24


def test_healthy_windows_are_like_the_past_and_one_with_bad_inputs_is_not():
    table = lay_out(train(DATA), seed=0, start_ms=0)
    traffic, hour = to_block(table, [*FEATURES, "label", "score"]), np.arange(len(table)) * HOURS // len(table) + 1
    healthy, bad = np.flatnonzero(~np.isin(hour, FAULTY_HOURS)), np.flatnonzero(hour == FAULTY_HOURS[0])
    rng = np.random.default_rng(1)

    def unlike(rows: np.ndarray, past: list[PastWindow]) -> set[tuple[str, str]]:
        verdicts = judge_anomaly(window_of(traffic.take(np.sort(rows)), MODEL), past, ALPHA, NEVER)[1]
        return {(v.mode, v.subject) for v in verdicts if v.outcome == "violation"}

    judged, alarmed = 0, dict.fromkeys(MODES, 0)
    for _ in range(10):
        past: list[PastWindow] = []
        for rows in np.array_split(rng.permutation(healthy), len(healthy) // ROWS):
            if len(past) >= PAST:
                judged += 1
                for mode in {mode for mode, _ in unlike(rows, past)}:
                    alarmed[mode] += 1
            summary = summary_of(window_of(traffic.take(np.sort(rows)), MODEL), past)
            assert summary is not None
            past.append(summary)
        found = unlike(rng.choice(bad, ROWS, replace=False), past)
        assert {("random_cut_forest", "*"), ("z_score", "hours_per_week")} <= found
    assert judged >= 300
    assert {mode: at_most(count, judged, ALPHA / 4) for mode, count in alarmed.items()} == dict.fromkeys(MODES, True)
