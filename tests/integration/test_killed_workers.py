# SPDX-License-Identifier: Apache-2.0
"""Two workers are killed, stopped and paused while events and labels arrive; the result is as if nothing happened."""

from __future__ import annotations

import random
import time
from itertools import cycle

import pytest
from confluent_kafka import Producer

from tests.integration.fleet import SESSION_MS, pause
from tests.integration.monitor import PARTITIONS, Monitor
from tests.integration.truth import GRACE_MS

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

STEPS = (
    "recovery.begun",
    "recovery.fenced",
    "recovery.done",
    "checkpoint.cut",
    "checkpoint.begun",
    "checkpoint.torn",
    "checkpoint.committed",
    "checkpoint.acked",
)


def test_an_undisturbed_run_equals_the_truth(monitor: Monitor) -> None:
    monitor.fleet.add()
    monitor.write_all(rows=100)
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
    assert monitor.fleet.workers[0].terminate() == 0


def test_killed_stopped_and_paused_workers_lose_and_repeat_nothing(monitor: Monitor) -> None:
    rng = random.Random(5)
    faults = cycle(("kill", "pause", "kill", "terminate", "kill"))
    for _ in range(2):
        monitor.fleet.add()
    with monitor.writing(rows=300, pause_s=0.35) as traffic:
        while traffic.is_alive():
            time.sleep(rng.uniform(1, 4))
            worker = rng.choice(monitor.fleet.workers)
            match next(faults):
                case "kill":
                    worker.kill()
                case "terminate":
                    worker.wait_ready()
                    assert worker.terminate() == 0, worker.said()
                case "pause":
                    pause(worker, SESSION_MS / 1_000 + 2)
            monitor.fleet.revive()
    monitor.misplace(rows=40)
    monitor.fleet.revive()
    monitor.settle()
    monitor.check()


def test_a_worker_that_outslept_its_session_writes_nothing_more(monitor: Monitor) -> None:
    sleeper = monitor.fleet.add()
    with monitor.writing(rows=300, pause_s=0.15):
        sleeper.wait_ready()
        monitor.fleet.add()
        time.sleep(1)
        pause(sleeper, SESSION_MS / 1_000 + 4)
    monitor.misplace(rows=40)
    monitor.fleet.revive()
    monitor.settle()
    monitor.check()


@pytest.mark.parametrize("role", ["ingest", "evaluate"])
def test_a_worker_whose_partition_was_taken_over_stops_soon_and_says_why(monitor: Monitor, role: str) -> None:
    worker = monitor.fleet.add()
    with monitor.writing(rows=300, pause_s=0.05):
        # Who recovers later than it is fenced would take the partition back.
        worker.wait_ready(2 * PARTITIONS)
        for partition in range(PARTITIONS):
            name = f"{monitor.topics.prefix}-{role}-{partition}"
            Producer({"bootstrap.servers": monitor.bootstrap, "transactional.id": name}).init_transactions(30)
    monitor.traffic.watermarks(monitor.traffic.end_ms + GRACE_MS)
    assert worker.wait(60) == 3
    assert "LostOwnership" in worker.said(), worker.said()
    worker.start()
    monitor.misplace(rows=0)
    monitor.settle()
    monitor.check()


def test_an_exit_at_any_step_of_a_checkpoint_loses_and_repeats_nothing(monitor: Monitor) -> None:
    rng, steps = random.Random(6), (*STEPS, "checkpoint.torn", "checkpoint.torn")
    worker = monitor.fleet.add()
    worker.wait_ready()
    for step in steps:
        worker.kill()
        # Every chunk has a record for each partition, so every life passes each step once a partition at least.
        worker.start(step, str(rng.randint(1, PARTITIONS)))
        for _ in range(monitor.traffic.chunks // len(steps)):
            monitor.traffic.step(rows=300)
            time.sleep(0.2)
        assert worker.wait(60) == 9, f"{step}: {worker.said()}"
    worker.start()
    monitor.traffic.finish()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
