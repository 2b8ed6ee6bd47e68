# SPDX-License-Identifier: Apache-2.0
"""What decoding yields: plain columns of numpy arrays, whatever the encoding was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOAT, INTEGER, BOOLEAN, STRING, MIXED = range(5)


class Values(NamedTuple):
    """A column as decoded, in the form every package above can take field by field.

    `kind` is FLOAT (float64), INTEGER (int64), BOOLEAN (bool), STRING (int32 codes into `categories`) or MIXED
    (objects). `valid` is false where a value is null or absent, `absent` true where the key itself was missing;
    either is None when no row needs it.
    """

    kind: int
    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    categories: tuple[str, ...] = ()
    absent: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[Any], /) -> Values:
        """Select rows by a boolean mask or by row numbers."""
        return Values(
            self.kind,
            self.values[rows],
            None if self.valid is None else self.valid[rows],
            self.categories,
            None if self.absent is None else self.absent[rows],
        )


class Message(NamedTuple):
    """One Kafka record, as far as decoding cares."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Inference events of one model and version whose ids have one length, in arrival order.

    Parameters
    ----------
    ids : ndarray of uint8, shape (n, length)
        Inference ids.
    event_time_ms, offset : ndarray of int64, shape (n,)
        When each inference happened (UTC); the Kafka offset it came from.
    columns : dict of str to Values
        Features under their own names; outputs as `prediction.label` (STRING, canonical classes),
        `prediction.score`, `prediction.value` and `prediction.scores.<class>` (FLOAT).
    tags, attributions, embeddings : dict of str to Values
        The optional parts of an event, under their own names; attributions of several classes as `class.feature`.
    origin : str
        `topic/partition/offset` of the first writing when the rows were forwarded, else empty.
    """

    model: str
    version: str
    ids: NDArray[np.uint8]
    event_time_ms: NDArray[np.int64]
    offset: NDArray[np.int64]
    columns: dict[str, Values] = field(default_factory=dict)
    tags: dict[str, Values] = field(default_factory=dict)
    attributions: dict[str, Values] = field(default_factory=dict)
    embeddings: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    sample_rate: float = 1.0
    origin: str = ""

    def take(self, rows: NDArray[Any], /) -> EventBatch:
        """Select rows by a boolean mask or by row numbers."""
        return replace(
            self,
            ids=self.ids[rows],
            event_time_ms=self.event_time_ms[rows],
            offset=self.offset[rows],
            columns={name: column.take(rows) for name, column in self.columns.items()},
            tags={name: column.take(rows) for name, column in self.tags.items()},
            attributions={name: column.take(rows) for name, column in self.attributions.items()},
            embeddings={name: vectors[rows] for name, vectors in self.embeddings.items()},
        )


@dataclass(frozen=True, slots=True)
class LabelBatch:
    """Labels of one model whose ids have one length, in arrival order.

    `version` is None when the labels go to every version that has the id. Exactly one of `label` (STRING, canonical
    classes) and `value` (float64) is set.
    """

    model: str
    version: str | None
    ids: NDArray[np.uint8]
    event_time_ms: NDArray[np.int64]
    offset: NDArray[np.int64]
    label: Values | None = None
    value: NDArray[np.float64] | None = None
    origin: str = ""

    def take(self, rows: NDArray[Any], /) -> LabelBatch:
        """Select rows by a boolean mask or by row numbers."""
        return replace(
            self,
            ids=self.ids[rows],
            event_time_ms=self.event_time_ms[rows],
            offset=self.offset[rows],
            label=None if self.label is None else self.label.take(rows),
            value=None if self.value is None else self.value[rows],
        )


@dataclass(frozen=True, slots=True)
class Watermark:
    """No event of this model with an earlier time will follow on this partition of this topic."""

    model: str
    event_time_ms: int
    offset: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows of one message that could not be taken, for one reason.

    `reason` is a short code for counting (`undecodable`, `missing_field`, `bad_time`, `future_time`, `id_length`,
    `score_range`, `value_range`, ...), `text` says what was expected and what came; `model` is empty if it could not be
    read.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    text: str
    rows: int
    sha256: str
    length: int
    model: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A fetch's rows in order, and what was refused."""

    batches: tuple[EventBatch | LabelBatch | Watermark, ...]
    rejected: tuple[Rejected, ...] = ()
