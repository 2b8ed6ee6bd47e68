# SPDX-License-Identifier: Apache-2.0
"""Workers join and leave: partitions move without a row lost, repeated, or a worker that hangs."""

from __future__ import annotations

import time

import pytest

from tests.integration.monitor import Monitor

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.xdist_group("faults")]


def test_partitions_move_exactly_as_workers_join_and_leave(monitor: Monitor) -> None:
    fleet = monitor.fleet
    with monitor.writing(rows=300, pause_s=0.22):
        fleet.add()
        for _ in range(2):
            time.sleep(3)
            fleet.add()
        for worker in (fleet.workers[0], fleet.workers[2]):
            time.sleep(3)
            assert worker.terminate() == 0, worker.said()
        fleet.revive()
        time.sleep(3)
        assert fleet.workers[1].terminate() == 0, fleet.workers[1].said()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
