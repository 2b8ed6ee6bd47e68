# SPDX-License-Identifier: Apache-2.0
"""Single events: JSON messages of one event with 20 features each, through a worker with checkpoints on.

The limit is a plain Faust agent that only counts the first of the same messages; runs of both alternate.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import numpy as np
from confluent_kafka import Producer

from benchmarks._cluster import create, define, kafka, recreate, settings_of, worker
from benchmarks._traffic import FEATURES, MODEL, START_MS
from benchmarks.figures import Figure
from stream.settings import Settings
from topics.subjects import Topics
from windows.definition import ModelDefinition

_PLAIN = 20_000


def run(*, quick: bool) -> list[Figure]:
    """Measure messages a second, medians of alternating runs, and their ratio to a plain agent's."""
    # Fewer messages would measure the wait for the last checkpoint.
    messages, repeats = (250_000, 2) if quick else (500_000, 3)
    with kafka() as bootstrap:
        settings = settings_of(bootstrap, "single", checkpoint_interval_ms=1_000)
        create(settings)
        define(settings, ModelDefinition(model=MODEL))
        fill(settings, messages)
        topics = Topics(settings.topic_prefix)
        ours, theirs = [], []
        for attempt in range(repeats):
            group = settings.model_copy(update={"group": f"single-{attempt}"})
            theirs.append(_PLAIN / _plain(group, topics.inference, _PLAIN))
            with worker(group) as running:
                name = "sketchwatch_ingested_rows_total"
                began = running.wait(name, 1, timeout_s=60)
                running.wait(name, messages, timeout_s=120)
                ours.append(messages / (running.settled() - began))
            recreate(settings, topics.state, topics.profiles)
    return [Figure.of("single", statistics.median(ours), "messages/s", limit=statistics.median(theirs))]


def fill(settings: Settings, messages: int) -> None:
    """Write one event a message, keyed by its id as any Kafka client would."""
    rng = np.random.default_rng(1)
    config = {
        "bootstrap.servers": settings.bootstrap_servers,
        "linger.ms": 20,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 1_000_000,
    }
    producer, topic = Producer(config), Topics(settings.topic_prefix).inference
    for number, values in enumerate(rng.normal(size=(messages, FEATURES)).round(6).tolist()):
        event = {
            "inference_id": f"{number:016x}",
            "event_time": START_MS + number,
            "model": MODEL,
            "features": {f"f{i:02}": value for i, value in enumerate(values)},
            "prediction": {"score": 0.5},
        }
        producer.produce(topic, json.dumps(event), event["inference_id"])
        producer.poll(0)
    producer.flush()


def _plain(settings: Settings, topic: str, messages: int) -> float:
    arguments = [settings.model_dump_json(), topic, str(messages)]
    command = [sys.executable, "-m", "benchmarks._plain_faust", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])
