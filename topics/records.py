# SPDX-License-Identifier: Apache-2.0
"""Keys, headers and JSON bytes of the records that workers and tools exchange."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from topics.batches import Message, Rejected

Headers = list[tuple[str, bytes]]

JSON_TYPE = "application/json"
AVRO_TYPE = "application/avro"
ARROW_TYPE = "application/vnd.apache.arrow.stream"
WATERMARK_TYPE = "application/vnd.sketchwatch.watermark+json"

NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(value.item()) if hasattr(value, "item") else value


def to_json(record: Mapping[str, Any], /) -> bytes:
    """Write a record as JSON; NaN and infinities become the strings "NaN", "Infinity", "-Infinity".

    Examples
    --------
    >>> to_json({"value": float("nan"), "interval": (0.1, float("inf"))})
    b'{"value":"NaN","interval":[0.1,"Infinity"]}'
    """
    return json.dumps(_plain(record), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def from_json(data: bytes, /) -> dict[str, Any]:
    """Read a record written by `to_json`.

    Raises
    ------
    ValueError
        If the bytes are not a JSON object.
    """
    record = json.loads(data)
    if not isinstance(record, dict):
        msg = f"expected a JSON object, got {type(record).__name__}"
        raise ValueError(msg)  # noqa: TRY004  # bad data, not a bad call
    return record


def iso_time(time_ms: int, /) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds.

    Examples
    --------
    >>> iso_time(1_500)
    '1970-01-01T00:00:01.500Z'
    """
    seconds, milliseconds = divmod(time_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


class ProfileKey(NamedTuple):
    """What the key of a record on the profiles topic says."""

    model: str
    version: str
    window_start_ms: int
    partition: int
    part: str


def profile_key(model: str, version: str, window_start_ms: int, partition: int, part: str) -> bytes:
    """Key of one part of one window's state in one source partition.

    Examples
    --------
    >>> profile_key("adult", "3", 3_600_000, 1, "feature/age")
    b'adult|3600000|1|3/feature/age'
    """
    return f"{model}|{window_start_ms}|{partition}|{version}/{part}".encode()


def parse_profile_key(key: bytes, /) -> ProfileKey:
    """Take a key made by `profile_key` apart.

    Raises
    ------
    ValueError
        If it is no such key.

    Examples
    --------
    >>> parse_profile_key(b"adult|3600000|1|3/feature/a|b/c").part
    'feature/a|b/c'
    """
    try:
        model, start, partition, rest = key.decode().split("|", 3)
        version, part = rest.split("/", 1)
        return ProfileKey(model, version, int(start), int(partition), part)
    except ValueError as error:
        msg = f"expected a key model|window start ms|source partition|version/part, got {key[:200]!r}"
        raise ValueError(msg) from error


def definition_key(model: str, version: str, effective_from_ms: int) -> bytes:
    """Key of a definition on the definitions topic.

    Examples
    --------
    >>> definition_key("adult", "3", 0)
    b'definition|adult|3|0'
    """
    return f"definition|{model}|{version}|{effective_from_ms}".encode()


def baseline_key(model: str, version: str, baseline_version: str, part: str) -> bytes:
    """Key of one part of a baseline on the definitions topic.

    Examples
    --------
    >>> baseline_key("adult", "3", "2", "data_quality")
    b'baseline|adult|3|2|data_quality'
    """
    return f"baseline|{model}|{version}|{baseline_version}|{part}".encode()


class DefinitionKey(NamedTuple):
    """Key of a definition, taken apart."""

    model: str
    version: str
    effective_from_ms: int


class BaselineKey(NamedTuple):
    """Key of one part of a baseline, taken apart."""

    model: str
    version: str
    baseline_version: str
    part: str


def parse_definitions_key(key: bytes, /) -> DefinitionKey | BaselineKey:
    """Take a key of the definitions topic apart.

    Raises
    ------
    ValueError
        If it is neither a definition's nor a baseline's.

    Examples
    --------
    >>> parse_definitions_key(b"baseline|adult|3|2|feature/a|b")
    BaselineKey(model='adult', version='3', baseline_version='2', part='feature/a|b')
    """
    kind, _, rest = key.decode("utf-8", "replace").partition("|")
    try:
        if kind == "definition":
            model, version, effective_from_ms = rest.split("|")
            return DefinitionKey(model, version, int(effective_from_ms))
        if kind == "baseline":
            model, version, baseline_version, part = rest.split("|", 3)
            return BaselineKey(model, version, baseline_version, part)
    except ValueError:
        pass
    forms = "definition|model|version|effective from ms or baseline|model|version|baseline version|part"
    msg = f"expected a key {forms}, got {key[:200]!r}"
    raise ValueError(msg)


def watermark(model: str, event_time_ms: int) -> tuple[bytes, Headers]:
    """Value and headers of a watermark record.

    Examples
    --------
    >>> watermark("adult", 0)[0]
    b'{"model":"adult","event_time":"1970-01-01T00:00:00.000Z"}'
    """
    value = to_json({"model": model, "event_time": iso_time(event_time_ms)})
    return value, [("content-type", WATERMARK_TYPE.encode())]


def dead_letter(rejected: Rejected, message: Message | None = None) -> tuple[bytes, bytes]:
    """Key and value of the dead letter of a refusal; the payload goes along only if its message is given.

    Examples
    --------
    >>> key, value = dead_letter(Rejected("t", 0, 7, "bad_time", "expected a time", 1, "ab", 3))
    >>> key, from_json(value)["reason"]
    (b't/0/7', 'bad_time')
    """
    place = {"topic": rejected.topic, "partition": rejected.partition, "offset": rejected.offset}
    record: dict[str, Any] = place | {
        "reason": rejected.reason,
        "text": rejected.text,
        "rows": rejected.rows,
        "model": rejected.model or None,
        "sha256": rejected.sha256,
        "length": rejected.length,
    }
    if message is not None and message.value is not None:
        record["payload_hex"] = message.value.hex()
    return f"{rejected.topic}/{rejected.partition}/{rejected.offset}".encode(), to_json(record)


def violation_headers(record: Mapping[str, Any]) -> Headers:
    """CloudEvents 1.0 attributes (Kafka binding, binary mode) of a violation record.

    Parameters
    ----------
    record : mapping
        The violation, with at least `id`, `type`, `model`, `model_version`, `revision` and `window`.

    References
    ----------
    .. [1] CloudEvents, Kafka Protocol Binding 1.0.2, section 3.2.

    Examples
    --------
    >>> window = {"start": "2026-11-20T10:00:00Z", "end": "2026-11-20T11:00:00Z"}
    >>> record = {"id": "ab", "type": "violation", "model": "m", "model_version": "1", "revision": 2, "window": window}
    >>> dict(violation_headers(record))["ce_type"], dict(violation_headers(record))["ce_id"]
    (b'io.sketchwatch.violation.v1', b'ab/2')
    """
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": f"{record['id']}/{record['revision']}",
        "ce_type": f"io.sketchwatch.{record['type']}.v1",
        "ce_source": f"sketchwatch/{record['model']}/{record['model_version']}",
        "ce_time": record["window"]["end"],
        "content-type": JSON_TYPE,
    }
    return [(name, value.encode()) for name, value in attributes.items()]
