# SPDX-License-Identifier: Apache-2.0
"""Batches to bytes: Arrow, or JSON where Arrow has no form for the values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from topics.batches import MIXED, STRING, EventBatch, LabelBatch, Values
from topics.records import ARROW_TYPE, JSON_TYPE


def encode_events(batch: EventBatch) -> tuple[bytes, str]:
    """Write a batch as one message: an Arrow block, or a JSON array if it has mixed columns or absent keys.

    Returns
    -------
    tuple of bytes and str
        The value and its content-type. Decoding it yields the batch again, at another offset.

    Raises
    ------
    ValueError
        If rows that need JSON have ids that are not UTF-8.

    Examples
    --------
    >>> ids = np.frombuffer(b"ab", np.uint8).reshape(2, 1)
    >>> ages = {"age": Values(1, np.array([39, 50]))}
    >>> batch = EventBatch("m", "1", ids, np.array([1, 2]), np.array([0, 0]), ages)
    >>> encode_events(batch)[1]
    'application/vnd.apache.arrow.stream'
    """
    sections = (batch.columns, batch.tags, batch.attributions)
    if any(_needs_json(column) for section in sections for column in section.values()):
        return _json(event_records(batch)), JSON_TYPE
    arrays: dict[str, Any] = {"inference_id": _ids(batch.ids), "event_time": _times(batch.event_time_ms)}
    for name, column in batch.columns.items():
        arrays[name if name.startswith("prediction.") else f"features.{name}"] = _array(column)
    arrays |= {f"tags.{name}": _array(column) for name, column in batch.tags.items()}
    arrays |= {f"attributions.{name}": _array(column) for name, column in batch.attributions.items()}
    for name, vectors in batch.embeddings.items():
        flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
        arrays[f"embeddings.{name}"] = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    metadata = {"model": batch.model, "model_version": batch.version}
    if batch.sample_rate != 1.0:
        metadata["sample_rate"] = repr(batch.sample_rate)
    return _arrow(arrays, metadata), ARROW_TYPE


def encode_labels(batch: LabelBatch) -> tuple[bytes, str]:
    """Write a batch of labels as one Arrow block.

    Examples
    --------
    >>> ids = np.frombuffer(b"ab", np.uint8).reshape(2, 1)
    >>> batch = LabelBatch("m", None, ids, np.array([1, 2]), np.array([0, 0]), value=np.array([0.5, 1.5]))
    >>> encode_labels(batch)[1]
    'application/vnd.apache.arrow.stream'
    """
    arrays: dict[str, Any] = {"inference_id": _ids(batch.ids), "event_time": _times(batch.event_time_ms)}
    if batch.label is not None:
        arrays["label"] = _array(batch.label)
    else:
        arrays["value"] = pa.array(batch.value)
    metadata = {"model": batch.model} | ({} if batch.version is None else {"model_version": batch.version})
    return _arrow(arrays, metadata), ARROW_TYPE


def _needs_json(column: Values) -> bool:
    return column.kind == MIXED or (column.absent is not None and bool(column.absent.any()))


def _ids(ids: NDArray[np.uint8]) -> Any:
    n, length = ids.shape
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(length), n, [None, pa.py_buffer(np.ascontiguousarray(ids))])


def _times(times_ms: NDArray[np.int64]) -> Any:
    return pa.array(times_ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))


def _array(column: Values) -> Any:
    mask = None if column.valid is None else ~column.valid
    if column.kind != STRING:
        return pa.array(np.ascontiguousarray(column.values), mask=mask)
    codes = pa.array(column.values, pa.int32(), mask=mask)
    return pa.DictionaryArray.from_arrays(codes, pa.array(column.categories, pa.string()))


def _arrow(arrays: dict[str, Any], metadata: dict[str, str]) -> bytes:
    schema = pa.schema([(name, array.type) for name, array in arrays.items()], metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(list(arrays.values()), schema=schema))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _json(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()


def event_records(batch: EventBatch) -> list[dict[str, Any]]:
    """Write a batch as one record an event, with the fields of the JSON and Avro forms.

    Raises
    ------
    ValueError
        If an id is not UTF-8.
    """
    features = {name: column for name, column in batch.columns.items() if not name.startswith("prediction.")}
    outputs = {name[11:]: column for name, column in batch.columns.items() if name.startswith("prediction.")}
    rows = zip(
        batch.ids,
        batch.event_time_ms.tolist(),
        _rows(features, len(batch.ids)),
        _rows(outputs, len(batch.ids)),
        _rows(batch.tags, len(batch.ids)),
        _rows(batch.attributions, len(batch.ids)),
        strict=True,
    )
    return [
        _record(batch, place, inference_id, time_ms, sections)
        for place, (inference_id, time_ms, *sections) in enumerate(rows)
    ]


def _record(
    batch: EventBatch, place: int, inference_id: NDArray[np.uint8], time_ms: int, sections: list[dict[str, Any]]
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "inference_id": inference_id.tobytes().decode(),
        "event_time": time_ms,
        "model": batch.model,
        "model_version": batch.version,
    }
    features, outputs, tags, attributions = sections
    prediction = {
        name: value for name, value in outputs.items() if not name.startswith("scores.") and value is not None
    }
    scores = {name[7:]: value for name, value in outputs.items() if name.startswith("scores.") and value is not None}
    if scores:
        prediction["scores"] = scores
    attributed = {name: value for name, value in attributions.items() if value is not None}
    optional = {"features": features, "prediction": prediction, "tags": tags, "attributions": attributed}
    record |= {name: section for name, section in optional.items() if section}
    if batch.embeddings:
        record["embeddings"] = {name: vectors[place].tolist() for name, vectors in batch.embeddings.items()}
    return record if batch.sample_rate == 1.0 else record | {"sample_rate": batch.sample_rate}


def label_records(batch: LabelBatch) -> list[dict[str, Any]]:
    """Write a batch of labels as one record a label, with the fields of the JSON and Avro forms."""
    named: dict[str, Any] = {"model": batch.model}
    if batch.version is not None:
        named["model_version"] = batch.version
    field = "value" if batch.label is None else "label"
    truths = python_values(batch.label) if batch.label is not None else (batch.value if batch.value is not None else ())
    return [
        {"inference_id": inference_id.tobytes().decode(), "event_time": time_ms, **named, field: truth}
        for inference_id, time_ms, truth in zip(batch.ids, batch.event_time_ms.tolist(), list(truths), strict=True)
    ]


def python_values(column: Values) -> list[Any]:
    """A column as Python values, None where it has none.

    Examples
    --------
    >>> python_values(Values(STRING, np.array([0, 1]), np.array([True, False]), ("a", "b")))
    ['a', None]
    """
    if column.kind == STRING:
        values: list[Any] = [column.categories[code] if column.categories else None for code in column.values.tolist()]
    else:
        values = column.values.tolist()
    if column.valid is None:
        return values
    return [value if ok else None for value, ok in zip(values, column.valid.tolist(), strict=True)]


def _rows(columns: dict[str, Values], n: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for name, column in columns.items():
        present = None if column.absent is None else (~column.absent).tolist()
        for place, value in enumerate(python_values(column)):
            if present is None or present[place]:
                rows[place][name] = value
    return rows
