# SPDX-License-Identifier: Apache-2.0
"""Decoding with a worker's settings."""

from __future__ import annotations

import json

import pytest

from stream.agents.decoding import Decoding
from stream.errors import InfrastructureError
from stream.settings import Settings
from topics.batches import Message
from topics.codec_avro import encode_avro

NOW_MS = 1_700_000_000_000
BY_PRODUCER, BY_BROKER = 0, 1


def event(time_ms):
    return {"inference_id": "a", "event_time": time_ms, "model": "m", "features": {"x": 1.5}}


def refused(settings, event_ms, timestamp_ms, timestamp_type):
    message = Message("t", 0, 0, timestamp_ms, None, json.dumps(event(event_ms)).encode())
    decoded = Decoding(settings, lambda: NOW_MS).decode("events", [message], timestamp_type)
    return [rejected.reason for rejected in decoded.rejected]


def test_the_future_begins_after_the_brokers_time():
    settings = Settings(max_future_skew_ms=1_000)
    assert refused(settings, NOW_MS + 9_000, NOW_MS + 8_500, BY_BROKER) == []
    assert refused(settings, NOW_MS, NOW_MS - 2_000, BY_BROKER) == ["future_time"]


def test_the_future_begins_after_now_where_producers_set_the_time():
    settings = Settings(max_future_skew_ms=1_000)
    assert refused(settings, NOW_MS + 9_000, NOW_MS + 8_500, BY_PRODUCER) == ["future_time"]
    assert refused(settings, NOW_MS, NOW_MS - 2_000, BY_PRODUCER) == []


def test_a_registry_that_does_not_answer_stops_the_worker_and_refuses_nothing():
    decoding = Decoding(Settings(schema_registry_url="http://127.0.0.1:1"))
    message = Message("t", 0, 0, NOW_MS, None, encode_avro(event(NOW_MS), schema_id=8))
    with pytest.raises(InfrastructureError, match=r"http://127.0.0.1:1: expected the schema registry to answer"):
        decoding.decode("events", [message], BY_BROKER)


def test_framed_avro_is_refused_where_no_registry_is_named():
    message = Message("t", 0, 0, NOW_MS, None, encode_avro(event(NOW_MS), schema_id=8))
    decoded = Decoding(Settings()).decode("events", [message], BY_BROKER)
    assert len(decoded.rejected) == 1
