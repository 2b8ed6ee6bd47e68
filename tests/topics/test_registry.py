# SPDX-License-Identifier: Apache-2.0
"""With a registry, Avro in Confluent framing is read with the schemas registered for the topic, and no others."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import fastavro
import pytest

from tests.topics.messages import all_rows, event, message
from topics.codec import decode_events
from topics.codec_avro import EVENT, RegistryUnavailable, encode_avro, fingerprint_of, schema_of
from topics.registry import SchemaRegistry, safe_schema

SUBJECT = "t-value"


def registered() -> dict[str, dict[int, tuple[int, Any]]]:
    """Schemas by subject and version: ours as it was before tags, ours, and one of another topic."""
    older = copy.deepcopy(schema_of(EVENT))
    older["fields"] = [field for field in older["fields"] if field["name"] not in ("tags", "sample_rate")]
    foreign = {"type": "record", "name": EVENT, "fields": [{"name": "inference_id", "type": "string"}]}
    return {SUBJECT: {1: (7, older), 2: (8, schema_of(EVENT))}, "other-value": {1: (9, foreign)}}


@pytest.fixture
def registry() -> Iterator[str]:
    schemas = registered()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, _, subject, _, *version = self.path.partition("?")[0].split("/")
            body: Any = None
            if subject in schemas:
                body = list(schemas[subject])
                if version:
                    schema_id, schema = schemas[subject][int(version[0])]
                    body = {
                        "subject": subject,
                        "version": int(version[0]),
                        "id": schema_id,
                        "schema": json.dumps(schema),
                    }
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.end_headers()
            self.wfile.write(json.dumps(body or {"error_code": 40401, "message": "none"}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def framed(schema_id: int, schema: Any, record: dict[str, Any]) -> bytes:
    sink = io.BytesIO(b"")
    sink.write(b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(sink, fastavro.parse_schema(copy.deepcopy(schema)), record)
    return sink.getvalue()


def test_the_present_and_older_schemas_of_the_topic_are_read(registry: str) -> None:
    reader = SchemaRegistry({"url": registry}, (SUBJECT,))
    older = registered()[SUBJECT][1][1]
    record = event("a", features={"x": 1.5}, prediction={"score": 0.5})
    values = [encode_avro(record, schema_id=8), framed(7, older, record | {"inference_id": "b"})]
    decoded = decode_events([message(value) for value in values], registry=reader)
    assert decoded.rejected == ()
    assert [(row["id"], row["columns.x"]) for row in all_rows(decoded.batches)] == [(b"a", "1.5"), (b"b", "1.5")]


@pytest.mark.parametrize("schema_id", [9, 10, 2**31])
def test_ids_of_other_subjects_and_unknown_ids_are_refused(schema_id: int, registry: str) -> None:
    reader = SchemaRegistry({"url": registry}, (SUBJECT, "absent-value"))
    decoded = decode_events([message(encode_avro(event(), schema_id=schema_id))], registry=reader)
    assert [rejected.reason for rejected in decoded.rejected] == ["unknown_schema"]


def test_a_registry_that_does_not_answer_is_an_error_and_refuses_nothing() -> None:
    reader = SchemaRegistry({"url": "http://127.0.0.1:1", "max.retries": 0}, (SUBJECT,))
    with pytest.raises(RegistryUnavailable, match="expected the schema registry to answer for id 8"):
        decode_events([message(encode_avro(event(), schema_id=8))], registry=reader)


def record_with(field_type: Any) -> str:
    return json.dumps({"type": "record", "name": EVENT, "fields": [{"name": "x", "type": field_type}]})


@pytest.mark.parametrize(
    "field_type",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}},
        {"type": "array", "items": {"type": "fixed", "name": "None", "size": 0}},
        {"type": "array", "items": {"type": "record", "name": "Nulls", "fields": [{"name": "y", "type": "null"}]}},
        ["null", EVENT],
        {"type": "map", "values": ["null", EVENT]},
    ],
)
def test_a_schema_that_could_harm_its_reader_is_not_trusted(field_type: Any) -> None:
    assert safe_schema(record_with(field_type)) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '"string"', "{", '{"type": "record", "name": "Other", "fields": []}', "[" * 10_000]
)
def test_what_is_no_schema_of_ours_is_not_trusted(text: str) -> None:
    assert safe_schema(text) is None


def test_our_own_schemas_are_trusted_and_their_fingerprints_are_fixed() -> None:
    assert safe_schema(json.dumps(schema_of(EVENT))) is not None
    # Changing either is a change of the public contract: producers write these bytes.
    assert {name: fingerprint_of(name).hex() for name in (EVENT, "GroundTruth")} == {
        EVENT: "8c93135dbdab4300",
        "GroundTruth": "0f7806712688c801",
    }
