# SPDX-License-Identifier: Apache-2.0
"""Bytes to batches: what the messages of one fetch hold, whatever each is encoded in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from topics.arrow_guard import CONTINUATION
from topics.batches import Decoded, EventBatch, LabelBatch, Message, Watermark
from topics.codec_arrow import ArrowRows
from topics.codec_avro import EVENT, LABEL, SINGLE_OBJECT, AvroReader, Registry
from topics.codec_json import json_records
from topics.event_rows import EventRows
from topics.fields import MAX_GROUPS, check_models, read_model, read_time
from topics.label_rows import LabelRows
from topics.records import ARROW_TYPE, AVRO_TYPE, JSON_TYPE, WATERMARK_TYPE
from topics.refusals import Refusals, Refused, shown
from topics.uniform_events import uniform_events

MAX_VALUE_BYTES = 8 * 1024 * 1024
MAX_FUTURE_SKEW_MS = 300_000
_FEW = 8

_KNOWN = {JSON_TYPE, AVRO_TYPE, ARROW_TYPE, WATERMARK_TYPE}


def decode_events(
    messages: Sequence[Message],
    *,
    max_future_skew_ms: int = MAX_FUTURE_SKEW_MS,
    registry: Registry | None = None,
    max_value_bytes: int = MAX_VALUE_BYTES,
    reference_ms: int | None = None,
) -> Decoded:
    """Decode the messages of one fetch from one partition of the inference topic.

    Parameters
    ----------
    messages : sequence of Message
        In order of their offsets; JSON, Avro, Arrow and watermarks may be mixed.
    max_future_skew_ms : int
        How far an event may lie after its reference time.
    registry : Registry, optional
        Finds the schemas of Confluent-framed Avro; without one such messages are refused.
    max_value_bytes : int
        Longer values are refused unread.
    reference_ms : int, optional
        The time that events may not lie far after; by default each message's Kafka timestamp, which the broker sets
        (LogAppendTime).

    Returns
    -------
    Decoded
        Batches whose rows of one model and version keep their order, and what was refused. Arrays may be read-only
        views of the messages: copy what is kept.

    Raises
    ------
    RegistryUnavailable
        If the schema registry cannot be asked; nothing else is raised, whatever the bytes.

    Notes
    -----
    Consecutive rows with the same model, version and id length share a batch. Rows of different id lengths or versions
    do not keep their order among each other; watermarks keep theirs.

    Examples
    --------
    >>> value = b'{"inference_id": "a", "event_time": 5, "model": "m", "features": {"age": 39}}'
    >>> batch = decode_events([Message("t", 0, 7, 10, None, value)]).batches[0]
    >>> batch.model, batch.columns["age"].values.tolist(), batch.offset.tolist()
    ('m', [39], [7])
    """
    reader = AvroReader(EVENT, registry)
    return _Decoder(EventRows(), reader, max_future_skew_ms, max_value_bytes, reference_ms).decode(messages)


def decode_labels(
    messages: Sequence[Message],
    *,
    max_future_skew_ms: int = MAX_FUTURE_SKEW_MS,
    registry: Registry | None = None,
    max_value_bytes: int = MAX_VALUE_BYTES,
    reference_ms: int | None = None,
) -> Decoded:
    """Decode the messages of one fetch from one partition of the labels topic.

    Parameters are those of `decode_events`. Labels of one model are in order, also across versions.

    Examples
    --------
    >>> value = b'{"inference_id": "a", "model": "m", "label": 1}'
    >>> batch = decode_labels([Message("t", 0, 7, 10, None, value)]).batches[0]
    >>> batch.label.categories, batch.event_time_ms.tolist()
    (('1',), [10])
    """
    reader = AvroReader(LABEL, registry)
    return _Decoder(LabelRows(), reader, max_future_skew_ms, max_value_bytes, reference_ms).decode(messages)


class _Decoder:
    """One fetch on its way; only one of `rows` and `blocks` holds anything, so that batches come out in order."""

    def __init__(
        self,
        rows: EventRows | LabelRows,
        avro: AvroReader,
        max_future_skew_ms: int,
        max_value_bytes: int,
        reference_ms: int | None,
    ) -> None:
        self._rows = rows
        self._blocks = ArrowRows(events=isinstance(rows, EventRows))
        self._avro = avro
        self._skew_ms = max_future_skew_ms
        self._max_value_bytes = max_value_bytes
        self._reference_ms = reference_ms
        self._refusals = Refusals()
        self._batches: list[EventBatch | LabelBatch | Watermark] = []

    def decode(self, messages: Sequence[Message]) -> Decoded:
        if isinstance(self._rows, EventRows) and (batches := self._uniform(messages)):
            return Decoded(tuple(batches))
        for message in messages:
            try:
                self._take(message)
            except Refused as refused:
                self._refusals.refuse(message, refused)
        self._flush_rows()
        self._flush_blocks()
        return Decoded(tuple(self._batches), tuple(self._refusals.all()))

    def _uniform(self, messages: Sequence[Message]) -> list[EventBatch] | None:
        if len(messages) < _FEW or max(len(message.value or b"") for message in messages) > self._max_value_bytes:
            return None
        if self._reference_ms is None:
            references_ms = np.fromiter((message.timestamp_ms for message in messages), np.int64, len(messages))
        else:
            references_ms = np.full(len(messages), self._reference_ms)
        return uniform_events(messages, references_ms + self._skew_ms)

    def _flush_rows(self) -> None:
        self._batches += self._rows.batches()

    def _flush_blocks(self) -> None:
        self._batches += self._blocks.batches(self._refusals)

    def _take(self, message: Message) -> None:
        value = message.value
        if not value:
            raise Refused("empty", "expected a value, got none")
        if len(value) > self._max_value_bytes:
            raise Refused("too_large", f"expected at most {self._max_value_bytes} bytes, got {len(value)}")
        origin, content_type = _headers(message) if message.headers else ("", "")
        reference_ms = message.timestamp_ms if self._reference_ms is None else self._reference_ms
        latest_ms = reference_ms + self._skew_ms
        encoding = _encoding(value, content_type)
        if encoding == ARROW_TYPE:
            self._flush_rows()
            self._blocks.add(message, latest_ms, origin, self._refusals)
            return
        self._flush_blocks()
        if encoding == WATERMARK_TYPE:
            self._watermark(message, value, latest_ms)
            return
        records = json_records(value) if encoding == JSON_TYPE else [self._avro.record(value)]
        if len(records) > MAX_GROUPS:
            check_models(records)
        for record in records:
            try:
                if isinstance(self._rows, EventRows):
                    self._rows.add(record, message.offset, latest_ms, origin)
                else:
                    self._rows.add(record, message.offset, latest_ms, origin, default_ms=message.timestamp_ms)
            except Refused as refused:
                self._refusals.refuse(message, refused)
            if self._rows.full:
                self._flush_rows()

    def _watermark(self, message: Message, value: bytes, latest_ms: int) -> None:
        records = json_records(value)
        model = read_model(records[0] if records else None)
        # A replay's last watermark lies after its last event; it is as untrusted as any event time.
        time_ms = read_time(records[0].get("event_time"), latest_ms)
        self._flush_rows()
        self._batches.append(Watermark(model, time_ms, message.offset))


def _headers(message: Message) -> tuple[str, str]:
    origin = content_type = ""
    for name, value in message.headers:
        if name == "origin":
            origin = (value or b"").decode("utf-8", "replace")
        elif name.lower() == "content-type":
            content_type = (value or b"").decode("utf-8", "replace").partition(";")[0].strip().lower()
    return origin, content_type


def _encoding(value: bytes, content_type: str) -> str:
    if content_type:
        if content_type not in _KNOWN:
            expected = ", ".join(sorted(_KNOWN))
            raise Refused("unknown_encoding", f"expected content-type {expected}, got {shown(content_type)}")
        return content_type
    if value.startswith(CONTINUATION):
        return ARROW_TYPE
    if value.startswith((SINGLE_OBJECT, b"\0")):
        return AVRO_TYPE
    if value.lstrip(b" \t\r\n")[:1] in (b"{", b"["):
        return JSON_TYPE
    raise Refused("unknown_encoding", f"expected JSON, Avro or an Arrow IPC stream, got bytes {value[:8].hex()}")
