# SPDX-License-Identifier: Apache-2.0
"""Profile a block of 4,096 rows and 20 columns, against plain KLL updates of the same columns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from datasketches import kll_doubles_sketch

from benchmarks.figures import Figure
from sketches import Block, Column, Kind, ProfileSpec, ProfileState, QuantilesState

ROWS, COLUMNS, K = 4_096, 20, 512
BLOCKS = 16


def run(*, quick: bool) -> list[Figure]:
    """Measure processor time both ways in turn, so that a busy machine slows both; each round takes fresh rows."""
    rng = np.random.default_rng(1)
    plain, ours, errors, bounds = [], [], [], []
    for _ in range(3 if quick else 12):
        rounds = [_block(rng) for _ in range(BLOCKS)]
        plain.append(_seconds(partial(_plain, rounds)))
        state = ProfileSpec(k=K).empty()
        ours.append(_seconds(partial(_profile, rounds, state)))
        for name, feature in state.features.items():
            values = np.concatenate([block.columns[name].values for block in rounds])
            errors.append(_worst_rank(feature.quantiles, values))
            bounds.append(feature.quantiles.rank_error)
    rows = ROWS * BLOCKS
    ratio = statistics.median(slow / fast for slow, fast in zip(plain, ours, strict=True))
    return [
        Figure("profile", rows / statistics.median(ours), "rows/s", rows / statistics.median(plain), ratio),
        Figure.of("profile.rank_error", float(np.quantile(errors, 0.99)), "of n", limit=bounds[0]),
    ]


def _block(rng: np.random.Generator) -> Block:
    return Block(ROWS, {f"feature_{i}": Column(Kind.FLOAT, rng.normal(size=ROWS)) for i in range(COLUMNS)})


def _plain(blocks: list[Block]) -> None:
    sketches = {name: kll_doubles_sketch(K) for name in blocks[0].columns}
    for block in blocks:
        for name, column in block.columns.items():
            sketches[name].update(column.values)


def _profile(blocks: list[Block], state: ProfileState) -> None:
    for block in blocks:
        state.update(block)
    for feature in state.features.values():
        feature.quantiles.to_bytes()


def _worst_rank(state: QuantilesState, values: np.ndarray) -> float:
    points = state.weighted()[0]
    true = np.searchsorted(np.sort(values), points, side="right") / len(values)
    return float(np.abs(state.cdf(points) - true).max())


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
