# SPDX-License-Identifier: Apache-2.0
"""Labels: what a label feed sends the truth with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from topics.batches import LabelBatch
from topics.encode import encode_labels
from topics.fields import MAX_TIME_MS
from topics.label_rows import LabelRows
from topics.logged import check_name, check_rate, final_watermark, plain, read_bulks
from topics.outbox import Bulk, Collected, Counts, Limits, Outbox
from topics.refusals import Refused
from topics.sampling import sampled
from topics.subjects import Topics
from topics.tables import arrow_array, epoch_ms, ipc_bytes, time_column


class Labels:
    """Send labels of one model; a second one for the same id corrects the first.

    Parameters
    ----------
    bootstrap : str
        Address of the brokers, `host:port[,host:port]`.
    model : str
        What was labelled.
    version : str, optional
        Only this version of the model; by default every version that has the id.
    topics : Topics
        Names of the topics.
    sample_rate : float
        As in the `Capture` whose inferences are labelled.
    config : mapping, optional
        librdkafka properties, passed through unchanged.
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
        version: str | None = None,
        *,
        topics: Topics = Topics(),  # noqa: B008  # frozen
        sample_rate: float = 1.0,
        config: Mapping[str, Any] | None = None,
        limits: Limits = Limits(),  # noqa: B008  # frozen
    ) -> None:
        check_name("model", model)
        self._names = {"model": model}
        if version is not None:
            check_name("version", version)
            self._names["model_version"] = version
        check_rate(sample_rate)
        self._rate = sample_rate
        self._outbox: Outbox[LabelBatch] = Outbox(
            bootstrap, topics.labels, config=config, collect=self._collect, encode=encode_labels, limits=limits
        )

    def log(
        self,
        inference_id: str,
        label: str | float | None = None,
        *,
        value: float | None = None,
        event_time: datetime | int | None = None,
    ) -> None:
        """Send one label, or for regression one value; never blocks, never raises.

        Parameters
        ----------
        inference_id : str
            The id of the inference.
        label : str, bool or number, optional
            The true class; 1, 1.0, True and "1" are the class "1".
        value : float, optional
            The true outcome of a regression, instead of a label.
        event_time : datetime or int, optional
            When it became known; aware, or milliseconds since the epoch; by default now.
        """
        try:
            if self._rate < 1.0 and not sampled(inference_id.encode(), self._rate):
                self._outbox.count_sampled_out(1)
                return
            time_ms = time.time_ns() // 1_000_000 if event_time is None else event_time
            self._outbox.put((inference_id, time_ms, label, value))
        except Exception as error:  # a feed must not fail because of its monitor
            self._outbox.count_invalid(1, error)

    def log_batch(self, inference_ids: Any, label: Any = None, *, value: Any = None, event_time: Any = None) -> None:
        """Send many labels at once; never blocks, never raises.

        Parameters
        ----------
        inference_ids : sequence of str, array, or ndarray of uint8, shape (n, length)
            One id a row.
        label, value : array of n
            As in `log`; one of them.
        event_time : datetime, int or array of n, optional
            As in `log`; one for all rows, or one a row.
        """
        rows = 1
        try:
            ids = arrow_array(inference_ids)
            rows = len(ids)
            columns = {"inference_id": ids, "event_time": time_column(event_time, rows, time.time_ns() // 1_000_000)}
            truths = {"label": label, "value": value}
            columns |= {name: arrow_array(data) for name, data in truths.items() if data is not None}
            if rows:
                self._outbox.put_bulk(Bulk(ipc_bytes(columns, self._names), rows))
        except Exception as error:  # a feed must not fail because of its monitor
            self._outbox.count_invalid(rows, error)

    def _collect(self, rows: list[Any], bulks: list[Bulk]) -> Collected[LabelBatch]:
        labels = LabelRows()
        invalid = 0
        for inference_id, event_time, label, value in rows:
            record = self._names | {"inference_id": inference_id, "label": plain(label), "value": plain(value)}
            try:
                record["event_time"] = epoch_ms(event_time) if isinstance(event_time, datetime) else event_time
                labels.add(record, 0, MAX_TIME_MS)
            except (Refused, ValueError, TypeError, AttributeError):
                invalid += 1
        of_bulks = read_bulks(bulks, self._rate, events=False)
        return Collected(labels.batches() + of_bulks.batches, invalid + of_bulks.invalid, of_bulks.sampled_out)

    @property
    def counts(self) -> Counts:
        """What became of the labels sent so far."""
        return self._outbox.counts

    def close(self, *, final: bool | datetime = False, timeout_s: float = 30.0) -> None:
        """Send what is queued, wait until it is acknowledged, and stop.

        Parameters
        ----------
        final : bool or datetime
            As in `Capture.close`, for labels of this model.
        timeout_s : float
            Longest wait in seconds; what is not acknowledged by then is counted as failed.
        """
        self._outbox.close(final_watermark(self._names["model"], final), timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
