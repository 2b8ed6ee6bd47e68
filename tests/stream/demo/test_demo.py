# SPDX-License-Identifier: Apache-2.0
"""The demo as a newcomer runs it: one command, nothing but Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream.demo.broker import embedded_broker, lost_records
from stream.kafka.publishing import Publisher
from stream.kafka.transactions import Outgoing
from stream.settings import Settings


@pytest.mark.slow
def test_the_demo_flags_exactly_hours_four_and_five_within_a_minute(tmp_path: Path) -> None:
    """Also where settings of another cluster lie about: the demo is no business of that cluster."""
    (tmp_path / "sketchwatch.toml").write_text('bootstrap_servers = "127.0.0.1:1"\ngroup = "other"\n')
    environment = os.environ | {"SKETCHWATCH_TOPIC_PREFIX": "other"}
    begin_s = time.monotonic()
    command = [sys.executable, "-m", "stream.cli", "demo", "--seed", "3", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin_s < 60
    hours = [json.loads(line) for line in done.stdout.splitlines()]
    assert [hour["hour"] for hour in hours] == [1, 2, 3, 4, 5, 6]
    assert sum(hour["rows"] for hour in hours) == sum(hour["labelled"] for hour in hours) == 16_281
    assert {"hours_per_week", "workclass"} <= {*hours[3]["data_quality"], *hours[3]["data_drift"]}
    assert hours[4]["data_quality"] == hours[4]["data_drift"] == []
    assert "accuracy" in hours[4]["model_quality"]
    for name, least in (("reports", 18), ("violations", 5)):
        lines = (tmp_path / "demo-output" / f"{name}.jsonl").read_text().splitlines()
        assert len([json.loads(line) for line in lines]) >= least


def test_a_partition_that_lost_its_first_record_is_named() -> None:
    with embedded_broker() as bootstrap:
        publisher = Publisher(Settings(bootstrap_servers=bootstrap))
        for _ in range(30):
            publisher.send(Outgoing("full", 2, b"k", b"x" * 400_000))
            publisher.flush()
        publisher.send(Outgoing("small", 1, b"k", b"x"))
        publisher.flush()
        assert lost_records(bootstrap, ["full", "small"]) == ["full/2"]
