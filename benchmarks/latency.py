# SPDX-License-Identifier: Apache-2.0
"""Latency: from the event that moves stream time past a window's end to its violation, read committed, on real Kafka.

Windows of one minute of event time come one after the other; the last event of each, on each of four
partitions, is of the next window. Every feature has drifted, so that every window violates.
"""

from __future__ import annotations

import time
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from benchmarks._cluster import PARTITIONS, create, define, kafka, settings_of, worker
from benchmarks._traffic import MODEL, START_MS, Feed, rows
from benchmarks.figures import Figure
from sketches.block import Block
from stream.agents.arrivals import arrived
from stream.commands.baselines import publish_baseline
from stream.kafka.following import Follower
from stream.settings import Settings
from topics.subjects import Topics
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition, Window
from windows.events import BlockArrived
from windows.report import iso

_LIMIT_S = 2.0
_SIZE_MS = 60_000
_ROWS = 1_000
_BASELINE_ROWS = 30_000
_WARM_UP = 3
_PATIENCE_S = 30.0


def run(*, quick: bool) -> list[Figure]:
    """Measure the 99th percentile over windows of four partitions."""
    windows = 200 if quick else 500
    with kafka() as bootstrap:
        settings = settings_of(bootstrap, "latency")
        create(settings)
        window = Window(size=_SIZE_MS, grace=0, label_horizon=3_600_000)
        define(settings, ModelDefinition(model=MODEL, problem_type="BinaryClassification", window=window))
        publish_baseline(settings, suggest(_blocks(), model=MODEL).baseline)
        with worker(settings), closing(Follower(settings, Topics(settings.topic_prefix).violations)) as follower:
            taken = _latencies(settings, follower, _WARM_UP + windows)[_WARM_UP:]
    return [Figure.of("latency", float(np.percentile(taken, 99)), "s", limit=_LIMIT_S)]


def _latencies(settings: Settings, follower: Follower, windows: int) -> list[float]:
    """Fill and close window after window; seconds until the first violation of each can be read."""
    feed, taken = Feed(settings), []
    for number in range(windows):
        _fill(feed, number)
        closed = time.perf_counter()
        while not any(record["window"]["start"] == _start(number) for _, record in follower.poll(0.01)):
            if time.perf_counter() > closed + _PATIENCE_S:
                msg = f"expected a violation of the window {_start(number)} within {_PATIENCE_S:.0f} s"
                raise RuntimeError(msg)
        taken.append(time.perf_counter() - closed)
    return taken


def _start(number: int) -> str:
    return iso(START_MS + number * _SIZE_MS)


def _fill(feed: Feed, number: int) -> None:
    """Send one window and, on every partition, the event that closes it."""
    start_ms = START_MS + number * _SIZE_MS
    rng = np.random.default_rng(number)
    times_ms = start_ms + np.arange(_ROWS, dtype=np.int64) * _SIZE_MS // _ROWS
    for made in rows(rng, number * 2 * _ROWS, times_ms, PARTITIONS, shift=1.0):
        feed.send(made)
    for made in rows(rng, (2 * number + 1) * _ROWS, _after(start_ms), PARTITIONS, shift=1.0):
        feed.send(made, labels=False)
    feed.flush()


def _after(start_ms: int) -> NDArray[np.int64]:
    """Times at the next window's start, enough for a row on every partition."""
    return np.full(16 * PARTITIONS, start_ms + _SIZE_MS, np.int64)


def _blocks() -> list[Block]:
    """The rows of a baseline, before the drift."""
    times_ms = np.full(_BASELINE_ROWS, START_MS, np.int64)
    made = rows(np.random.default_rng(7), 0, times_ms, PARTITIONS)
    return [event.block for part in made if isinstance(event := arrived(part.events), BlockArrived)]
