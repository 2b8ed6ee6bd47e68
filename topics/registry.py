# SPDX-License-Identifier: Apache-2.0
"""A Confluent schema registry as the source of writer schemas; needs the extra `registry`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from fastavro.schema import parse_schema

from topics.codec_avro import EVENT, LABEL, RegistryUnavailable, without_logical_types

_RETRY_S = 60.0
_MAX_UNKNOWN = 1_000
_MAX_DEPTH = 16


class SchemaRegistry:
    """Finds the schemas registered under the subjects of the source topics, and no others.

    Parameters
    ----------
    config : mapping
        Properties of confluent-kafka's `SchemaRegistryClient`, at least `url`.
    subjects : tuple of str
        Subjects whose schemas are trusted, `<topic>-value` of the source topics.
    """

    def __init__(self, config: Mapping[str, Any], subjects: tuple[str, ...]) -> None:
        self._client = SchemaRegistryClient.new_client(dict(config))
        self._subjects = subjects
        self._schemas: dict[int, Any] = {}
        self._unknown: dict[int, float] = {}

    def schema(self, schema_id: int, /) -> Mapping[str, Any] | None:
        """The schema of an id, None if it is of no trusted subject or could harm its reader.

        Raises
        ------
        RegistryUnavailable
            If the registry does not answer.
        """
        known: Mapping[str, Any] | None = self._schemas.get(schema_id)
        if known is not None:
            return known
        now = time.monotonic()
        if now - self._unknown.get(schema_id, -_RETRY_S) < _RETRY_S:
            return None
        found = self._find(schema_id)
        if found is None:
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown[schema_id] = now
            return None
        self._schemas[schema_id] = found
        return found

    def _find(self, schema_id: int) -> Mapping[str, Any] | None:
        try:
            for subject in self._subjects:
                for version in self._versions(subject):
                    registered = self._client.get_version(subject, version)
                    if registered.schema_id == schema_id and registered.schema.schema_type == "AVRO":
                        found: Mapping[str, Any] | None = safe_schema(str(registered.schema.schema_str))
                        return found
        except Exception as error:
            msg = f"expected the schema registry to answer for id {schema_id}, got {type(error).__name__}: {error}"
            raise RegistryUnavailable(msg) from error
        return None

    def _versions(self, subject: str) -> list[int]:
        try:
            # Newest first: an unknown id is most likely the latest.
            return sorted(self._client.get_versions(subject), reverse=True)
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                return []
            raise


def safe_schema(text: str, /) -> Any:
    """Parse a writer schema; None if it is not one of ours or lets five bytes become millions of values.

    Refused are other records, recursion (fastavro's reader overflows the C stack) and arrays of items that take no
    bytes (`null`, empty records and fixed).

    Examples
    --------
    >>> safe_schema('{"type": "array", "items": "null"}') is None
    True
    """
    try:
        schema = json.loads(text)
        if not isinstance(schema, dict) or schema.get("name") not in (EVENT, LABEL):
            return None
        if not _bounded(schema, frozenset(), 0):
            return None
        return parse_schema(without_logical_types(schema))
    except Exception:  # whatever json and fastavro make of a wrong schema
        return None


def _bounded(schema: Any, open_names: frozenset[str], depth: int) -> bool:
    """Whether a schema is finite, and no array holds items without bytes; `open_names` are still being defined."""
    if depth > _MAX_DEPTH:
        return False
    if isinstance(schema, str):
        return schema.rpartition(".")[2] not in open_names
    if isinstance(schema, list):
        inner = schema
    elif schema["type"] == "array":
        inner = [schema["items"]]
        if _empty(schema["items"]):
            return False
    elif schema["type"] == "map":
        inner = [schema["values"]]
    elif schema["type"] in ("record", "error"):
        open_names |= {schema["name"].rpartition(".")[2]}
        inner = [field["type"] for field in schema["fields"]]
    else:
        inner = [schema["type"]]
    return all(_bounded(part, open_names, depth + 1) for part in inner)


def _empty(schema: Any) -> bool:
    """Whether a value of this schema may take no bytes; a name might stand for such a type, so it counts as one."""
    if isinstance(schema, str):
        return schema not in ("boolean", "int", "long", "float", "double", "bytes", "string")
    if isinstance(schema, list):
        return False
    kind = schema.get("type")
    if kind in ("record", "error"):
        return all(_empty(field["type"]) for field in schema["fields"])
    if kind == "fixed":
        return int(schema["size"]) == 0
    return False if kind in ("array", "map", "enum") else _empty(kind)
