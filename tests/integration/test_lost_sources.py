# SPDX-License-Identifier: Apache-2.0
"""Source topics that lost what was not read yet, or were made anew while the state was kept."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from tests.integration.monitor import Monitor, create_topics
from tests.integration.observed import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def read_and_stop(monitor: Monitor) -> None:
    worker = monitor.fleet.add()
    monitor.traffic.step(400)
    monitor.traffic.flush()
    monitor.wait_committed()
    assert worker.terminate() == 0, worker.said()


def test_records_that_retention_took_unread_are_told_with_their_number(monitor: Monitor) -> None:
    read_and_stop(monitor)
    read = monitor.ends(monitor.topics.inference)[0]
    monitor.traffic.step(400)
    monitor.traffic.flush()
    end = monitor.ends(monitor.topics.inference)[0]
    admin = AdminClient({"bootstrap.servers": monitor.bootstrap})
    for future in admin.delete_records([TopicPartition(monitor.topics.inference, 0, end - 1)]).values():
        future.result(30)
    (worker,) = monitor.fleet.workers
    worker.start()
    told = f"{monitor.topics.inference}/0: retention took {end - 1 - read} records"
    wait_until(told, lambda: told in worker.said(), 30, worker.said)


def test_source_topics_made_anew_under_an_old_state_are_refused(monitor: Monitor) -> None:
    read_and_stop(monitor)
    admin = AdminClient({"bootstrap.servers": monitor.bootstrap})
    for future in admin.delete_topics(list(monitor.topics.sources)).values():
        future.result(30)
    time.sleep(1)
    create_topics(monitor.bootstrap, monitor.topics, only=monitor.topics.sources)
    (worker,) = monitor.fleet.workers
    worker.start()
    assert worker.wait(30) == 3
    assert "DamagedState" in worker.said()
    assert "made anew" in worker.said() or "while the group committed" in worker.said()
