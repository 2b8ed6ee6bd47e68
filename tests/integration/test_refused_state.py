# SPDX-License-Identifier: Apache-2.0
"""The broker refuses a state record: the worker stops with the reason, and nothing of that checkpoint counts."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.integration.monitor import Monitor
from tests.integration.observed import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def limit_records(monitor: Monitor, topic: str, largest_bytes: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(largest_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": monitor.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(30)
    asked = ConfigResource(ResourceType.TOPIC, topic)

    def applied() -> bool:
        # The controller has answered; the broker may not have heard of it yet.
        found = admin.describe_configs([asked])[asked].result(30)
        return found["max.message.bytes"].value == str(largest_bytes)

    wait_until(f"{topic} takes records of {largest_bytes} bytes", applied, 30, monitor.fleet.logs)


def test_a_refused_state_record_stops_the_worker_and_moves_no_offset(monitor: Monitor) -> None:
    worker, traffic = monitor.fleet.add(), monitor.traffic
    for _ in range(traffic.chunks // 2):
        traffic.step(50)
    traffic.flush()
    monitor.wait_committed()
    before = monitor.committed()

    limit_records(monitor, monitor.topics.state, 100)
    for _ in range(traffic.chunks // 2):
        traffic.step(50)
    traffic.finish()
    assert worker.wait(60) == 3
    assert monitor.topics.state in worker.said()
    assert "max.message.bytes" in worker.said()
    assert monitor.committed() == before

    limit_records(monitor, monitor.topics.state, 4 << 20)
    monitor.fleet.revive()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
