# SPDX-License-Identifier: Apache-2.0
"""Single inference events, collected into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from topics.batches import EventBatch, Values
from topics.fields import (
    check_names,
    check_scalars,
    read_attributions,
    read_embeddings,
    read_id,
    read_map,
    read_model,
    read_name,
    read_prediction,
    read_rate,
    read_time,
)
from topics.refusals import Refused
from topics.values import columns_of, values_of

# Rows whose keys differ are filled up to the union of all keys; a batch stops growing before that gets large.
MAX_CELLS = 2_000_000

_NOTHING: dict[str, Any] = {}


class _Key(NamedTuple):
    model: str
    version: str
    id_length: int
    sample_rate: float
    forwarded: bool
    embeddings: tuple[tuple[str, int], ...]


class _Rows:
    """Rows of one key, field by field."""

    __slots__ = ("attributions", "embeddings", "features", "ids", "offsets", "origin", "outputs", "tags", "times")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.ids: list[bytes] = []
        self.times: list[int] = []
        self.offsets: list[int] = []
        self.features: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.tags: list[dict[str, Any]] = []
        self.attributions: list[dict[str, float]] = []
        self.embeddings: list[dict[str, list[float]]] = []

    def batch(self, key: _Key) -> EventBatch:
        n = len(self.ids)
        vectors = self.embeddings if key.embeddings else []
        return EventBatch(
            key.model,
            key.version,
            np.frombuffer(b"".join(self.ids), np.uint8).reshape(n, key.id_length),
            np.array(self.times, np.int64),
            np.array(self.offsets, np.int64),
            columns_of(self.features) | _outputs(self.outputs),
            columns_of(self.tags) if any(self.tags) else {},
            columns_of(self.attributions) if any(self.attributions) else {},
            {name: _matrix([row[name] for row in vectors]) for name, _ in key.embeddings},
            key.sample_rate,
            self.origin,
        )


def _matrix(vectors: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.array(vectors, np.float32)


def _outputs(rows: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {f"prediction.{name}": values_of([row.get(name) for row in rows]) for name in names}


class EventRows:
    """Events decoded one by one, in arrival order, until they become batches."""

    def __init__(self) -> None:
        self._groups: dict[_Key, _Rows] = {}
        self._checked: set[tuple[str, ...]] = set()
        self._names: set[str] = set()
        self._count = 0

    def add(self, record: Any, offset: int, latest_ms: int, origin: str = "") -> None:
        """Take an event; raises `Refused` if it cannot be taken, and then leaves everything as it was."""
        model = read_model(record)
        try:
            self._add(model, record, offset, latest_ms, origin)
        except Refused as refused:
            refused.model = model
            raise

    def _add(self, model: str, record: dict[str, Any], offset: int, latest_ms: int, origin: str) -> None:
        version = read_name(record, "model_version", "1") or "1"
        inference_id = read_id(record)
        time_ms = read_time(record.get("event_time"), latest_ms)
        features = self._scalars(record, "features")
        prediction = record.get("prediction")
        outputs = _NOTHING if prediction is None else read_prediction(prediction)
        tags = self._scalars(record, "tags") if "tags" in record else _NOTHING
        attributions = read_attributions(record) if "attributions" in record else _NOTHING
        embeddings = read_embeddings(record) if "embeddings" in record else _NOTHING
        if attributions or len(outputs) > 3:
            self._names.update(attributions, outputs)
        rate = record.get("sample_rate")
        key = _Key(
            model,
            version,
            len(inference_id),
            1.0 if rate is None else read_rate(rate),
            bool(origin),
            tuple(sorted((name, len(vector)) for name, vector in embeddings.items())),
        )
        rows = self._groups.get(key)
        if rows is None:
            rows = self._groups[key] = _Rows(origin)
        rows.ids.append(inference_id)
        rows.times.append(time_ms)
        rows.offsets.append(offset)
        rows.features.append(features)
        rows.outputs.append(outputs)
        rows.tags.append(tags)
        rows.attributions.append(attributions)
        rows.embeddings.append(embeddings)
        self._count += 1

    def _scalars(self, record: dict[str, Any], field: str) -> dict[str, Any]:
        values = read_map(record, field)
        names = tuple(values)
        if names not in self._checked:
            check_names(names, field)
            self._names.update(names)
            # Every event with names of its own must not make this set grow without bound.
            if len(self._checked) < 256:
                self._checked.add(names)
        check_scalars(values, field)
        return values

    @property
    def full(self) -> bool:
        """Whether what is held should become batches before more is added."""
        return self._count * max(1, len(self._names)) >= MAX_CELLS

    def batches(self) -> list[EventBatch]:
        """Hand over everything held as batches, by first arrival of their kind, and start anew."""
        made = [rows.batch(key) for key, rows in self._groups.items()]
        self._groups.clear()
        self._names.clear()
        self._checked.clear()
        self._count = 0
        return made
