# SPDX-License-Identifier: Apache-2.0
"""Capture: what a model server logs its inferences with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from topics.batches import EventBatch
from topics.encode import encode_events
from topics.event_rows import EventRows
from topics.fields import MAX_TIME_MS
from topics.logged import check_name, check_rate, final_watermark, plain, plain_values, read_bulks
from topics.outbox import Bulk, Collected, Counts, Limits, Outbox
from topics.refusals import Refused
from topics.sampling import sampled
from topics.subjects import Topics
from topics.tables import (
    arrow_array,
    arrow_table,
    attribution_tables,
    epoch_ms,
    ipc_bytes,
    time_column,
    vector_array,
)


class _Row(NamedTuple):
    inference_id: Any
    event_time: Any
    features: dict[str, Any] | None
    label: Any
    score: Any
    value: Any
    scores: dict[str, Any] | None
    extras: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None


class Capture:
    """Log inferences of one model version from a model server.

    A thread sends them as columnar blocks. `log` and `log_batch` take microseconds, never block and never raise: what
    cannot be sent is counted in `counts`.

    Parameters
    ----------
    bootstrap : str
        Address of the brokers, `host:port[,host:port]`.
    model, version : str
        What the inferences are of.
    topics : Topics
        Names of the topics.
    sample_rate : float
        Share of inferences to send, in (0, 1], chosen by hash of the id.
    config : mapping, optional
        librdkafka properties, passed through unchanged (`security.protocol`, `sasl.*`, `ssl.*`, `compression.type`).
    limits : Limits
        Rows that may wait, and the rows, bytes and seconds after which a block is sent.

    Raises
    ------
    ValueError
        If a name or the rate is outside its range.
    KafkaException
        If a property is unknown or has a wrong value.
    """

    def __init__(
        self,
        bootstrap: str,
        model: str,
        version: str = "1",
        *,
        topics: Topics = Topics(),  # noqa: B008  # frozen
        sample_rate: float = 1.0,
        config: Mapping[str, Any] | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        check_name("model", model)
        check_name("version", version)
        check_rate(sample_rate)
        self._names = {"model": model, "model_version": version}
        if sample_rate < 1.0:
            self._names["sample_rate"] = repr(sample_rate)
        self._rate = sample_rate
        self._outbox: Outbox[EventBatch] = Outbox(
            bootstrap, topics.inference, config=config, collect=self._collect, encode=encode_events, limits=limits
        )

    def log(
        self,
        inference_id: str,
        features: Mapping[str, Any] | None = None,
        prediction: str | float | None = None,
        *,
        score: float | None = None,
        value: float | None = None,
        scores: Mapping[str, float] | None = None,
        event_time: datetime | int | None = None,
        attributions: Mapping[str, Any] | None = None,
        embeddings: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log one inference.

        Parameters
        ----------
        inference_id : str
            Joins the label; 1 to 256 bytes.
        features : mapping, optional
            Inputs by name: None, bool, int, float, str or a numpy scalar. The mapping may be reused afterwards.
        prediction : str, bool or number, optional
            The predicted class.
        score : float, optional
            Probability of the positive class.
        value : float, optional
            Output of a regression.
        scores : mapping of str to float, optional
            Probability of each class of a multiclass model.
        event_time : datetime or int, optional
            Aware, or milliseconds since the epoch; by default now.
        attributions : mapping, optional
            Number by feature, or by class and feature.
        embeddings : mapping, optional
            Vector by name.
        tags : mapping, optional
            Like features, of what is not an input: segments, facets, groups.
        """
        try:
            if self._rate < 1.0 and not sampled(inference_id.encode(), self._rate):
                self._outbox.count_sampled_out(1)
                return
            time_ms = time.time_ns() // 1_000_000 if event_time is None else event_time
            extras = None
            if attributions or embeddings or tags:
                extras = (dict(attributions or ()), dict(embeddings or ()), dict(tags or ()))
            copy = None if features is None else dict(features)
            of_classes = None if scores is None else dict(scores)
            self._outbox.put(_Row(inference_id, time_ms, copy, prediction, score, value, of_classes, extras))
        except Exception as error:  # a model server must not fail because of its monitor
            self._outbox.count_invalid(1, error)

    def log_batch(
        self,
        inference_ids: Any,
        features: Any = None,
        prediction: Any = None,
        *,
        score: Any = None,
        value: Any = None,
        scores: Any = None,
        event_time: Any = None,
        attributions: Any = None,
        embeddings: Mapping[str, Any] | None = None,
        tags: Any = None,
    ) -> None:
        """Log many inferences at once.

        Parameters
        ----------
        inference_ids : sequence of str, array, or ndarray of uint8, shape (n, length)
            One id a row.
        features, tags : mapping of arrays, or a table of pandas, Polars or Arrow
            Columns by name, n rows.
        prediction, score, value : array of n, optional
            As in `log`.
        scores : mapping of arrays, or a table, optional
            Probability by class, n rows.
        attributions : mapping of arrays, or a table, optional
            Numbers by feature, n rows; a mapping may hold one of these for each class.
        embeddings : mapping of str to array of shape (n, dimensions), optional
            Vectors by name.
        event_time : datetime, int or array of n, optional
            As in `log`; one for all rows, or one a row.
        """
        rows = 1
        try:
            ids = arrow_array(inference_ids)
            rows = len(ids)
            columns = {"inference_id": ids, "event_time": time_column(event_time, rows, time.time_ns() // 1_000_000)}
            sections = {"features": features, "tags": tags, "prediction.scores": scores}
            for section, data in (sections | attribution_tables(attributions)).items():
                if data is not None:
                    table = arrow_table(data)
                    columns |= {f"{section}.{name}": table.column(name) for name in table.column_names}
            columns |= {f"embeddings.{name}": vector_array(data) for name, data in (embeddings or {}).items()}
            outputs = {"label": prediction, "score": score, "value": value}
            columns |= {f"prediction.{name}": arrow_array(data) for name, data in outputs.items() if data is not None}
            if rows:
                self._outbox.put_bulk(Bulk(ipc_bytes(columns, self._names), rows))
        except Exception as error:  # a model server must not fail because of its monitor
            self._outbox.count_invalid(rows, error)

    def _collect(self, rows: list[Any], bulks: list[Bulk]) -> Collected[EventBatch]:
        events = EventRows()
        batches: list[EventBatch] = []
        invalid = 0
        for row in rows:
            try:
                events.add(self._record(row), 0, MAX_TIME_MS)
            except (Refused, ValueError, TypeError, AttributeError):
                invalid += 1
            if events.full:
                batches += events.batches()
        batches += events.batches()
        of_bulks = read_bulks(bulks, self._rate, events=True)
        return Collected(batches + of_bulks.batches, invalid + of_bulks.invalid, of_bulks.sampled_out)

    def _record(self, row: _Row) -> dict[str, Any]:
        record: dict[str, Any] = {
            "inference_id": row.inference_id,
            "event_time": epoch_ms(row.event_time) if isinstance(row.event_time, datetime) else row.event_time,
            **self._names,
            "features": None if row.features is None else plain_values(row.features),
        }
        outputs = {"label": row.label, "score": row.score, "value": row.value}
        prediction = {name: plain(output) for name, output in outputs.items() if output is not None}
        if row.scores is not None:
            prediction["scores"] = plain_values(row.scores)
        if prediction:
            record["prediction"] = prediction
        if row.extras is not None:
            attributions, embeddings, tags = row.extras
            record["attributions"] = {
                name: plain_values(item) if isinstance(item, dict) else plain(item)
                for name, item in attributions.items()
            }
            record["embeddings"] = {name: [float(item) for item in vector] for name, vector in embeddings.items()}
            record["tags"] = plain_values(tags)
        if self._rate < 1.0:
            record["sample_rate"] = self._rate
        return record

    @property
    def counts(self) -> Counts:
        """What became of the inferences logged so far."""
        return self._outbox.counts

    def close(self, *, final: bool | datetime = False, timeout_s: float = 30.0) -> None:
        """Send what is queued, wait until it is acknowledged, and stop.

        Parameters
        ----------
        final : bool or datetime
            True at the end of a batch: no inference of this model with an event time before now will follow, from
            whatever client. A time says so of that time: a batch of old events must not close the windows of today.
        timeout_s : float
            Longest wait in seconds; what is not acknowledged by then is counted as failed.
        """
        self._outbox.close(final_watermark(self._names["model"], final), timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
