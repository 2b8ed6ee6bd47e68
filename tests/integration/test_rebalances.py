# SPDX-License-Identifier: Apache-2.0
"""Workers join and leave: partitions move without a row lost, repeated, or a worker that hangs."""

from __future__ import annotations

import time

import pytest

from tests.integration.monitor import Monitor

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_partitions_move_exactly_as_workers_join_and_leave(monitor: Monitor) -> None:
    fleet = monitor.fleet
    with monitor.writing(rows=300, pause_s=0.2):
        for _ in range(3):
            fleet.add().wait_ready()
            time.sleep(1)
        for leaving in (0, 2):
            assert fleet.workers[leaving].terminate() == 0, fleet.workers[leaving].said()
            time.sleep(1)
        fleet.revive()
        for worker in fleet.workers:
            worker.wait_ready()
        assert fleet.workers[1].terminate() == 0, fleet.workers[1].said()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
