# SPDX-License-Identifier: Apache-2.0
"""Latency: from the event that moves stream time past a window's end to its violation, read committed, on real Kafka.

Windows of one minute of event time come ten a second; the last event of each, on each of four
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
from stream.arrivals import arrived
from stream.baselines import publish_baseline
from stream.following import Follower
from stream.settings import Settings
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window
from windows.events import BlockArrived
from windows.report import iso
from windows.suggest import suggest

_LIMIT_S = 2.0
_SIZE_MS = 60_000
_ROWS = 1_000
_BASELINE_ROWS = 30_000
_WARM_UP = 3
_PACE_S = 0.1


def run(*, quick: bool) -> list[Figure]:
    """Measure the 99th percentile over windows of four partitions."""
    windows = 200 if quick else 500
    with kafka() as bootstrap:
        settings = settings_of(bootstrap, "latency")
        create(settings)
        window = Window(size=_SIZE_MS, grace=0, label_horizon="1h")
        define(settings, ModelDefinition(model=MODEL, problem_type="BinaryClassification", window=window))
        publish_baseline(settings, suggest(_blocks(), model=MODEL).baseline)
        with worker(settings), closing(Follower(settings, Topics(settings.topic_prefix).violations)) as follower:
            taken = _latencies(settings, follower, _WARM_UP + windows)[_WARM_UP:]
    return [Figure.of("latency", float(np.percentile(taken, 99)), "s", limit=_LIMIT_S)]


def _latencies(settings: Settings, follower: Follower, windows: int) -> list[float]:
    """Fill and close windows at a steady pace; seconds until the first violation of each can be read."""
    feed, closed, seen = Feed(settings), {}, {}
    deadline = time.perf_counter() + 120
    while len(seen) < windows and time.perf_counter() < deadline:
        if len(closed) < windows:
            number = len(closed)
            _fill(feed, number)
            closed[iso(START_MS + number * _SIZE_MS)] = time.perf_counter()
        pause = time.perf_counter() + _PACE_S
        while time.perf_counter() < pause:
            for _, record in follower.poll(0.01):
                seen.setdefault(record["window"]["start"], time.perf_counter())
    if missing := closed.keys() - seen.keys():
        msg = f"expected a violation of every window, none came of {sorted(missing)[:3]}"
        raise RuntimeError(msg)
    return [seen[start] - closed[start] for start in closed]


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
