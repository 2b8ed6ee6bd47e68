# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the whole path share: a real broker, topics, and a worker in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client.parser import text_string_to_metric_families

from stream.settings import Settings
from topics.records import definition_key
from topics.subjects import Topics
from windows.definition import ModelDefinition

SCRIPT = Path(__file__).parents[1] / "scripts" / "kafka"
PARTITIONS = 4


@contextmanager
def kafka() -> Iterator[str]:
    """Run a real broker on empty data; yield its address."""
    with tempfile.TemporaryDirectory(prefix="sketchwatch-benchmark-") as folder:
        script = [sys.executable, str(SCRIPT)]
        done = subprocess.run([*script, "start", f"{folder}/kafka"], capture_output=True, text=True, check=True)
        try:
            yield done.stdout.strip()
        finally:
            subprocess.run([*script, "stop", f"{folder}/kafka", "--hard"], capture_output=True, check=True)


def settings_of(bootstrap: str, prefix: str, **more: Any) -> Settings:
    """Make the settings of one run."""
    return Settings(bootstrap_servers=bootstrap, group=prefix, topic_prefix=prefix, metrics_port=0, **more)


def create(settings: Settings, *names: str) -> None:
    """Make topics as `sketchwatch topics create` does; all of the prefix unless some are named."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    table = [topic for topic in Topics(settings.topic_prefix).table() if not names or topic.name in names]
    new = [NewTopic(topic.name, topic.partitions(PARTITIONS), 1, config=topic.config) for topic in table]
    for future in admin.create_topics(new).values():
        future.result()


def recreate(settings: Settings, *names: str) -> None:
    """Empty topics by making them anew."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in admin.delete_topics(list(names)).values():
        future.result()
    # The broker answers before it has forgotten the name.
    for _ in range(50):
        time.sleep(0.1)
        if not set(names) & set(admin.list_topics(timeout=5).topics):
            break
    create(settings, *names)


def define(settings: Settings, definition: ModelDefinition) -> None:
    """Publish a definition."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    key = definition_key(definition.model, definition.version, definition.effective_from_ms)
    producer.produce(Topics(settings.topic_prefix).definitions, definition.model_dump_json(), key)
    producer.flush()


class Worker:
    """A worker process and its metrics."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def metrics(self) -> dict[str, float]:
        """Read every sample, labels added up."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def samples(self, name: str) -> dict[str, float]:
        """Read the samples of one metric by their partition."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return {s.labels["partition"]: s.value for family in families for s in family.samples if s.name == name}

    def wait(self, name: str, value: float, *, timeout_s: float) -> float:
        """Wait until a metric reaches a value; return when it was seen, in seconds since the epoch."""
        deadline = time.time() + timeout_s
        while (seen := self.metrics().get(name, 0.0)) < value:
            if time.time() > deadline or self.process.poll() is not None:
                msg = f"expected {name} to reach {value:,.0f} within {timeout_s:.0f} s, it is {seen:,.0f}"
                raise RuntimeError(msg)
            time.sleep(0.05)
        return time.time()

    def settled(self, quiet_s: float = 1.5) -> float:
        """Wait until no checkpoint came for longer than their interval; return when the last one did, as UNIX time."""
        name, last = "sketchwatch_last_checkpoint_timestamp_seconds", -1.0
        while (now := max(self.samples(name).values(), default=0.0)) != last or not now:
            last = now
            time.sleep(quiet_s)
        return last

    def resident_bytes(self) -> int:
        """Read the resident set size."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def worker(settings: Settings) -> Iterator[Worker]:
    """Run a worker; yield once it has its partitions."""
    command = [sys.executable, "-m", "benchmarks._worker", settings.model_dump_json()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told: Mapping[str, Any] = json.loads(process.stdout.readline() or "{}")
        if not told:
            msg = f"expected the worker to start, it left with {process.wait(10)}"
            raise RuntimeError(msg)
        yield Worker(process, told["port"])
    finally:
        process.terminate()
        process.wait(60)
