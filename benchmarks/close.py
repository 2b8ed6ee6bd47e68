# SPDX-License-Identifier: Apache-2.0
"""The close of a window: from four partitions' profile records to its reports, by the usual monitors and by all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.figures import Figure
from sketches.block import Block, Column, Kind
from sketches.envelope import seal, unseal
from sketches.groups import ID_HASH
from sketches.sliced import EVENT_TIME
from windows.baselines.baseline import Baseline
from windows.baselines.grids import grid_of
from windows.baselines.roles import Roles, by_role
from windows.baselines.suggest import judged_block, suggest
from windows.definition import Catalog, ModelDefinition
from windows.evaluate import evaluate
from windows.events import Partial
from windows.gather import Gather
from windows.history import PastWindow
from windows.monitors.anomaly import summary_of
from windows.monitors.catalogue import enabled_monitors
from windows.partition.open_window import OpenWindow
from windows.window_profile import WindowProfile

PARTITIONS = 4
NUMBERS, CATEGORIES, DIMENSION = 16, 4, 384
CHUNK = 50_000
LIMIT_MS, LIMIT_ALL_MS = 50.0, 200.0
DEFINITION = ModelDefinition(model="close", problem_type="BinaryClassification")
EVERYTHING = ModelDefinition.model_validate(
    {
        "model": "close",
        "problem_type": "BinaryClassification",
        "segments": ["c2"],
        "sample": {"enabled": True},
        "monitors": {
            "data_drift": {
                "distances": dict.fromkeys(("jensen_shannon", "hellinger", "psi", "wasserstein"), "report"),
                "anomaly": {"modes": ["z_score", "random_cut_forest"]},
                "early_warning": {"enabled": True},
            },
            "bias": {"facets": [{"name": "c0", "values": ["category 0"]}, {"name": "x00", "above": 0}], "group": "c1"},
            "attribution_drift": {"enabled": True},
            "embedding_drift": {"embeddings": {"text": DIMENSION}},
        },
    }
)
ROLES = Roles(label="label", score="score")
_FEW, _MANY = (NUMBERS, CATEGORIES), (40, 10)


def run(quick: bool) -> list[Figure]:
    """Measure medians: unseal, decode, merge and judge.

    `close.1e3` and `close.1e6` are of 20 features and binary quality; `close.all` is of 50 features and every monitor,
    and `close.all.judge` the part of it that judges.
    """
    rng = np.random.default_rng(1)
    baseline = suggest([_rows(rng, 30_000, _FEW)], model=DEFINITION.model, roles=ROLES).baseline
    repeats = 7 if quick else 21
    figures = []
    for power in (3, 6):
        records = _records(rng, 10**power, DEFINITION, baseline, _FEW)
        taken, _ = _median_ms(DEFINITION, records, baseline, repeats)
        figures.append(Figure.of(f"close.1e{power}", taken, "ms", limit=LIMIT_MS))
    rows = [_with_everything(rng, _rows(rng, 15_000, _MANY)) for _ in range(2)]
    baseline = suggest(rows, model=EVERYTHING.model, roles=ROLES, definition=EVERYTHING).baseline
    records = _records(rng, 20_000, EVERYTHING, baseline, _MANY)
    taken, judged = _median_ms(EVERYTHING, records, baseline, repeats, _past(rng, baseline))
    figures.append(Figure.of("close.all", taken, "ms", limit=LIMIT_ALL_MS))
    return [*figures, Figure.of("close.all.judge", judged, "ms", limit=LIMIT_ALL_MS)]


def _past(rng: np.random.Generator, baseline: Baseline) -> list[PastWindow]:
    """As many past windows as anomalies are looked for among."""
    records = _records(rng, 4_000, EVERYTHING, baseline, _MANY)
    (profile,) = _gathered(EVERYTHING, records)
    summary = summary_of(profile)
    assert summary is not None
    return [
        replace(summary, values=summary.values + summary.errors * rng.normal(size=len(summary.values)))
        for _ in range(EVERYTHING.monitors.data_drift.anomaly.windows)
    ]


def _median_ms(
    definition: ModelDefinition,
    records: list[tuple[int, Partial, bytes]],
    baseline: Baseline,
    repeats: int,
    past: Sequence[PastWindow] = (),
) -> tuple[float, float]:
    """Give the medians of all of it, and of judging alone."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        (profile,) = _gathered(definition, records)
        gathered = time.perf_counter()
        reports = evaluate(profile, baseline, past=past)
        ended = time.perf_counter()
        taken.append((1e3 * (ended - began), 1e3 * (ended - gathered)))
        told = [(report.monitor, report.status, report.error) for report in reports]
        assert all(status.startswith("Completed") for _, status, _ in told), told
        assert [report.monitor for report in reports] == [monitor.name for monitor in enabled_monitors(definition)]
    whole, judging = np.median(taken, axis=0).tolist()
    return whole, judging


def _gathered(definition: ModelDefinition, records: list[tuple[int, Partial, bytes]]) -> list[WindowProfile]:
    gather = Gather(PARTITIONS, Catalog((definition,)))
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
    return gather.due(0)


def _records(
    rng: np.random.Generator, rows: int, definition: ModelDefinition, baseline: Baseline, columns: tuple[int, int]
) -> list[tuple[int, Partial, bytes]]:
    """What the partitions published of one window of so many rows, as it lies on the topic."""
    records = []
    grid = grid_of(baseline) if definition.needs_grid else None
    for source in range(PARTITIONS):
        window = OpenWindow(definition, 0, grid)
        for start in range(0, rows // PARTITIONS, CHUNK):
            block = _rows(rng, min(CHUNK, rows // PARTITIONS - start), columns)
            monitored, extra, judged = by_role(
                block if definition is DEFINITION else _with_everything(rng, block), ROLES
            )
            whole = Block(block.n, {**monitored.columns, **extra.columns})
            window.add(monitored, _with_ids(rng, extra) if window.wants_extra else None)
            window.relabel(None, judged_block(judged, whole, definition))
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


def _with_ids(rng: np.random.Generator, extra: Block) -> Block:
    hashes = Column(Kind.INTEGER, rng.integers(0, 2**63, extra.n))
    times = Column(Kind.INTEGER, np.zeros(extra.n, np.int64))
    return Block(extra.n, {**extra.columns, ID_HASH: hashes, EVENT_TIME: times})


def _with_everything(rng: np.random.Generator, rows: Block) -> Block:
    """Attributions of every feature, and an embedding."""
    extra = {
        f"attributions.{name}": Column(Kind.FLOAT, rng.normal(scale=1.0 + i, size=rows.n))
        for i, name in enumerate(name for name in rows.columns if name not in {"label", "score"})
    }
    vectors = rng.normal(0.2, 1.0, (rows.n, DIMENSION)).astype(np.float32)
    return Block(rows.n, {**rows.columns, **extra, "embeddings.text": Column(Kind.VECTOR, vectors)})


def _rows(rng: np.random.Generator, n: int, kinds: tuple[int, int]) -> Block:
    numbers, categories = kinds
    columns = {f"x{i:02d}": Column(Kind.FLOAT, rng.normal(size=n)) for i in range(numbers)}
    names = tuple(f"category {i}" for i in range(30))
    for i in range(categories):
        codes = np.minimum(rng.geometric(0.2, n) - 1, len(names) - 1).astype(np.int32)
        columns[f"c{i}"] = Column(Kind.STRING, codes, categories=names)
    label = rng.random(n) < 0.25
    columns["label"] = Column(Kind.BOOLEAN, label)
    columns["score"] = Column(Kind.FLOAT, 1.0 / (1.0 + np.exp(-rng.normal(np.where(label, 1.0, -1.5), 1.2))))
    return Block(n, columns)
