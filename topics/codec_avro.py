# SPDX-License-Identifier: Apache-2.0
"""Avro messages as records: single-object encoding, or Confluent framing when a registry is there."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

import fastavro
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from topics.refusals import Refused

SINGLE_OBJECT = b"\xc3\x01"
EVENT, LABEL = "InferenceEvent", "GroundTruth"


class RegistryUnavailable(Exception):
    """The schema registry could not be asked: nothing is known of the message, so it is not refused."""


class Registry(Protocol):
    """Finds writer schemas by id."""

    def schema(self, schema_id: int, /) -> Mapping[str, Any] | None:
        """The schema of an id this reader trusts, None for any other; raises `RegistryUnavailable`."""
        ...


@cache
def schema_of(name: str, /) -> dict[str, Any]:
    """One of the published Avro schemas, by its record's name.

    Examples
    --------
    >>> schema_of("GroundTruth")["namespace"]
    'io.sketchwatch'
    """
    schema: dict[str, Any] = json.loads((files("topics") / "schemas" / f"{name}.avsc").read_text("utf-8"))
    return schema


@cache
def plain_schema(name: str, /) -> Any:
    """The schema, parsed, without logical types."""
    return parse_schema(without_logical_types(schema_of(name)))


@cache
def fingerprint_of(name: str, /) -> bytes:
    """CRC-64-AVRO of the schema's parsing canonical form, as single-object encoding has it."""
    digest = fingerprint(to_parsing_canonical_form(schema_of(name)), "CRC-64-AVRO")
    return bytes.fromhex(digest)


def without_logical_types(schema: Any, /) -> Any:
    """Take logical types out of a schema, so that a time is an integer and none is out of a calendar's range."""
    if isinstance(schema, list):
        return [without_logical_types(item) for item in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(item) for key, item in schema.items() if key != "logicalType"}
    return schema


class AvroReader:
    """Reads messages of one record type.

    Notes
    -----
    The writer's schema is never taken from the message: the fingerprint must be that of the published schema, or the
    registry must answer for the id.
    """

    def __init__(self, name: str, registry: Registry | None = None) -> None:
        self._name = name
        self._registry = registry

    def record(self, value: bytes, /) -> Any:
        """Read one message's record; raises `Refused`, or `RegistryUnavailable`."""
        ours = plain_schema(self._name)
        if value.startswith(SINGLE_OBJECT):
            expected = fingerprint_of(self._name)
            if value[2:10] != expected:
                text = f"expected the fingerprint of {self._name}, {expected.hex()}, got {value[2:10].hex()}"
                raise Refused("unknown_schema", text)
            return _read(value, 10, ours, None)
        if value[:1] != b"\0" or len(value) < 5:
            raise Refused("undecodable", f"expected an Avro single object or Confluent framing, got {value[:5].hex()}")
        if self._registry is None:
            raise Refused("unknown_schema", "expected Avro single-object encoding as no schema registry is configured")
        schema_id = int.from_bytes(value[1:5], "big")
        writer = self._registry.schema(schema_id)
        if writer is None:
            text = f"expected the id of a schema registered for {self._name}, got {schema_id}"
            raise Refused("unknown_schema", text)
        return _read(value, 5, writer, ours)


def _read(value: bytes, start: int, writer: Any, reader: Any) -> Any:
    source = io.BytesIO(value)
    source.seek(start)
    try:
        record = fastavro.schemaless_reader(source, writer, reader)
    except Exception as error:  # fastavro meets hostile bytes with whatever error comes first
        raise Refused("undecodable", f"expected Avro, got {type(error).__name__}: {str(error)[:200]}") from None
    if source.tell() != len(value):
        text = f"expected the record to end with the message, got {len(value) - source.tell()} bytes more"
        raise Refused("undecodable", text)
    return record


def encode_avro(record: Mapping[str, Any], name: str = EVENT, *, schema_id: int | None = None) -> bytes:
    """Write one event or label as Avro.

    Parameters
    ----------
    record : mapping
        Fields of the record; `event_time` in integer milliseconds.
    name : str
        `InferenceEvent` or `GroundTruth`.
    schema_id : int, optional
        Id in a schema registry: Confluent framing instead of single-object encoding.

    Examples
    --------
    >>> data = encode_avro({"inference_id": "a", "model": "m", "label": "1", "event_time": 5}, "GroundTruth")
    >>> AvroReader("GroundTruth").record(data)["label"]
    '1'
    """
    sink = io.BytesIO()
    sink.write(SINGLE_OBJECT + fingerprint_of(name) if schema_id is None else b"\0" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(sink, plain_schema(name), record)
    return sink.getvalue()
