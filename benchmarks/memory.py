# SPDX-License-Identifier: Apache-2.0
"""Memory: a worker's resident set as events keep falling into the same windows, pending rows at their limit.

No event has its label yet, so every one waits; the limit of waiting rows is reached before the first measurement.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks._cluster import PARTITIONS, Worker, create, define, kafka, settings_of, worker
from benchmarks._traffic import MODEL, START_MS, Feed, rows
from benchmarks.figures import Figure
from stream.memory import GIVE_BACK_S
from windows.definition import Limits, ModelDefinition

_LIMIT_PERCENT = 5.0
_PENDING = 100_000
_BLOCK = 8_192
_SPAN_MS = 3_600_000


def run(*, quick: bool) -> list[Figure]:
    """Measure the growth between two counts of events, in percent."""
    first, second = (1_000_000, 5_000_000) if quick else (2_000_000, 20_000_000)
    definition = ModelDefinition(model=MODEL, problem_type="BinaryClassification", limits=Limits(pending_rows=_PENDING))
    with kafka() as bootstrap:
        settings = settings_of(bootstrap, "memory", checkpoint_interval_ms=1_000)
        create(settings)
        define(settings, definition)
        feed = Feed(settings)
        with worker(settings) as running:
            before = _resident_after(running, feed, 0, first)
            after = _resident_after(running, feed, first, second)
    return [Figure.of("memory", 100 * (after / before - 1), "%", limit=_LIMIT_PERCENT)]


def _resident_after(running: Worker, feed: Feed, sent: int, events: int) -> int:
    """Send events up to a count, over and over through the same hour; bytes resident once they are in a checkpoint."""
    rng = np.random.default_rng(events)
    for number in range(sent, events, _BLOCK):
        n = min(_BLOCK, events - number)
        times_ms = START_MS + np.arange(n, dtype=np.int64) * _SPAN_MS // n
        for made in rows(rng, number, times_ms, PARTITIONS):
            feed.send(made, labels=False)
    feed.flush()
    running.wait("sketchwatch_ingested_rows_total", events, timeout_s=300)
    running.settled()
    # Freed memory goes back on a timer.
    time.sleep(1.5 * GIVE_BACK_S)
    return running.resident_bytes()
