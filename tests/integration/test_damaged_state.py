# SPDX-License-Identifier: Apache-2.0
"""State that cannot be trusted: the worker refuses to start and says why; mended, it carries on exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.integration.monitor import PARTITIONS, Monitor, create_topics
from tests.integration.observed import Record, all_records
from topics.subjects import Topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def write_state(monitor: Monitor, records: list[tuple[int, bytes, bytes | None]]) -> None:
    producer = Producer({"bootstrap.servers": monitor.bootstrap})
    for partition, key, value in records:
        producer.produce(monitor.topics.state, partition=partition, key=key, value=value)
    assert producer.flush(30) == 0


def refuses_to_start(monitor: Monitor) -> str:
    (worker,) = monitor.fleet.workers
    worker.start()
    assert worker.wait(30) == 3, worker.said()
    return worker.said(800)


@contextmanager
def damaged(monitor: Monitor, records: list[tuple[int, bytes, bytes | None]]) -> Iterator[None]:
    """Put records at the end of the state topic, and the present ones behind them again afterwards."""
    present: dict[tuple[int, bytes], bytes | None] = {}
    for record in all_records(monitor.bootstrap, monitor.topics.state):
        present[record.partition, record.key] = record.value
    write_state(monitor, records)
    yield
    write_state(monitor, [(p, key, value) for (p, key), value in present.items() if value is not None])


def flipped(value: bytes, place: int) -> bytes:
    return value[:place] + bytes([value[place] ^ 0x10]) + value[place + 1 :]


def history(monitor: Monitor, partition: int) -> dict[bytes, list[Record]]:
    """Give all values of every live key of a partition, oldest first."""
    keys: dict[bytes, list[Record]] = {}
    for record in all_records(monitor.bootstrap, monitor.topics.state):
        if record.partition == partition:
            keys.setdefault(record.key, []).append(record)
    return {key: records for key, records in keys.items() if records[-1].value is not None}


def test_damaged_absent_and_older_state_is_refused_and_exact_once_mended(monitor: Monitor) -> None:
    worker, traffic = monitor.fleet.add(), monitor.traffic
    for _ in range(2):
        # Each half is cut for itself, so that there is an older cut to put back.
        for _ in range(traffic.chunks // 4):
            traffic.step(50)
        traffic.flush()
        monitor.wait_committed()
    assert worker.terminate() == 0
    keys = history(monitor, 0)
    last = {key: records[-1].value or b"" for key, records in keys.items()}
    cut = b"cut"
    for key, place in ((min(last), 0), (max(last), len(last[max(last)]) // 2), (cut, len(last[cut]) - 1)):
        with damaged(monitor, [(0, key, flipped(last[key], place))]):
            said = refuses_to_start(monitor)
            assert "DamagedState" in said, said
            assert "CRC" in said or "magic" in said, said
    with damaged(monitor, [(0, cut, last[cut][:-7])]):
        assert "DamagedState" in refuses_to_start(monitor)
    with damaged(monitor, [(0, key, None) for key in keys]):
        assert "is absent while the group committed" in refuses_to_start(monitor)
    with damaged(monitor, [(0, cut, keys[cut][0].value)]):
        assert "while the group committed" in refuses_to_start(monitor)

    worker.start()
    while traffic.now_ms < traffic.end_ms:
        traffic.step(50)
    traffic.finish()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()


def test_source_topics_of_different_partition_counts_are_refused(kafka: str, topics: str, monitor: Monitor) -> None:
    other = Topics(f"{topics}-uneven")
    create_topics(kafka, other, {other.labels: 3})
    worker = monitor.fleet.add(topic_prefix=other.prefix, group=other.prefix)
    assert worker.wait(30) == 3
    assert f"{other.labels}: expected 4 partitions" in worker.said()


def test_a_changed_partition_count_is_refused(monitor: Monitor) -> None:
    worker = monitor.fleet.add()
    monitor.traffic.step(200)
    monitor.traffic.flush()
    monitor.wait_committed()
    assert worker.terminate() == 0
    admin = AdminClient({"bootstrap.servers": monitor.bootstrap})
    grown = [NewPartitions(t.name, PARTITIONS + 2) for t in monitor.topics.table() if t.like_sources]
    for future in admin.create_partitions(grown).values():
        future.result(30)
    said = refuses_to_start(monitor)
    assert re.search(rf"of {PARTITIONS}, expected \d of {PARTITIONS + 2}", said), said
