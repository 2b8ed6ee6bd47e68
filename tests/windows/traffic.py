# SPDX-License-Identifier: Apache-2.0
"""Small traffic for tests of time: ten-second windows, ids of four digits, a feature `x` and a score."""

from __future__ import annotations

import numpy as np

from sketches.block import Block, Column, Kind
from windows.definition import Catalog, ModelDefinition
from windows.events import BlockArrived, Counted, LabelsArrived, Publish
from windows.partition.step import step
from windows.partition.store import PartitionStore

SECOND = 1_000
WINDOW = {"size": "10s", "grace": "3s", "label_horizon": "20s", "retention": "40s", "idle_timeout": "15s"}


def definition(**changes):
    changes["window"] = WINDOW | changes.get("window", {})
    return ModelDefinition(**({"model": "m", "problem_type": "BinaryClassification"} | changes))


def store_of(*definitions):
    return PartitionStore(0, 1, Catalog(definitions or (definition(),)), np.random.default_rng(1))


def encoded(numbers):
    return np.array([list(f"{i:04d}".encode()) for i in numbers], np.uint8).reshape(-1, 4)


def events(numbers, seconds, *, version="1", model="m", scores=None, x=None):
    n = len(numbers)
    at_ms = np.broadcast_to(np.asarray(seconds) * SECOND, n).astype(np.int64)
    columns = {
        "x": Column(Kind.FLOAT, np.asarray(x if x is not None else numbers, np.float64)),
        "prediction.score": Column(Kind.FLOAT, np.broadcast_to(0.9 if scores is None else scores, n).astype(float)),
    }
    return BlockArrived(model, version, encoded(numbers), at_ms, Block(n, columns))


def labels(numbers, classes, seconds, *, version=None, model="m"):
    n = len(numbers)
    at_ms = np.broadcast_to(np.asarray(seconds) * SECOND, n).astype(np.int64)
    names = tuple(sorted(set(classes)))
    codes = np.array([names.index(name) for name in classes], np.int32)
    return LabelsArrived(model, version, encoded(numbers), at_ms, Column(Kind.STRING, codes, None, names))


def run(store, *happened):
    return [effect for event in happened for effect in step(store, event)]


def published(effects):
    return [(e.partial.window_start_ms // SECOND, e.partial.part) for e in effects if isinstance(e, Publish)]


def counted(effects):
    totals = {}
    for effect in effects:
        if isinstance(effect, Counted):
            totals[effect.what] = totals.get(effect.what, 0) + effect.rows
    return totals


def windows(store, version="1", model="m"):
    return {start // SECOND: window for start, window in store.models[model].versions[version].windows.items()}
