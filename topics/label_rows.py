# SPDX-License-Identifier: Apache-2.0
"""Single labels, collected into batches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from topics.batches import LabelBatch
from topics.fields import read_class, read_id, read_model, read_name, read_time, read_value
from topics.refusals import Refused
from topics.values import values_of

MAX_ROWS = 500_000


class _Key(NamedTuple):
    model: str
    version: str | None
    id_length: int
    regression: bool
    forwarded: bool


class _Rows:
    """Rows of one key, field by field."""

    __slots__ = ("ids", "labels", "offsets", "origin", "times")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.ids: list[bytes] = []
        self.times: list[int] = []
        self.offsets: list[int] = []
        self.labels: list[Any] = []

    def batch(self, key: _Key) -> LabelBatch:
        return LabelBatch(
            key.model,
            key.version,
            np.frombuffer(b"".join(self.ids), np.uint8).reshape(len(self.ids), key.id_length),
            np.array(self.times, np.int64),
            np.array(self.offsets, np.int64),
            None if key.regression else values_of(self.labels),
            np.array(self.labels, np.float64) if key.regression else None,
            self.origin,
        )


class LabelRows:
    """Labels decoded one by one, in arrival order, until they become batches.

    The label at the highest offset wins, so two labels of one id must keep their order. Those with the same version
    and form share a batch and do; when a model's labels change version or form, what is held becomes batches first.
    """

    def __init__(self) -> None:
        self._groups: dict[_Key, _Rows] = {}
        self._forms: dict[str, tuple[str | None, bool, bool]] = {}
        self._done: list[LabelBatch] = []
        self._count = 0

    def add(self, record: Any, offset: int, latest_ms: int, origin: str = "", *, default_ms: int = -1) -> None:
        """Take a label; raises `Refused` if it cannot be taken, and then leaves everything as it was.

        `default_ms` is the time of a label that names none.
        """
        model = read_model(record)
        try:
            self._add(model, record, offset, latest_ms, origin, default_ms=default_ms)
        except Refused as refused:
            refused.model = model
            raise

    def _add(
        self, model: str, record: dict[str, Any], offset: int, latest_ms: int, origin: str, *, default_ms: int
    ) -> None:
        version = read_name(record, "model_version", None)
        inference_id = read_id(record)
        time = record.get("event_time")
        time_ms = read_time(default_ms if time is None else time, latest_ms)
        label, value = record.get("label"), record.get("value")
        if (label is None) == (value is None):
            text = "expected either a label or a value, got " + ("neither" if label is None else "both")
            raise Refused("missing_field" if label is None else "bad_label", text)
        truth = read_value(value, "value") if label is None else read_class(label, "label")
        key = _Key(model, version, len(inference_id), label is None, bool(origin))
        form = (key.version, key.regression, key.forwarded)
        if self._forms.setdefault(model, form) != form:
            self._close()
            self._forms[model] = form
        rows = self._groups.get(key)
        if rows is None:
            rows = self._groups[key] = _Rows(origin)
        rows.ids.append(inference_id)
        rows.times.append(time_ms)
        rows.offsets.append(offset)
        rows.labels.append(truth)
        self._count += 1

    def _close(self) -> None:
        self._done += [rows.batch(key) for key, rows in self._groups.items()]
        self._groups.clear()
        self._forms.clear()

    @property
    def full(self) -> bool:
        """Whether what is held should become batches before more is added."""
        return self._count >= MAX_ROWS

    def batches(self) -> list[LabelBatch]:
        """Hand over everything held as batches, in order, and start anew."""
        self._close()
        made, self._done = self._done, []
        self._count = 0
        return made
