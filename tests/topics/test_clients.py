# SPDX-License-Identifier: Apache-2.0
"""Capture and Labels: what they are given arrives, what cannot arrive is counted, and callers never notice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.topics.messages import all_rows
from topics.admin import create_topics
from topics.batches import Decoded, EventBatch, Message, Watermark
from topics.capture import Capture
from topics.codec import decode_events, decode_labels
from topics.labels import Labels
from topics.outbox import Counts, Limits
from topics.partitioner import partition_of
from topics.sampling import sampled
from topics.subjects import Topics

UNREACHABLE = "127.0.0.1:1"


def total(counts: Counts) -> int:
    return sum(getattr(counts, name) for name in Counts.__slots__)


def messages(bootstrap: str, topic: str) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    partitions = [TopicPartition(topic, p, 0) for p in consumer.list_topics(topic, timeout=10).topics[topic].partitions]
    ends = {p.partition: consumer.get_watermark_offsets(p, timeout=10)[1] for p in partitions}
    consumer.assign(partitions)
    found: list[Message] = []
    while len(found) < sum(ends.values()):
        for m in consumer.consume(1_000, 1.0):
            assert m.error() is None
            headers = tuple(m.headers() or ())
            found.append(Message(topic, m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), headers))
    consumer.close()
    return found


def events_of(bootstrap: str, topics: str) -> Decoded:
    return decode_events(messages(bootstrap, Topics(topics).inference))


def test_logged_inferences_arrive_whole_and_on_their_partitions(mock_broker: str, topics: str) -> None:
    when = datetime(2026, 11, 20, 10, 15, 30, 123_000, UTC)
    with Capture(mock_broker, "m", "3", topics=Topics(topics)) as capture:
        for n in range(300):
            capture.log(f"inference-{n}", {"age": n, "job": "Private", "gain": None}, n % 2, score=0.5, event_time=when)
    assert capture.counts == Counts(0, 300, 0, 0, 0, 0)
    sent = messages(mock_broker, Topics(topics).inference)
    for one in sent:
        for batch in decode_events([one]).batches:
            assert isinstance(batch, EventBatch)
            assert partition_of(batch.ids, 4).tolist() == [one.partition] * len(batch.ids)
    decoded = decode_events(sent)
    assert decoded.rejected == ()
    rows = {row["id"]: row for row in all_rows(decoded.batches)}
    assert len(rows) == 300
    assert rows[b"inference-7"] == {
        "id": b"inference-7",
        "time": int(when.timestamp() * 1_000),
        "model": "m",
        "version": "3",
        "rate": 1.0,
        "columns.age": "7",
        "columns.job": "'Private'",
        "columns.prediction.label": "'1'",
        "columns.prediction.score": "0.5",
    }


def test_numpy_scalars_and_optional_parts_are_taken(mock_broker: str, topics: str) -> None:
    with Capture(mock_broker, "m", topics=Topics(topics)) as capture:
        capture.log(
            "a",
            {"x": np.float32(1.5), "y": np.int64(2), "z": np.bool_(True)},
            np.int64(1),
            score=np.float64(0.25),
            value=3,
            tags={"region": "eu"},
            attributions={"x": np.float64(0.5)},
            embeddings={"text": np.array([1.0, 2.0], np.float32)},
        )
    (row,) = all_rows(events_of(mock_broker, topics).batches)
    del row["time"]
    assert row == {
        "id": b"a",
        "model": "m",
        "version": "1",
        "rate": 1.0,
        "columns.x": "1.5",
        "columns.y": "2",
        "columns.z": "True",
        "columns.prediction.label": "'1'",
        "columns.prediction.score": "0.25",
        "columns.prediction.value": "3.0",
        "tags.region": "'eu'",
        "attributions.x": "0.5",
        "embeddings.text": [1.0, 2.0],
    }


def test_scores_attributions_and_embeddings_arrive_alike_one_by_one_and_at_once(mock_broker: str, topics: str) -> None:
    scores = {"setosa": [0.75, 0.25], "other": [0.25, 0.75]}
    attributions = {"setosa": {"width": [0.5, 1.5]}, "other": {"width": [-0.5, 2.5]}}
    vectors = np.array([[1.0, 2.0], [3.0, 4.0]])
    with Capture(mock_broker, "m", topics=Topics(topics)) as capture:
        for n in range(2):
            capture.log(
                f"one-{n}",
                scores={name: np.float64(column[n]) for name, column in scores.items()},
                value=n,
                tags={"region": "eu"},
                attributions={name: {"width": one["width"][n]} for name, one in attributions.items()},
                embeddings={"text": vectors[n]},
                event_time=n,
            )
        capture.log_batch(
            ["all-0", "all-1"],
            scores=scores,
            value=[0.0, 1.0],
            tags={"region": ["eu", "eu"]},
            attributions=attributions,
            embeddings={"text": vectors},
            event_time=[0, 1],
        )
        capture.log_batch(["flat"], attributions={"width": [0.5]}, event_time=2)
        capture.log_batch(["bad"], embeddings={"text": [1.0]})
    assert (capture.counts.sent, capture.counts.invalid) == (5, 1)
    decoded = events_of(mock_broker, topics)
    assert decoded.rejected == ()
    rows = {row.pop("id"): row for row in all_rows(decoded.batches)}
    assert rows[b"flat"].items() >= {("attributions.width", "0.5")}
    for n in (b"0", b"1"):
        assert rows[b"one-" + n] == rows[b"all-" + n]
    assert (
        rows[b"one-1"].items()
        >= {
            "columns.prediction.value": "1.0",
            "columns.prediction.scores.setosa": "0.25",
            "columns.prediction.scores.other": "0.75",
            "attributions.setosa.width": "1.5",
            "attributions.other.width": "2.5",
            "tags.region": "'eu'",
        }.items()
    )
    assert rows[b"one-1"]["embeddings.text"] == [3.0, 4.0]


TABLES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "lists": dict,
    "numpy": lambda columns: {name: np.array(values) for name, values in columns.items()},
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "record batch": pa.RecordBatch.from_pydict,
}


@pytest.mark.parametrize("library", TABLES)
def test_a_batch_of_any_library_arrives_whole(library: str, mock_broker: str, topics: str) -> None:
    columns = {"age": [39, 50, 28], "gain": [0.5, 1.5, 2.5], "job": ["a", "b", "a"]}
    times = [datetime(2026, 11, 20, 10, 0, n, tzinfo=UTC) for n in range(3)]
    with Capture(mock_broker, "m", topics=Topics(topics)) as capture:
        capture.log_batch(
            ["x", "y", "zz"], TABLES[library](columns), ["1", "0", "1"], score=[0.1, 0.2, 0.3], event_time=times
        )
    assert capture.counts.sent == 3
    decoded = events_of(mock_broker, topics)
    assert decoded.rejected == ()
    found = all_rows(decoded.batches)
    assert [(row["id"], row["columns.age"], row["columns.job"], row["time"] % 60_000) for row in found] == [
        (b"x", "39", "'a'", 0), (b"y", "50", "'b'", 1_000), (b"zz", "28", "'a'", 2_000),
    ]  # fmt: skip


def test_a_burst_of_batches_is_sent_at_once(mock_broker: str, topics: str) -> None:
    capture = Capture(mock_broker, "m", topics=Topics(topics), limits=Limits(interval_s=60.0))
    for batch in range(15):
        capture.log_batch([f"{batch}-{n}" for n in range(1_000)], {"x": np.arange(1_000.0)})
    end = time.monotonic() + 20
    # In flight counts as queued: rows are acknowledged when the thread polls again.
    while capture._outbox._bulks and time.monotonic() < end:
        time.sleep(0.02)
    assert not capture._outbox._bulks
    capture.close()
    assert capture.counts == Counts(queued=0, sent=15_000, dropped=0, failed=0, invalid=0, sampled_out=0)


def test_what_the_caller_changes_after_logging_does_not_change_what_is_sent(mock_broker: str, topics: str) -> None:
    features, column = {"x": 1.0}, np.array([1.0])
    with Capture(mock_broker, "m", topics=Topics(topics)) as capture:
        capture.log("a", features)
        capture.log_batch(["b"], {"x": column})
        features["x"] = column[0] = 2.0
    assert [row["columns.x"] for row in all_rows(events_of(mock_broker, topics).batches)] == ["1.0", "1.0"]


def test_what_is_no_event_is_counted_and_harms_nothing(mock_broker: str, topics: str) -> None:
    with Capture(mock_broker, "m", topics=Topics(topics)) as capture:
        capture.log("good", {"x": 1})
        capture.log("x" * 257, {})
        capture.log("list", {"x": [1]})
        capture.log(7, 8, 9)  # type: ignore[arg-type]
        capture.log("naive", {}, event_time=datetime(2026, 1, 1))
        capture.log("score", score=1.5)
        capture.log_batch(["a", "b"], {"x": [1]})
        capture.log_batch(["c", "d"], {"x": [1, 2]}, score=[0.5, 7.0])
        capture.log_batch(object())
    assert capture.counts == Counts(queued=0, sent=2, dropped=0, failed=0, invalid=9, sampled_out=0)
    assert [row["id"] for row in all_rows(events_of(mock_broker, topics).batches)] == [b"c", b"good"]


def test_events_and_labels_are_sampled_alike_and_say_so(mock_broker: str, topics: str) -> None:
    ids = [f"inference-{n}" for n in range(400)]
    capture = Capture(mock_broker, "m", topics=Topics(topics), sample_rate=0.25)
    labels = Labels(mock_broker, "m", topics=Topics(topics), sample_rate=0.25)
    for inference_id in ids[:200]:
        capture.log(inference_id, {"x": 1})
        labels.log(inference_id, 1)
    capture.log_batch(ids[200:], {"x": [1] * 200})
    labels.log_batch(ids[200:], [1] * 200)
    capture.close()
    labels.close()
    expected = sorted(i.encode() for i in ids if sampled(i.encode(), 0.25))
    events = all_rows(events_of(mock_broker, topics).batches)
    truths = all_rows(decode_labels(messages(mock_broker, Topics(topics).labels)).batches)
    assert [row["id"] for row in events] == [row["id"] for row in truths] == expected
    assert {row["rate"] for row in events} == {0.25}
    assert capture.counts.sampled_out == labels.counts.sampled_out == 400 - len(expected)


def test_labels_arrive_whole(mock_broker: str, topics: str) -> None:
    with Labels(mock_broker, "m", "2", topics=Topics(topics)) as labels:
        labels.log("a", True)
        labels.log_batch(["b", "c"], ["x", "y"], event_time=5)
        labels.log_batch(["d"], value=[0.5])
        labels.log("e")
    assert labels.counts == Counts(queued=0, sent=4, dropped=0, failed=0, invalid=1, sampled_out=0)
    decoded = decode_labels(messages(mock_broker, Topics(topics).labels))
    assert [(row["id"], row.get("label", row.get("value"))) for row in all_rows(decoded.batches)] == [
        (b"a", "'1'"), (b"b", "'x'"), (b"c", "'y'"), (b"d", 0.5),
    ]  # fmt: skip
    assert {row["version"] for row in all_rows(decoded.batches)} == {"2"}


def test_a_final_close_sends_a_watermark_behind_everything_to_every_partition(mock_broker: str, topics: str) -> None:
    end = datetime(2026, 11, 20, tzinfo=UTC)
    capture = Capture(mock_broker, "m", topics=Topics(topics))
    for n in range(50):
        capture.log(str(n), {"x": 1}, event_time=n)
    capture.close(final=end)
    by_partition: dict[int, list[Message]] = {}
    for one in messages(mock_broker, Topics(topics).inference):
        by_partition.setdefault(one.partition, []).append(one)
    assert sorted(by_partition) == [0, 1, 2, 3]
    for found in by_partition.values():
        *batches, mark = decode_events(sorted(found, key=lambda m: m.offset)).batches
        assert isinstance(mark, Watermark)
        assert (mark.model, mark.event_time_ms) == ("m", int(end.timestamp() * 1_000))
        assert all(isinstance(batch, EventBatch) for batch in batches)


def test_a_block_larger_than_its_limit_is_split(mock_broker: str, topics: str) -> None:
    limits = Limits(block_bytes=20_000)
    with Capture(mock_broker, "m", topics=Topics(topics), limits=limits) as capture:
        capture.log_batch([f"{n:06}" for n in range(5_000)], {"x": np.arange(5_000.0)})
    sent = messages(mock_broker, Topics(topics).inference)
    assert max(len(one.value or b"") for one in sent) <= 20_000
    assert sum(len(batch.ids) for batch in decode_events(sent).batches if isinstance(batch, EventBatch)) == 5_000


def test_without_a_broker_rows_beyond_the_queue_are_dropped_and_counted_at_once() -> None:
    capture = Capture(UNREACHABLE, "m", limits=Limits(queue_rows=100))
    started = time.monotonic()
    for n in range(1_000):
        capture.log(str(n), {"x": 1})
    capture.log_batch([str(n) for n in range(50)], {"x": [1] * 50})
    assert time.monotonic() - started < 1.0
    assert capture.counts == Counts(queued=100, sent=0, dropped=950, failed=0, invalid=0, sampled_out=0)
    capture.close(timeout_s=0.2)
    assert capture.counts == Counts(queued=0, sent=0, dropped=950, failed=100, invalid=0, sampled_out=0)
    assert time.monotonic() - started < 10.0


def test_what_is_logged_after_closing_is_dropped_and_counted(mock_broker: str, topics: str) -> None:
    capture = Capture(mock_broker, "m", topics=Topics(topics))
    capture.close()
    capture.close()
    capture.log("a", {})
    capture.log_batch(["b", "c"], {})
    assert capture.counts.dropped == total(capture.counts) == 3


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_server_sends_what_it_logs(mock_broker: str, topics: str) -> None:
    capture = Capture(mock_broker, "m", topics=Topics(topics))
    capture.log("early", {"x": 1})
    # A thread that looks up a name at the fork leaves the C library's lock taken in the child: for ever.
    deadline = time.monotonic() + 30
    while capture.counts.sent < 1:
        assert time.monotonic() < deadline, capture.counts
        time.sleep(0.01)
    capture.log("parent", {"x": 1})
    child = os.fork()
    if child == 0:
        sent = -1
        try:
            signal.alarm(60)
            before = capture.counts.sent
            capture.log("child", {"x": 1})
            capture.close(timeout_s=30)
            sent = capture.counts.sent - before
        finally:
            os._exit(0 if sent == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    capture.close()
    ids = [row["id"] for row in all_rows(events_of(mock_broker, topics).batches)]
    assert ids == [b"child", b"early", b"parent"]


@pytest.mark.parametrize(("model", "version", "rate"), [("a/b", "1", 1.0), ("m", "", 1.0), ("m", "1", 0.0)])
def test_wrong_names_and_rates_are_refused_when_a_client_is_made(model: str, version: str, rate: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Capture(UNREACHABLE, model, version, sample_rate=rate)


def test_an_unknown_property_is_refused_when_a_client_is_made() -> None:
    with pytest.raises(KafkaException, match="No such configuration"):
        Capture(UNREACHABLE, "m", config={"no.such.property": "1"})


def test_transport_settings_reach_librdkafka() -> None:
    config = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
    }
    Labels(UNREACHABLE, "m", config=config).close(timeout_s=0.1)
    with pytest.raises(KafkaException, match="Invalid value"):
        Labels(UNREACHABLE, "m", config={"security.protocol": "NONE_SUCH"})


@pytest.mark.kafka
def test_a_real_broker_takes_what_is_logged_and_stamps_it(kafka: str, topics: str) -> None:
    names = Topics(topics)
    create_topics({"bootstrap.servers": kafka}, names, partitions=3)
    with Capture(kafka, "m", topics=names, config={"compression.type": "lz4"}) as capture:
        for n in range(200):
            capture.log(str(n), {"x": n}, event_time=n)
    assert capture.counts == Counts(queued=0, sent=200, dropped=0, failed=0, invalid=0, sampled_out=0)
    sent = messages(kafka, names.inference)
    assert all(abs(one.timestamp_ms - time.time() * 1_000) < 60_000 for one in sent)
    for one in sent:
        for batch in decode_events([one]).batches:
            assert isinstance(batch, EventBatch)
            assert set(partition_of(batch.ids, 3).tolist()) == {one.partition}
    assert len(all_rows(decode_events(sent).batches)) == 200
