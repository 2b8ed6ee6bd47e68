# SPDX-License-Identifier: Apache-2.0
"""Messages and rows that cannot be taken: each one dead letter, once, even through kills; neighbours exact."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration import encoding
from tests.integration.monitor import PARTITIONS, Monitor
from tests.integration.traffic import MODEL
from tests.integration.truth import Row

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROW = Row("0" * 32, 1_767_225_600_001, 1, 1.0, "a", "1", 0.5)
ARROW = encoding.events_arrow(MODEL, [ROW] * 50)
SINGLE_OBJECT, CONFLUENT = b"\xc3\x01" + bytes(range(8)) + b"abc", b"\x00\x00\x00\x00\x07abc"

UNREADABLE: tuple[tuple[bytes | None, str | None], ...] = (
    (None, None),
    (b"", None),
    (b"\x07\x01garbage", None),
    (b"\xff\xfe\x00", encoding.JSON),
    (b"{not json", None),
    (b'[{"inference_id": ', None),
    (b'"text"', encoding.JSON),
    (b"[" * 100_000, None),
    (ARROW[: len(ARROW) // 2], encoding.ARROW),
    (b"\xff\xff\xff\xff" + b"\x7f" * 60, encoding.ARROW),
    (SINGLE_OBJECT, None),
    (CONFLUENT, None),
    (b"a,b\n1,2", "text/csv"),
    (b"[" + b" " * (9 << 20) + b"]", encoding.JSON),
    (b"{}", encoding.WATERMARK),
)
WRONG_FIELDS: tuple[dict[str, object], ...] = (
    {"inference_id": ""},
    {"inference_id": "x" * 257},
    {"inference_id": None},
    {"event_time": "yesterday"},
    {"event_time": "2026-01-01T00:00:00"},
    {"event_time": -1},
    {"event_time": 250_000_000_000_000},
    {"prediction": {"score": 1.5}},
    {"prediction": {"score": -0.1}},
    {"features": 5},
    {"features": {"age": [1, 2]}},
)


def test_every_poison_becomes_one_dead_letter_and_harms_no_neighbour(monitor: Monitor) -> None:
    traffic = monitor.traffic
    for _ in range(traffic.chunks // 2):
        traffic.step(50)
    for number, (value, content_type) in enumerate(UNREADABLE):
        for topic in monitor.topics.sources:
            traffic.poison(topic, number % PARTITIONS, value, content_type)
    for number, fields in enumerate(WRONG_FIELDS):
        traffic.poison_row(number % PARTITIONS, **fields)
    label = {"inference_id": "0" * 32, "model": MODEL}
    for wrong in (label, label | {"label": [1]}, label | {"label": "1", "event_time": "never"}):
        traffic.poison(traffic.labels, 0, json.dumps(wrong).encode())
        monitor.truth.rejected += 1
    worker = monitor.fleet.add()
    for _ in range(3):
        worker.wait_ready()
        time.sleep(0.3)
        worker.kill()
        worker.start()
    while traffic.now_ms < traffic.end_ms:
        traffic.step(50)
    traffic.finish()
    home = encoding.partition_of(ROW.id, PARTITIONS)
    sent_on_before = (("origin", f"{traffic.inference}/{home}/0".encode()),)
    wrong_partition = (home + 1) % PARTITIONS
    traffic.poison(traffic.inference, wrong_partition, encoding.events_json(MODEL, [ROW]), headers=sent_on_before)
    monitor.truth.rejected += 1
    traffic.flush()
    monitor.misplace(rows=40)
    monitor.settle()
    monitor.check()
