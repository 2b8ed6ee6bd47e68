# SPDX-License-Identifier: Apache-2.0
"""Rows as a foreign client would write them: JSON and Arrow by their contract alone, without the product's codecs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tests.integration.truth import Row

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
WATERMARK = "application/vnd.sketchwatch.watermark+json"


def partition_of(inference_id: str, partitions: int) -> int:
    """Kafka's default partitioner: murmur2 of the key's bytes."""
    data, m, mask = inference_id.encode(), 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) - len(data) % 4
    for place in range(0, whole, 4):
        k = int.from_bytes(data[place : place + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % partitions


def iso(time_ms: int) -> str:
    """Write a time as ISO 8601 with an offset that is not UTC's own, as clients do."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="milliseconds")


def event_object(model: str, row: Row) -> dict[str, Any]:
    """Write a row as the JSON object of the contract."""
    event: dict[str, Any] = {"inference_id": row.id, "model": model, "features": row.features}
    event["event_time"] = row.time_ms if row.time_ms % 2 else iso(row.time_ms)
    prediction = {"label": row.predicted, "score": row.score}
    if given := {name: value for name, value in prediction.items() if value is not None}:
        event["prediction"] = given
    return event


def events_json(model: str, rows: Sequence[Row]) -> bytes:
    """Write one row as an object, several as an array."""
    objects = [event_object(model, row) for row in rows]
    return json.dumps(objects[0] if len(objects) == 1 else objects).encode()


def labels_json(model: str, labels: Sequence[tuple[str, str]], time_ms: int) -> bytes:
    """Write labels; a class that is a number goes as one half of the time."""
    objects = [
        {"inference_id": i, "model": model, "label": int(c) if place % 2 else c, "event_time": iso(time_ms)}
        for place, (i, c) in enumerate(labels)
    ]
    return json.dumps(objects[0] if len(objects) == 1 else objects).encode()


def events_arrow(model: str, rows: Sequence[Row]) -> bytes:
    """Write rows as an Arrow IPC stream; it has no absent keys."""
    columns = {
        "inference_id": pa.array([row.id for row in rows], pa.utf8()),
        "event_time": pa.array([row.time_ms for row in rows], pa.timestamp("ms", "UTC")),
        "model": pa.array([model] * len(rows)).dictionary_encode(),
        "features.age": pa.array([row.age for row in rows], pa.int64()),
        "features.hours": pa.array([row.hours for row in rows], pa.float64()),
        "features.job": pa.array([row.job for row in rows], pa.utf8()).dictionary_encode(),
        "prediction.label": pa.array([row.predicted for row in rows], pa.utf8()),
        "prediction.score": pa.array([row.score for row in rows], pa.float64()),
    }
    return arrow_bytes(pa.record_batch(columns))


def labels_arrow(model: str, labels: Sequence[tuple[str, str]], time_ms: int) -> bytes:
    """Write labels as an Arrow IPC stream, the model in the schema's metadata."""
    columns = {
        "inference_id": pa.array([i for i, _ in labels], pa.utf8()),
        "event_time": pa.array([time_ms] * len(labels), pa.int64()),
        "label": pa.array([c for _, c in labels], pa.utf8()),
    }
    return arrow_bytes(pa.record_batch(columns).replace_schema_metadata({"model": model}))


def arrow_bytes(batch: pa.RecordBatch) -> bytes:
    """Write one record batch as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def watermark(model: str, time_ms: int) -> bytes:
    """Write a watermark of a model."""
    return json.dumps({"model": model, "event_time": iso(time_ms)}).encode()


def rows_in(value: bytes, content_type: bytes) -> int:
    """Count the rows of a message."""
    if content_type == ARROW.encode():
        return int(pa.ipc.open_stream(value).read_all().num_rows)
    found = json.loads(value)
    return len(found) if isinstance(found, list) else 1
