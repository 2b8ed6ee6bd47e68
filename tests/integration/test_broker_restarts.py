# SPDX-License-Identifier: Apache-2.0
"""The broker goes away, cleanly or not, while two workers are at work; they carry on by themselves."""

from __future__ import annotations

import time

import pytest

from tests.broker import Broker
from tests.integration.monitor import Monitor
from tests.integration.observed import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_workers_whose_group_formed_while_the_broker_came_back_get_their_partitions(
    fragile_monitor: Monitor, own_kafka: Broker
) -> None:
    fleet = fragile_monitor.fleet
    workers = [fleet.add() for _ in range(2)]
    wait_until(
        "both workers join", lambda: all("[^App]: Starting" in worker.present for worker in workers), 60, fleet.logs
    )
    own_kafka.stop(hard=False)
    time.sleep(3)
    own_kafka.start()

    def ready() -> bool:
        # Those that found no broker have ended; whoever supervises them starts them again.
        fleet.revive()
        return all(worker.ready() for worker in workers)

    wait_until("both workers have partitions", ready, 90, fleet.logs)


def test_workers_outlast_clean_and_hard_restarts_of_the_broker(fragile_monitor: Monitor, own_kafka: Broker) -> None:
    monitor = fragile_monitor
    for _ in range(2):
        monitor.fleet.add()
    for worker in monitor.fleet.workers:
        # A worker that finds no broker when it starts ends, and its supervisor starts it again.
        worker.wait_ready()
    with monitor.writing(rows=200, pause_s=0.25):
        for hard in (False, True):
            time.sleep(4)
            own_kafka.stop(hard=hard)
            time.sleep(3)
            own_kafka.start()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
    assert all(worker.alive for worker in monitor.fleet.workers), monitor.fleet.logs()
