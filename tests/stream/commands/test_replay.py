# SPDX-License-Identifier: Apache-2.0
"""What a replay publishes is the history, whole, in order, and closed at its end."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from confluent_kafka import Consumer, TopicPartition

from stream.commands.applying import apply
from stream.commands.replay import replay
from stream.commands.tables import Roles
from stream.commands.traffic import Traffic, traffic_of
from stream.errors import InfrastructureError
from stream.kafka.clients import reader_config
from stream.settings import Settings
from topics.batches import Decoded, EventBatch, LabelBatch, Message, Watermark
from topics.codec import decode_events, decode_labels
from topics.partitioner import partition_of
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def settings(mock_broker: str, topics: str) -> Settings:
    return Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)


def _history(n: int = 500) -> Traffic:
    rng = np.random.default_rng(7)
    label: list[int | None] = rng.integers(0, 2, n).tolist()
    label[:50] = [None] * 50
    at = rng.integers(0, 3 * HOUR_MS, n)
    table = pa.table(
        {
            "id": [f"{'x' * (row % 3)}{row}" for row in range(n)],
            "at": at,
            "known": at + rng.integers(0, HOUR_MS, n),
            "age": pa.array(rng.integers(18, 90, n), mask=rng.random(n) < 0.1),
            "job": rng.choice(["clerk", "cook"], n),
            "p": rng.random(n),
            "y": label,
            "region": rng.choice(["eu", "us"], n),
            "attributions.age": rng.normal(size=n),
            "embeddings.text": list(rng.normal(size=(n, 3))),
        }
    )
    roles = Roles(label="y", score="p", inference_id="id", event_time="at", label_time="known", tags=("region",))
    return traffic_of(table, roles, name="history")


def _read(settings: Settings, topic: str) -> dict[int, Decoded]:
    decode = decode_events if topic.endswith("inference") else decode_labels
    found = {}
    with closing(Consumer(reader_config(settings))) as reader:
        for partition in range(4):
            end = reader.get_watermark_offsets(TopicPartition(topic, partition), 10)[1]
            reader.assign([TopicPartition(topic, partition, 0)])
            messages: list[Message] = []
            while len(messages) < end:
                messages += [
                    Message(
                        topic, partition, m.offset(), m.timestamp()[1], m.key(), m.value(), tuple(m.headers() or ())
                    )
                    for m in reader.consume(500, 0.1)
                    if m.error() is None
                ]
            found[partition] = decode(messages)
    return found


def _message(record: Any) -> Message:
    place = (record.topic(), record.partition(), record.offset(), record.timestamp()[1])
    return Message(*place, record.key(), record.value(), tuple(record.headers() or ()))


def _names(ids: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in ids]


def test_every_event_and_label_arrives_once_on_its_partition_and_in_order_of_time(settings: Settings) -> None:
    history = _history()
    apply(settings, ModelDefinition(model="m", version="2"))
    progress: list[int] = []
    replay(settings, history, "m", "2", progress=progress.append)
    assert sum(progress) == len(history.ids) + len(history.label_row) == 950

    rows = {name: row for row, name in enumerate(history.ids)}
    events, labels = (_read(settings, topic) for topic in Topics(settings.topic_prefix).sources)
    seen: list[int] = []
    for partition, decoded in events.items():
        assert not decoded.rejected
        times: dict[int, list[int]] = {}
        for batch in (one for one in decoded.batches if isinstance(one, EventBatch)):
            assert (batch.model, batch.version) == ("m", "2")
            assert (partition_of(batch.ids, 4) == partition).all()
            places = [rows[name] for name in _names(batch.ids)]
            seen += places
            times.setdefault(batch.ids.shape[1], []).extend(batch.event_time_ms.tolist())
            assert batch.event_time_ms.tolist() == history.event_time_ms[places].tolist()
            expected = {name: values.take(np.array(places)) for name, values in history.columns.items()}
            assert batch.columns["prediction.score"].values.tolist() == expected["prediction.score"].values.tolist()
            assert _cells(batch.columns["age"]) == _cells(expected["age"])
            assert _cells(batch.columns["job"]) == _cells(expected["job"])
            assert _cells(batch.tags["region"]) == _cells(history.tags["region"].take(np.array(places)))
            assert _cells(batch.attributions["age"]) == _cells(history.attributions["age"].take(np.array(places)))
            np.testing.assert_array_equal(batch.embeddings["text"], history.embeddings["text"][places])
        assert all(values == sorted(values) for values in times.values())
    assert sorted(seen) == list(range(len(history.ids)))

    assert history.label is not None
    expected_labels = dict(zip(history.label_row.tolist(), _cells(history.label), strict=True))
    found_labels: dict[int, object] = {}
    for decoded in labels.values():
        for one in (batch for batch in decoded.batches if isinstance(batch, LabelBatch)):
            assert one.label is not None
            found_labels |= dict(zip([rows[name] for name in _names(one.ids)], _cells(one.label), strict=True))
    assert found_labels == expected_labels


def test_the_labels_of_a_regression_arrive_as_values(settings: Settings) -> None:
    apply(settings, ModelDefinition(model="m", problem_type="Regression"))
    table = pa.table({"id": ["a", "b", "c"], "at": [1, 2, 3], "p": [0.5, 1.5, 2.5], "y": [1.0, None, 1e45]})
    roles = Roles(label="y", prediction="p", inference_id="id", event_time="at")
    replay(settings, traffic_of(table, roles, name="x", numeric=True), "m", "1")
    events, labels = (_read(settings, topic) for topic in Topics(settings.topic_prefix).sources)
    values: dict[bytes, float] = {}
    for decoded in labels.values():
        for one in (batch for batch in decoded.batches if isinstance(batch, LabelBatch)):
            assert one.label is None
            assert one.value is not None
            values |= dict(zip(_names(one.ids), one.value.tolist(), strict=True))
    assert values == {b"a": 1.0, b"c": 1e45}
    sent = [batch for decoded in events.values() for batch in decoded.batches if isinstance(batch, EventBatch)]
    assert sorted(value for batch in sent for value in batch.columns["prediction.value"].values) == [0.5, 1.5, 2.5]


def _cells(values: object) -> list[object]:
    kind, cells, valid, categories, *_ = values  # type: ignore[misc]
    texts = [categories[cell] for cell in cells] if kind == 3 else cells.tolist()
    return [text if valid is None or valid[row] else None for row, text in enumerate(texts)]


def test_at_the_end_a_watermark_on_every_partition_closes_every_window(settings: Settings) -> None:
    apply(settings, ModelDefinition(model="m", window=Window(label_horizon=DAY_MS)))
    replay(settings, _history(), "m", "1")
    for topic in Topics(settings.topic_prefix).sources:
        for decoded in _read(settings, topic).values():
            last = decoded.batches[-1]
            assert isinstance(last, Watermark)
            assert last.event_time_ms == 3 * HOUR_MS + DAY_MS


def test_the_last_watermark_of_recent_history_is_of_now_and_not_refused_as_future(settings: Settings) -> None:
    apply(settings, ModelDefinition(model="m", window=Window(label_horizon=DAY_MS)))
    history = _history()
    now_ms = int(history.event_time_ms[-1]) + HOUR_MS
    replay(settings, history, "m", "1", now_ms=lambda: now_ms)
    for topic in Topics(settings.topic_prefix).sources:
        for decoded in _read(settings, topic).values():
            last = decoded.batches[-1]
            assert isinstance(last, Watermark)
            assert last.event_time_ms == now_ms


def test_history_that_goes_on_ends_without_watermarks(settings: Settings) -> None:
    apply(settings, ModelDefinition(model="m"))
    replay(settings, _history(), "m", "1", final=False)
    for topic in Topics(settings.topic_prefix).sources:
        for decoded in _read(settings, topic).values():
            assert not any(isinstance(batch, Watermark) for batch in decoded.batches)


def test_a_model_without_definition_is_refused_before_anything_is_sent(settings: Settings) -> None:
    apply(settings, ModelDefinition(model="other"))
    with pytest.raises(InfrastructureError, match="model m version 1 has no definition"):
        replay(settings, _history(), "m", "1")


def test_speed_is_seconds_of_history_a_second(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("stream.commands.replay.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("stream.commands.replay.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    history = _history()
    apply(settings, ModelDefinition(model="m"))
    replay(settings, history, "m", "1", speed=3_600.0)
    span_s = (history.label_time_ms[-1] - history.event_time_ms[0]) / 1_000
    assert clock[0] == pytest.approx(span_s / 3_600.0, abs=0.3)
