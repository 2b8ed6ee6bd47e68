# SPDX-License-Identifier: Apache-2.0
"""False alarms and power, through the real sketches: of features, of a whole model, and of other people's rules."""

from __future__ import annotations

import numpy as np

from benchmarks._columns import SHIFTED, draw, shifted
from benchmarks._model_alarms import model_figures
from benchmarks._other_rules import other_rules
from benchmarks._windows import window_of
from benchmarks.figures import Figure
from sketches.block import Block
from windows.baselines.baseline import Baseline
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.violations import violations_of
from windows.window_profile import WindowProfile

BASELINES, BASELINE_ROWS = 20, 20_000
SHIFTS = (0.1, 0.25, 0.5)
FALSE_MOST, WORST_MOST, POWER_LEAST = 2.0, 5.0, 99.0
ASKED = (20, 200)
_DEFINITION = ModelDefinition(model="m")
# Windows a baseline, without drift and with each shift, by rows of a window.
_FULL = {200: (100, 10), 2_000: (100, 10), 20_000: (40, 5), 200_000: (40, 2)}
_QUICK = {200: (5, 1), 2_000: (5, 1), 20_000: (1, 1)}


def run(*, quick: bool) -> list[Figure]:
    """Judge windows without drift and with a shift of one of 20 features by the default rule, against 20 baselines."""
    rng = np.random.default_rng(1)
    baselines = [suggest([draw(rng, BASELINE_ROWS)], model="m").baseline for _ in range(BASELINES)]
    figures: list[Figure] = []
    for n, (healthy, moved) in (_QUICK if quick else _FULL).items():
        figures += _of_features(rng, baselines, n, healthy, moved)
    figures += [_asked(rng, baselines, every, 1 if quick else 50) for every in ASKED]
    return [*figures, *model_figures(rng, quick=quick), *other_rules(rng, quick=quick)]


def _of_features(rng: np.random.Generator, baselines: list[Baseline], n: int, healthy: int, moved: int) -> list[Figure]:
    false = np.zeros((len(baselines), healthy), bool)
    found = {shift: np.zeros((len(baselines), moved), bool) for shift in SHIFTS}
    for i, baseline in enumerate(baselines):
        for j in range(healthy):
            rows = draw(rng, n)
            window = window_of(_DEFINITION, rows)
            false[i, j] = bool(_alarms(window, baseline))
            for shift in SHIFTS if j < moved else ():
                found[shift][i, j] = SHIFTED in _alarms(_with_shift(window, rows, shift), baseline)
    figures = [
        Figure.of(f"alarms.false.n{n}", 100.0 * float(false.mean()), "% of windows", limit=FALSE_MOST),
        Figure.of(f"alarms.worst.n{n}", 100.0 * float(false.mean(axis=1).max()), "% of windows", limit=WORST_MOST),
    ]
    for shift, share in found.items():
        target = POWER_LEAST if shift == 0.25 and n >= 2_000 else None
        figures.append(Figure.of(f"alarms.power.n{n}.s{shift}", 100.0 * float(share.mean()), "%", limit=target))
    return figures


def _asked(rng: np.random.Generator, baselines: list[Baseline], every: int, windows: int) -> Figure:
    """What a user gets who asks for one false alarm in so many windows."""
    definition = ModelDefinition(model="m", false_alarm_every=every)
    alarmed = [
        bool(_alarms(window_of(definition, draw(rng, 2_000)), baseline))
        for baseline in baselines
        for _ in range(windows)
    ]
    return Figure.of(f"alarms.asked.N{every}", 100.0 * float(np.mean(alarmed)), "% of windows", limit=100.0 / every)


def _with_shift(window: WindowProfile, rows: Block, shift: float) -> WindowProfile:
    """The same window with one feature moved."""
    moved = shifted(rows, shift)
    window.profile.features[SHIFTED] = window_of(_DEFINITION, moved).profile.features[SHIFTED]
    return window


def _alarms(window: WindowProfile, baseline: Baseline) -> set[str]:
    return {v.verdict.subject for report in evaluate(window, baseline) for v in violations_of(report)}
