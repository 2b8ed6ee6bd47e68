# SPDX-License-Identifier: Apache-2.0
"""The transport makes blocks, counts their acks in order, and fits the installed Faust and aiokafka."""

from __future__ import annotations

import inspect
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import aiokafka
import faust
import pytest
from aiokafka.consumer.subscription_state import TopicPartitionState
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from stream.kafka.transport import Block, BlockMessage, Consumer, FetchThread

FAUST = {
    (faust.App, "_new_transport"): "(self)",
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer"): "(self, transport)",
    (driver.AIOKafkaConsumerThread, "_fetch_records"): "(self, consumer, active_partitions, timeout, max_records)",
    (driver.AIOKafkaConsumerThread, "_ensure_consumer"): "(self)",
    (driver.Consumer, "_new_consumer_thread"): "(self)",
    (driver.Consumer, "_new_topicpartition"): "(self, topic, partition)",
    (driver.Consumer, "_to_message"): "(self, tp, record)",
    (driver.Consumer, "_new_offset"): "(self, tp)",
    (driver.Consumer, "_add_gap"): "(self, tp, offset_from, offset_to)",
    (driver.Consumer, "on_buffer_full"): "(self, tp)",
    (driver.Consumer, "wait_empty"): "(self)",
    (driver.Consumer, "on_partitions_revoked"): "(self, revoked)",
    (driver.Consumer, "perform_seek"): "(self)",
    (driver.Consumer, "highwater"): "(self, tp)",
    (ConsumerMessage, "on_final_ack"): "(self, consumer)",
}


@pytest.mark.parametrize(("owner", "name"), FAUST, ids=lambda part: getattr(part, "__name__", part))
def test_every_overridden_method_of_faust_has_the_signature_it_was_written_for(owner: type, name: str) -> None:
    names = ", ".join(inspect.signature(getattr(owner, name)).parameters)
    assert f"({names})" == FAUST[owner, name]


def test_the_private_attributes_set_on_aiokafka_exist() -> None:
    consumer = inspect.getsource(aiokafka.AIOKafkaConsumer)
    for name in ("_isolation_level", "_partition_assignment_strategy", "_fetch_max_wait_ms", "_subscription"):
        assert f"self.{name} = " in consumer
    state = inspect.getsource(TopicPartitionState)
    for name in ("self.highwater = ", "self.timestamp = ", "def has_valid_position", "def position"):
        assert name in state


def test_faust_still_keeps_the_books_the_consumer_reads() -> None:
    source = inspect.getsource(driver.Consumer.__mro__[2])
    for name in ("_acked", "_unacked_messages", "_waiting_for_ack"):
        assert f"self.{name} = " in source


def record(offset: int) -> Any:
    return SimpleNamespace(topic="t", partition=0, offset=offset, timestamp=1_000 * offset, timestamp_type=1)


def test_a_block_has_the_offset_of_its_last_record_and_knows_what_was_fetched_before() -> None:
    block = Block([record(4), record(7)], after=2)
    assert block.offset == 7
    assert block.follows(3)
    assert not block.follows(2)
    # Markers leave gaps that belong to nobody, and after a seek nothing was fetched before.
    assert Block([record(9)], after=2).follows(3)
    assert Block([record(9)], after=-1).follows(0)
    # What was fetched twice, because of a seek, is not lost.
    assert Block([record(1), record(7)], after=6).follows(0)


class Books(Consumer):
    """The consumer's bookkeeping without its threads."""

    def __init__(self) -> None:
        self._covered = {}
        self.fetched = {}
        self._acked = defaultdict(list)
        self._unacked_messages = set()
        self.app = SimpleNamespace(consumer_generation_id=1)
        self._thread = SimpleNamespace(at_end=lambda _tp: True)


def test_the_committable_offset_follows_the_highest_covered_block() -> None:
    books, tp = Books(), TP("t", 0)
    first, second, third = (books._to_message(tp, Block([record(offset)], -1)) for offset in (3, 9, 12))
    assert isinstance(first, BlockMessage)
    assert books._new_offset(tp) is None
    assert second.on_final_ack(books)
    assert first.on_final_ack(books)
    assert not first.on_final_ack(books)
    assert tp in books._acked
    assert books._new_offset(tp) == 10
    assert third.on_final_ack(books)
    assert books._new_offset(tp) == 13
    assert books._new_offset(tp) is None


def test_a_partition_is_not_at_its_end_while_a_fetched_block_is_unprocessed() -> None:
    books = Books()
    books.fetched[TP("t", 0)] = 9
    assert not books.at_end("t", 0, 9)
    assert books.at_end("t", 0, 10)


@pytest.mark.parametrize(
    ("position", "highwater", "age_ms", "expected"),
    [(9, 9, 100, True), (8, 9, 100, False), (9, 9, 60_000, False), (9, None, 100, False)],
)
def test_an_end_counts_only_if_the_broker_said_so_lately(
    monkeypatch: pytest.MonkeyPatch, position: int, highwater: int | None, age_ms: int, expected: bool
) -> None:
    monkeypatch.setattr("stream.kafka.transport.time.time", lambda: 1_000.0)
    state = SimpleNamespace(
        has_valid_position=True, position=position, highwater=highwater, timestamp=1_000_000 - age_ms
    )
    assignment = SimpleNamespace(state_value=lambda _tp: state)
    consumer = SimpleNamespace(_subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)))
    thread = SimpleNamespace(_ensure_consumer=lambda: consumer)
    assert FetchThread.at_end(thread, TP("t", 0)) is expected
