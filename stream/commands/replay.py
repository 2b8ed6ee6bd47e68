# SPDX-License-Identifier: Apache-2.0
"""Publish a model's history as events and labels, in order of time, and say when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream.agents.decoding import wall_clock_ms
from stream.commands.applying import read_definitions
from stream.commands.sending import Sender, closing_ms, history_of
from stream.commands.traffic import Traffic
from stream.settings import Settings
from topics.batches import FLOAT, EventBatch, LabelBatch, Values

_STEPS = 200
_STEP_S = 0.2


def replay(
    settings: Settings,
    traffic: Traffic,
    model: str,
    version: str,
    *,
    speed: float | None = None,
    final: bool = True,
    progress: Callable[[int], None] = lambda _rows: None,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> None:
    """Publish traffic: events and labels interleaved by time, watermarks at the end.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    traffic : Traffic
        What happened.
    model, version : str
        Whose traffic it is; a definition must have been applied.
    speed : float, optional
        Seconds of event time a second; as fast as the broker takes it if not given.
    final : bool
        Whether the history ends here: if so, watermarks close all its windows, features and labels.
    progress : callable
        Told the number of events and labels sent since the last time.
    now_ms : callable
        The time of day, which no watermark passes.

    Raises
    ------
    InfrastructureError
        If the model is not defined, a topic is missing or the broker does not take a record.
    """
    definitions = history_of(read_definitions(settings), model, version)
    sender = Sender(settings, model)
    history = _History(sender, traffic, model, version)
    begin_s, start_ms = time.monotonic(), int(traffic.event_time_ms[0])
    for end_ms in _steps(traffic, speed):
        if speed is not None:
            due_s = begin_s + (end_ms - start_ms) / 1_000 / speed
            time.sleep(max(0.0, due_s - time.monotonic()))
        progress(history.send_until(end_ms))
    if final:
        # Never beyond now, which workers would refuse: labels of recent windows may indeed still come.
        sender.watermark(min(closing_ms(definitions, int(traffic.event_time_ms[-1])), now_ms()))
    sender.flush()


def _steps(traffic: Traffic, speed: float | None) -> Iterator[int]:
    start_ms = int(traffic.event_time_ms[0])
    last_ms = max(int(traffic.event_time_ms[-1]), int(traffic.label_time_ms[-1]) if len(traffic.label_time_ms) else 0)
    span_ms = last_ms - start_ms
    step_ms = max(1, span_ms // _STEPS if speed is None else int(speed * _STEP_S * 1_000))
    return iter(range(start_ms + step_ms, last_ms + step_ms + 1, step_ms))


class _History:
    """Cuts traffic into batches, each of one length of ids."""

    def __init__(self, sender: Sender, traffic: Traffic, model: str, version: str) -> None:
        self._sender = sender
        self._traffic = traffic
        self._name = (model, version)
        self._lengths = np.array([len(value) for value in traffic.ids])
        self._sent = {"events": 0, "labels": 0}

    def send_until(self, end_ms: int) -> int:
        """Send what happened before a time; returns how many events and labels."""
        traffic = self._traffic
        events = self._next("events", traffic.event_time_ms, end_ms)
        labels = self._next("labels", traffic.label_time_ms, end_ms)
        for place, ids in self._cut(events):
            rows = events[place]
            columns, tags, attributions = (
                _take(part, rows) for part in (traffic.columns, traffic.tags, traffic.attributions)
            )
            embeddings = {name: vectors[rows] for name, vectors in traffic.embeddings.items()}
            times = traffic.event_time_ms[rows]
            self._sender.events(EventBatch(*self._name, ids, times, rows, columns, tags, attributions, embeddings))
        if traffic.label is not None:
            for place, ids in self._cut(traffic.label_row[labels]):
                rows = labels[place]
                label = traffic.label.take(rows)
                batch = LabelBatch(*self._name, ids, traffic.label_time_ms[rows], rows)
                known = {"value": label.values} if label.kind == FLOAT else {"label": label}
                self._sender.labels(replace(batch, **known))
        return len(events) + len(labels)

    def _next(self, side: str, times: NDArray[np.int64], end_ms: int) -> NDArray[np.int64]:
        begin, end = self._sent[side], int(np.searchsorted(times, end_ms))
        self._sent[side] = end
        return np.arange(begin, end)

    def _cut(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Yield places in `rows` whose ids have one length, with those ids."""
        lengths = self._lengths[rows]
        for length in np.unique(lengths).tolist():
            alike = np.flatnonzero(lengths == length)
            text = b"".join(self._traffic.ids[row] for row in rows[alike].tolist())
            yield alike, np.frombuffer(text, np.uint8).reshape(-1, length)


def _take(columns: dict[str, Values], rows: NDArray[np.int64]) -> dict[str, Values]:
    return {name: values.take(rows) for name, values in columns.items()}
