# SPDX-License-Identifier: Apache-2.0
"""Decoding with a worker's settings."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from stream.agents.decoding import Decoding
from stream.errors import InfrastructureError, SettingsError
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
    decoding = Decoding(Settings(schema_registry={"url": "http://127.0.0.1:1"}))
    message = Message("t", 0, 0, NOW_MS, None, encode_avro(event(NOW_MS), schema_id=8))
    with pytest.raises(InfrastructureError, match=r"http://127.0.0.1:1: expected the schema registry to answer"):
        decoding.decode("events", [message], BY_BROKER)


@pytest.fixture
def guarded():
    """Serve a registry without schemas that remembers how it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Authorization"])
            self.send_response(404)
            self.end_headers()
            self.wfile.write(b'{"error_code": 40401, "message": "none"}')

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_registry_is_told_who_asks(guarded):
    url, asked = guarded
    decoding = Decoding(Settings(schema_registry={"url": url, "basic.auth.user.info": "user:secret"}))
    message = Message("t", 0, 0, NOW_MS, None, encode_avro(event(NOW_MS), schema_id=8))
    assert len(decoding.decode("events", [message], BY_BROKER).rejected) == 1
    assert set(asked) == {"Basic " + base64.b64encode(b"user:secret").decode()}


def test_a_property_that_the_registrys_client_does_not_know_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"schema_registry: .*no\.such"):
        Decoding(Settings(schema_registry={"url": "http://127.0.0.1:1", "no.such": "x"}))


def test_a_registry_without_address_is_refused():
    with pytest.raises(ValueError, match=r"expected schema_registry\.url beside basic\.auth\.user\.info"):
        Settings(schema_registry={"basic.auth.user.info": "user:secret"})


def test_framed_avro_is_refused_where_no_registry_is_named():
    message = Message("t", 0, 0, NOW_MS, None, encode_avro(event(NOW_MS), schema_id=8))
    decoded = Decoding(Settings()).decode("events", [message], BY_BROKER)
    assert len(decoded.rejected) == 1
