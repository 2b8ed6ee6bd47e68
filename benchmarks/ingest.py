# SPDX-License-Identifier: Apache-2.0
"""Ingest: one worker on real Kafka, from Arrow blocks to joined and sketched events, checkpoints on.

The limit is aiokafka only reading the same bytes at the same fetch size; reads of both alternate, medians count.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import numpy as np

from benchmarks._cluster import PARTITIONS, create, define, kafka, recreate, settings_of, worker
from benchmarks._traffic import MODEL, START_MS, Feed, rows
from benchmarks.figures import Figure
from stream.settings import Settings
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window

_BLOCK = 4 * 2_048
_SPAN_MS = 3 * 3_600_000


def run(*, quick: bool) -> list[Figure]:
    """Measure events a second, and their share of what aiokafka reads."""
    events = 1_500_000 if quick else 4_000_000
    with kafka() as bootstrap:
        settings = settings_of(bootstrap, "ingest", checkpoint_interval_ms=1_000)
        create(settings)
        define(settings, ModelDefinition(model=MODEL, problem_type="BinaryClassification", window=Window(grace=60_000)))
        fill(settings, events)
        ours, theirs = [], []
        for attempt in range(3):
            theirs.append(events / read_only(settings))
            ours.append(events / ingest(settings, events, f"ingest-{attempt}"))
            topics = Topics(settings.topic_prefix)
            recreate(settings, topics.state, topics.profiles)
    rate, limit = statistics.median(ours), statistics.median(theirs)
    return [Figure.of("ingest", rate, "events/s", limit=limit)]


def fill(settings: Settings, events: int) -> None:
    """Write events of three hours and a label for each."""
    rng, feed = np.random.default_rng(1), Feed(settings)
    times_ms = START_MS + np.arange(events, dtype=np.int64) * _SPAN_MS // events
    for first in range(0, events, _BLOCK):
        for made in rows(rng, first, times_ms[first : first + _BLOCK], PARTITIONS):
            feed.send(made)
    feed.flush()


def ingest(settings: Settings, events: int, group: str) -> float:
    """Seconds from the first row to the checkpoint that covers the last."""
    with worker(settings.model_copy(update={"group": group})) as running:
        began = running.wait("sketchwatch_ingested_rows_total", 1, timeout_s=60)
        running.wait("sketchwatch_ingested_rows_total", 2 * events, timeout_s=120)
        return running.settled() - began


def read_only(settings: Settings) -> float:
    """Seconds for aiokafka to read the same topics, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._read_only", settings.model_dump_json()],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)["seconds"])
