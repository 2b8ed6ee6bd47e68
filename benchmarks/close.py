# SPDX-License-Identifier: Apache-2.0
"""The close of a window: from four partitions' profile records to its reports."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.figures import Figure
from sketches.block import Block, Column, Kind
from sketches.envelope import seal, unseal
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles, by_role
from windows.baselines.suggest import suggest
from windows.definition import Catalog, ModelDefinition
from windows.evaluate import evaluate
from windows.events import Partial
from windows.gather import Gather
from windows.partition.open_window import OpenWindow
from windows.report import Report

PARTITIONS = 4
NUMBERS, CATEGORIES = 16, 4
CHUNK = 50_000
LIMIT_MS = 50.0
DEFINITION = ModelDefinition(model="close", problem_type="BinaryClassification")
ROLES = Roles(label="label", score="score")


def run(quick: bool) -> list[Figure]:
    """Measure `close.1e3` and `close.1e6`, medians: unseal, decode, merge and judge, 20 features and binary quality."""
    rng = np.random.default_rng(1)
    baseline = suggest([_rows(rng, 30_000)], model=DEFINITION.model, roles=ROLES).baseline
    repeats = 7 if quick else 21
    return [
        Figure.of(f"close.1e{power}", _median_ms(_records(rng, 10**power), baseline, repeats), "ms", limit=LIMIT_MS)
        for power in (3, 6)
    ]


def _median_ms(records: list[tuple[int, Partial, bytes]], baseline: Baseline, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        reports = _close(records, baseline)
        taken.append(1e3 * (time.perf_counter() - began))
        assert [report.status for report in reports] == ["Completed"] * 3, reports
    return float(np.median(taken))


def _close(records: list[tuple[int, Partial, bytes]], baseline: Baseline) -> list[Report]:
    gather = Gather(PARTITIONS, Catalog((DEFINITION,)))
    for source, told, data in records:
        envelope = unseal(data)
        partial = Partial(
            told.model,
            told.version,
            told.window_start_ms,
            told.part,
            envelope.payload,
            envelope.fingerprint,
            envelope.revision,
            envelope.features_closed,
            envelope.labels_closed,
            envelope.definition,
        )
        gather.arrived(partial, source, envelope.partitions, 0)
    (profile,) = gather.due(0)
    return evaluate(profile, baseline)


def _records(rng: np.random.Generator, rows: int) -> list[tuple[int, Partial, bytes]]:
    """What the partitions published of one window of so many rows, as it lies on the topic."""
    records = []
    for source in range(PARTITIONS):
        window = OpenWindow(DEFINITION, 0)
        for start in range(0, rows // PARTITIONS, CHUNK):
            block = _rows(rng, min(CHUNK, rows // PARTITIONS - start))
            monitored, _, judged = by_role(block, ROLES)
            window.add(monitored)
            window.relabel(None, judged)
        newest = {effect.partial.part: effect.partial for effect in (*window.close_features(), *window.close_labels())}
        for partial in sorted(newest.values(), key=lambda partial: partial.part == "rows"):
            assert partial.payload is not None
            sealed = seal(
                partial.payload,
                fingerprint=partial.fingerprint,
                revision=partial.revision,
                features_closed=partial.features_closed,
                labels_closed=partial.labels_closed,
                partitions=PARTITIONS,
                definition=partial.definition,
            )
            records.append((source, partial, sealed))
    return records


def _rows(rng: np.random.Generator, n: int) -> Block:
    columns = {f"x{i:02d}": Column(Kind.FLOAT, rng.normal(size=n)) for i in range(NUMBERS)}
    names = tuple(f"category {i}" for i in range(30))
    for i in range(CATEGORIES):
        codes = np.minimum(rng.geometric(0.2, n) - 1, len(names) - 1).astype(np.int32)
        columns[f"c{i}"] = Column(Kind.STRING, codes, categories=names)
    label = rng.random(n) < 0.25
    columns["label"] = Column(Kind.BOOLEAN, label)
    columns["score"] = Column(Kind.FLOAT, 1.0 / (1.0 + np.exp(-rng.normal(np.where(label, 1.0, -1.5), 1.2))))
    return Block(n, columns)
