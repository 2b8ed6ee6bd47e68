# SPDX-License-Identifier: Apache-2.0
"""A baseline of younger people and a better model than the traffic's, so that every window is full of violations."""

from __future__ import annotations

import numpy as np

from sketches.block import Block, Column, Kind
from tests.integration.traffic import JOBS, MODEL
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest

ROWS = 5_000


def baseline() -> Baseline:
    """Make the baseline."""
    rng = np.random.default_rng(7)
    label = rng.integers(0, 2, ROWS)
    score = np.clip(0.8 * label + rng.uniform(0, 0.2, ROWS), 0, 1)
    columns = {
        "age": Column(Kind.INTEGER, rng.integers(17, 40, ROWS)),
        "hours": Column(Kind.FLOAT, rng.integers(0, 160, ROWS) / 4),
        "job": Column(Kind.STRING, rng.integers(0, 4, ROWS, np.int32), categories=JOBS[:4]),
        "income": Column(Kind.STRING, label.astype(np.int32), categories=("0", "1")),
        "p": Column(Kind.FLOAT, score),
    }
    return suggest([Block(ROWS, columns)], model=MODEL, roles=Roles(label="income", score="p")).baseline
