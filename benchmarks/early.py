# SPDX-License-Identifier: Apache-2.0
"""Warn of a shift inside an open hour, through the real states: how early, how often in vain, and at what cost."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks._columns import SHIFTED, draw
from benchmarks.figures import Figure
from sketches.block import Block, Column, Kind
from sketches.sliced import EVENT_TIME
from windows.baselines.baseline import Baseline
from windows.baselines.grids import grid_of
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.grid import Grid
from windows.looks import Look
from windows.monitors.early_warning import warnings_of
from windows.partition.looking import LOOKS
from windows.partition.open_window import OpenWindow
from windows.partition.specs import EARLY

HOUR_MS, MINUTE_MS = 3_600_000, 60_000
ROWS, BASELINE_ROWS = 2_000, 20_000
SHIFT, FROM_MINUTE = 0.5, 10
LEAD_LEAST, FALSE_MOST, COST_LEAST = 40.0, 1.0, 0.9
BLOCK, COLUMNS, BLOCKS = 4_096, 20, 64
_DEFINITION = ModelDefinition.model_validate(
    {"model": "m", "monitors": {"data_drift": {"early_warning": {"enabled": True}}}}
)


def run(*, quick: bool) -> list[Figure]:
    """Shift one of 20 features by half a standard deviation from minute 10 of an hour of 2,000 rows to its end."""
    rng = np.random.default_rng(1)
    leads: list[float] = []
    false: list[bool] = []
    for _ in range(3 if quick else 20):
        baseline = suggest([draw(rng, BASELINE_ROWS)], model="m").baseline
        leads += [_lead(rng, baseline, SHIFT) for _ in range(8 if quick else 20)]
        false += [_lead(rng, baseline, 0.0) > 0.0 for _ in range(8 if quick else 50)]
    return [
        Figure.of("early.lead", statistics.median(leads), "minutes before close", limit=LEAD_LEAST),
        Figure("early.lead.p10", float(np.quantile(leads, 0.1)), "minutes before close"),
        Figure.of("early.false", 100.0 * float(np.mean(false)), "% of windows", limit=FALSE_MOST),
        Figure("early.missed", 100.0 * float(np.mean([lead == 0.0 for lead in leads])), "% of windows"),
        *_costs(rng, 3 if quick else 12),
    ]


def _lead(rng: np.random.Generator, baseline: Baseline, shift: float) -> float:
    """Minutes before the end of an hour at which its first warning comes, 0 for none."""
    times = np.sort(rng.integers(0, HOUR_MS, ROWS))
    rows = draw(rng, ROWS)
    moved = rows.columns[SHIFTED].values + np.where(times >= FROM_MINUTE * MINUTE_MS, shift, 0.0)
    columns = {**rows.columns, SHIFTED: Column(Kind.FLOAT, moved)}
    window = OpenWindow(_DEFINITION, 0, grid_of(baseline))
    for look in range(LOOKS):
        ends = np.searchsorted(times, [look * HOUR_MS // LOOKS, (look + 1) * HOUR_MS // LOOKS])
        here = np.arange(*ends)
        extra = Block(len(here), {EVENT_TIME: Column(Kind.INTEGER, times[here])})
        window.add(Block(ROWS, columns).take(here), extra)
        if warnings_of(Look(_DEFINITION, 0, window.of_events[EARLY]), baseline):
            return 60.0 * (LOOKS - look - 1) / LOOKS
    return 0.0


def _costs(rng: np.random.Generator, rounds: int) -> list[Figure]:
    """Throughput of a window that warns early over that of one that does not, in turn, on fresh rows.

    `early.cost` is of a model of 900 rows a second, whose slices hold more rows than are counted, as those of any model
    do that keeps a worker busy by itself; `early.cost.all` counts every row, as of many models of few rows each.
    """
    names = [f"feature_{i}" for i in range(COLUMNS)]
    grid = grid_of(suggest([_block(rng, names, BASELINE_ROWS)], model="m").baseline)
    ratios: dict[str, list[float]] = {"early.cost": [], "early.cost.all": []}
    for _ in range(rounds):
        blocks = [_block(rng, names, BLOCK) for _ in range(BLOCKS)]
        # All in one slice, or few enough in each of them.
        for name, width_ms, few in (("early.cost", HOUR_MS // 12, BLOCKS), ("early.cost.all", HOUR_MS, BLOCKS // 4)):
            times = np.sort(rng.integers(0, width_ms, few * BLOCK)).reshape(few, BLOCK)
            plain, counting = _seconds(blocks[:few], times, None), _seconds(blocks[:few], times, grid)
            ratios[name].append(plain / counting)
    limits = {"early.cost": COST_LEAST, "early.cost.all": None}
    return [
        Figure.of(name, statistics.median(found), "of the throughput without", limit=limits[name])
        for name, found in ratios.items()
    ]


def _block(rng: np.random.Generator, names: list[str], n: int) -> Block:
    return Block(n, {name: Column(Kind.FLOAT, rng.normal(size=n)) for name in names})


def _seconds(blocks: list[Block], times: np.ndarray, grid: Grid | None) -> float:
    """Processor time of a window that takes blocks and writes its sketches."""
    window = OpenWindow(_DEFINITION, 0, grid)
    began = time.process_time()
    for block, at_ms in zip(blocks, times, strict=True):
        extra = Block(block.n, {EVENT_TIME: Column(Kind.INTEGER, at_ms)}) if window.wants_extra else None
        window.add(block, extra)
    for feature in window.profile.features.values():
        feature.quantiles.to_bytes()
    return time.process_time() - began
