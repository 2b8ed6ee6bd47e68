# SPDX-License-Identifier: Apache-2.0
"""The commands as a user gives them, one after the other, against a real Apache Kafka and a real worker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.subjects import Topics

pytestmark = pytest.mark.kafka
HOUR_MS = 3_600_000
START_MS = 1_767_600_000_000 // HOUR_MS * HOUR_MS
MONITOR = """
model = "churn"
problem_type = "BinaryClassification"
[window]
label_horizon = "1h"
"""
HISTORY = ["--event-time", "at", "--inference-id", "id", "--label", "churned", "--label-time", "known", "--score", "p"]


class Commands:
    """Runs `sketchwatch` in a folder of its own, with topics and group of its own."""

    def __init__(self, folder: Path, bootstrap: str, name: str) -> None:
        self._folder = folder
        names = {"BOOTSTRAP_SERVERS": bootstrap, "TOPIC_PREFIX": name, "GROUP": name, "CHECKPOINT_INTERVAL_MS": "200"}
        self._environment = os.environ | {f"SKETCHWATCH_{key}": value for key, value in names.items()}

    def start(self, *words: str, err: int | TextIO = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "stream.cli", *words],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out

    def records(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*words, "--json", code=code).splitlines()]


@pytest.fixture
def commands(kafka: str, topics: str, tmp_path: Path) -> Commands:
    return Commands(tmp_path, kafka, topics)


@pytest.fixture
def files(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").write_text(MONITOR)
    pyarrow.csv.write_csv(_rows(12_000, 0), tmp_path / "validation.csv")
    history = _rows(3_000, 1)
    at = np.sort(START_MS + np.arange(3_000) * (3 * HOUR_MS) // 3_000)
    # In the second hour nobody is young any more.
    age = np.where(at // HOUR_MS % 3 == (START_MS // HOUR_MS + 1) % 3, 80, history["age"].to_numpy())
    history = history.set_column(0, "age", pa.array(age)).append_column("at", pa.array(at))
    history = history.append_column("known", pa.array(at + 600_000))
    history = history.append_column("id", pa.array([f"r{row}" for row in range(3_000)]))
    pyarrow.csv.write_csv(history, tmp_path / "history.csv")


def _rows(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    churned = (rng.random(n) < score).astype(int)
    return pa.table({"age": rng.integers(18, 70, n), "plan": rng.choice(["a", "b"], n), "p": score, "churned": churned})


@pytest.mark.usefixtures("files")
def test_from_empty_cluster_to_violations_and_back_to_the_sketches(commands: Commands, tmp_path: Path) -> None:
    assert len(commands.records("topics", "check", code=3)) == 8
    assert len(commands.records("topics", "create", "--partitions", "2")[0]["created"]) == 8
    assert commands.records("topics", "create")[0]["created"] == []
    assert commands.records("topics", "check") == []

    data = ["validation.csv", "--out", "baseline", "--monitor", "monitor.toml", "--label", "churned", "--score", "p"]
    suggested = commands.records("baseline", "suggest", *data)[0]
    assert suggested["rows"] == 12_000
    assert suggested["warnings"] == []
    assert commands.records("baseline", "publish", "baseline")[0]["baseline_version"] == "1"
    assert commands.records("apply", "monitor.toml")[0]["effective_from_ms"] == 0
    assert commands.records("violations") == []

    log = tmp_path / "worker.log"
    with log.open("w") as file:
        # A pipe that nobody reads would stop it once full.
        worker = commands.start("worker", "--metrics-port", "0", err=file)
    try:
        port = _metrics_port(worker, log)
        sent = commands.records("replay", "history.csv", "--model", "churn", *HISTORY)
        assert sent == [{"model": "churn", "events": 3_000, "labels": 3_000}]
        found = _wait_for_violations(commands, worker, log)
        _wait_for_labels(commands, worker, log)
        checks = commands.records("doctor", "--metrics", f"http://127.0.0.1:{port}/metrics")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert worker.returncode == 0, log.read_text()
    assert {record["feature_name"] for record in found} == {"age"}
    assert {record["window"]["start"] for record in found} == {_iso(START_MS + HOUR_MS)}
    assert [record for record in checks if record["state"] == "broken"] == []
    assert {record["state"] for record in checks if record["what"] == "topics"} == {"fine"}

    whole = commands.records("query", "--model", "churn")
    first = commands.records("query", "--model", "churn", "--to", _iso(START_MS + 1_000))
    assert whole[0]["rows"] == whole[0]["labelled"] == 3_000
    assert first[0] == {"windows": [_iso(START_MS)], "rows": 1_000, "labelled": 1_000, "late": 0}
    age = next(record for record in whole if record.get("name") == "age")
    assert age["numerical_statistics"]["common"] == {"num_present": 3_000, "num_missing": 0}
    assert commands.records("violations", "--model", "other") == []


def _metrics_port(worker: subprocess.Popen[str], log: Path) -> int:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s and worker.poll() is None:
        if found := re.search(r"^metrics: http://127\.0\.0\.1:(\d+)$", log.read_text(), flags=re.MULTILINE):
            return int(found[1])
        time.sleep(0.1)
    pytest.fail(f"no metrics within half a minute: {log.read_text()}")


def _wait_for_labels(commands: Commands, worker: subprocess.Popen[str], log: Path) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and worker.poll() is None:
        merged = commands.records("query", "--model", "churn")
        if merged and merged[0]["labelled"] == 3_000:
            return
        time.sleep(0.5)
    pytest.fail(f"not every label within a minute: {log.read_text()}")


def _wait_for_violations(commands: Commands, worker: subprocess.Popen[str], log: Path) -> list[dict[str, Any]]:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and worker.poll() is None:
        process = commands.start("violations", "--json")
        out, err = process.communicate(timeout=60)
        if process.returncode == 1:
            return [json.loads(line) for line in out.splitlines()]
        assert process.returncode == 0, err
    pytest.fail(f"no violation within a minute: {log.read_text()}")


def _iso(time_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ms / 1_000))


def test_violations_are_followed_as_they_come_until_interrupted(commands: Commands, kafka: str, topics: str) -> None:
    commands.run("topics", "create", "--partitions", "1")
    follower = commands.start("violations", "--follow", "--json")
    assert follower.stdout is not None
    settings, topic = Settings(bootstrap_servers=kafka), Topics(topics).violations
    # Whether the first was there already or is the first to come, the second is sure to come.
    for name in ("ab", "cd"):
        record = {"id": name, "type": "violation", "model": "m", "description": "D"}
        publish(settings, [Outgoing(topic, 0, name.encode(), json.dumps(record).encode())])
        assert json.loads(follower.stdout.readline()) == record
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=60)
    assert follower.returncode == 1


def test_a_command_before_the_topics_exist_says_what_to_do(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").write_text(MONITOR)
    for words in (["apply", "monitor.toml"], ["violations"], ["query", "--model", "churn"], ["worker"]):
        process = commands.start(*words)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (3, "")
        assert "run `sketchwatch topics create`" in err
        assert len(err.splitlines()) == 1
