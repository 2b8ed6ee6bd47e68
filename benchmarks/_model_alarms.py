# SPDX-License-Identifier: Apache-2.0
"""Alarms of a whole model: a logistic regression on UCI Adult, watched by every monitor its events allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks._windows import window_of
from benchmarks.figures import Figure
from sketches.block import Block, Column
from stream.commands.baselines import suggest_baseline
from stream.commands.tables import to_block
from stream.demo.data import BASELINE_ROLES, FEATURES, serve, train
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.violations import violations_of

DATA = Path(__file__).parents[1] / "examples" / "adult" / "adult.csv.gz"
HOUR_ROWS = 2_713
FALSE_MOST, POWER_LEAST = 2.0, 99.0
DEFINITION = ModelDefinition.model_validate(
    {
        "model": "adult",
        "problem_type": "BinaryClassification",
        "monitors": {
            "bias": {"facets": [{"name": "sex", "values": ["Female"]}, {"name": "race", "values": ["Black"]}]}
        },
    }
)
ONE_SD = ModelDefinition.model_validate(
    {
        "model": "adult",
        "problem_type": "BinaryClassification",
        "monitors": {
            "data_quality": {"enabled": False},
            "data_drift": {"enabled": False},
            "model_quality": {"mode": "one_sd"},
        },
    }
)
_ROLES = Roles("label", "prediction", "score")


def model_figures(rng: np.random.Generator, *, quick: bool) -> list[Figure]:
    """Judge healthy hours of two sizes, and hours whose labels are flipped for a third of the rows."""
    trained = train(DATA)
    baseline = suggest_baseline(trained.baseline, BASELINE_ROLES, DEFINITION).baseline
    rows = _block(serve(trained, trained.test))
    figures = []
    for n, windows in ((200, 100 if quick else 1_000), (HOUR_ROWS, 30 if quick else 400)):
        alarmed = [_alarmed(rows.take(rng.choice(rows.n, n, replace=False)), baseline) for _ in range(windows)]
        share = 100.0 * float(np.mean(alarmed))
        figures.append(Figure.of(f"alarms.model.false.n{n}", share, "% of windows", limit=FALSE_MOST))
    found = [_alarmed(_flipped(rows, rng), baseline) for _ in range(20 if quick else 100)]
    figures.append(Figure.of("alarms.model.power", 100.0 * float(np.mean(found)), "%", limit=POWER_LEAST))
    hours = [rows.take(rng.choice(rows.n, HOUR_ROWS, replace=False)) for _ in range(30 if quick else 400)]
    one_sd = 100.0 * float(np.mean([_alarmed(hour, baseline, ONE_SD) for hour in hours]))
    return [*figures, Figure(f"alarms.one_sd.false.n{HOUR_ROWS}", one_sd, "% of windows")]


def _block(table: pa.Table) -> Block:
    return to_block(table, [*FEATURES, "label", "prediction", "score"])


def _flipped(rows: Block, rng: np.random.Generator) -> Block:
    hour = rows.take(rng.choice(rows.n, HOUR_ROWS, replace=False))
    label = hour.columns["label"]
    values = np.where(rng.random(hour.n) < 1 / 3, 1 - label.values, label.values)
    return Block(hour.n, {**hour.columns, "label": Column(label.kind, values)})


def _alarmed(rows: Block, baseline: Baseline, definition: ModelDefinition = DEFINITION) -> bool:
    return any(violations_of(report) for report in evaluate(window_of(definition, rows, _ROLES), baseline))
