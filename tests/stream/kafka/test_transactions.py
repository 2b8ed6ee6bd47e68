# SPDX-License-Identifier: Apache-2.0
"""Transactions on a real broker: all or nothing, one owner, and a clear error when the broker refuses."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from stream.errors import InfrastructureError, LostOwnership
from stream.kafka.recovery import read_log, source_ranges
from stream.kafka.transactions import Outgoing, Transactions
from stream.settings import Settings

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka: str, topics: str) -> Settings:
    admin = AdminClient({"bootstrap.servers": kafka})
    created = admin.create_topics([NewTopic(topics, 1, 1, config={"max.message.bytes": "20000"})])
    for future in created.values():
        future.result()
    return Settings(bootstrap_servers=kafka, group=topics, topic_prefix=topics)


def owner(settings: Settings) -> Transactions:
    transactions = Transactions(settings, settings.group)
    transactions.fence()
    return transactions


def test_a_later_owner_fences_an_earlier_one(settings: Settings) -> None:
    first = owner(settings)
    first.write([Outgoing(settings.group, 0, b"k", b"first")])
    second = owner(settings)
    with pytest.raises(LostOwnership, match="another worker"):
        first.write([Outgoing(settings.group, 0, b"k", b"zombie")])
    second.write([Outgoing(settings.group, 0, b"k", b"second")])
    log = read_log(settings, settings.group, 0)
    assert log.records == {b"k": b"second"}
    assert log.next_offset == source_ranges(settings, (settings.group,), 0)[settings.group].end


def test_an_owner_that_is_fenced_between_two_records_is_told_so(settings: Settings) -> None:
    first = owner(settings)

    def records() -> Iterator[Outgoing]:
        owner(settings).write([Outgoing(settings.group, 0, b"k", b"second")])
        yield Outgoing(settings.group, 0, b"k", b"zombie")
        # By then the broker has refused the first record.
        time.sleep(1)
        yield Outgoing(settings.group, 0, b"k", b"zombie")

    with pytest.raises(LostOwnership, match="another worker"):
        first.write(records())
    assert read_log(settings, settings.group, 0).records == {b"k": b"second"}


def test_a_refused_record_refuses_its_whole_transaction(settings: Settings) -> None:
    transactions = owner(settings)
    transactions.write([Outgoing(settings.group, 0, b"k", b"before")])
    records = [
        Outgoing(settings.group, 0, b"k", b"after"),
        Outgoing(settings.group, 0, b"big", os.urandom(99_999)),
    ]
    with pytest.raises(InfrastructureError, match=r"refused record b'big'.*max\.message\.bytes"):
        transactions.write(records)
    assert read_log(settings, settings.group, 0).records == {b"k": b"before"}
    owner(settings).write([Outgoing(settings.group, 0, b"k", None)])
    assert read_log(settings, settings.group, 0).records == {}
