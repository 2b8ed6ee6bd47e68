# SPDX-License-Identifier: Apache-2.0
"""Messages for tests, and what decoded batches say, row by row."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from topics.batches import EventBatch, LabelBatch, Message, Values
from topics.encode import python_values

NOW_MS = 1_800_000_000_000


def message(value: bytes | None, offset: int = 0, *, content_type: str = "", origin: str = "") -> Message:
    headers = [("content-type", content_type.encode())] if content_type else []
    headers += [("origin", origin.encode())] if origin else []
    return Message("t", 0, offset, NOW_MS, None, value, tuple(headers))


def as_json(record: Any) -> bytes:
    return json.dumps(record).encode()


def arrow(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def event(inference_id: str = "a", **fields: Any) -> dict[str, Any]:
    return {"inference_id": inference_id, "event_time": NOW_MS, "model": "m"} | fields


def label(inference_id: str = "a", **fields: Any) -> dict[str, Any]:
    return {"inference_id": inference_id, "model": "m", "label": "1"} | fields


def cells(column: Values) -> list[Any]:
    """Values as comparable text: NaN equals NaN, 1 differs from 1.0 and True, a null from an absent key."""
    absent = [False] * len(column.values) if column.absent is None else column.absent.tolist()
    return ["absent" if gone else repr(value) for value, gone in zip(python_values(column), absent, strict=True)]


def rows(batch: EventBatch | LabelBatch) -> list[dict[str, Any]]:
    """What a batch says of each row."""
    n = len(batch.ids)
    sections: dict[str, list[Any]] = {}
    if isinstance(batch, EventBatch):
        for part in ("columns", "tags", "attributions"):
            sections |= {f"{part}.{name}": cells(column) for name, column in getattr(batch, part).items()}
        sections |= {f"embeddings.{name}": np.asarray(v).tolist() for name, v in batch.embeddings.items()}
        sections["rate"] = [batch.sample_rate] * n
    elif batch.label is not None:
        sections["label"] = cells(batch.label)
    else:
        assert batch.value is not None
        sections["value"] = batch.value.tolist()
    common = {
        "id": [row.tobytes() for row in batch.ids],
        "time": batch.event_time_ms.tolist(),
        "model": [batch.model] * n,
        "version": [batch.version] * n,
    }
    every = common | sections
    made = [dict(zip(every, values, strict=True)) for values in zip(*every.values(), strict=True)]
    return [{name: value for name, value in row.items() if value not in ("absent", "None")} for row in made]


def all_rows(batches: Any) -> list[dict[str, Any]]:
    """Rows of all batches in order of their ids."""
    return sorted((row for batch in batches for row in rows(batch)), key=lambda row: row["id"])
