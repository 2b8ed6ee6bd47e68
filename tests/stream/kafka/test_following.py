# SPDX-License-Identifier: Apache-2.0
"""A follower reads whole topics to their end and what comes after."""

from __future__ import annotations

import logging

import pytest

from stream.kafka.connection import partitions_of
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings


@pytest.fixture
def settings(mock_broker: str, topics: str) -> Settings:
    settings = Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)
    partitions_of(settings, "a", "b")
    return settings


def _send(settings: Settings, topic: str, *values: bytes) -> None:
    publish(settings, [Outgoing(topic, number % 4, b"k", value) for number, value in enumerate(values)])


def test_everything_is_read_to_the_end_and_then_what_comes(settings: Settings) -> None:
    _send(settings, "a", *(b'{"n": %d}' % n for n in range(10)))
    _send(settings, "b", b'{"n": 10}')
    with Follower(settings, "a", "b") as follower:
        found = follower.read_to_end()
        assert sorted(record["n"] for _, record in found) == list(range(11))
        assert {topic for topic, record in found if record["n"] == 10} == {"b"}
        assert follower.at_end
        _send(settings, "b", b'{"n": 11}')
        later = [one for _ in range(50) for one in follower.poll()]
        assert later == [("b", {"n": 11})]


def test_what_is_not_a_json_object_is_skipped_with_a_warning(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    _send(settings, "a", b"\x00", b"[1]", b'{"n": 1}')
    with Follower(settings, "a") as follower, caplog.at_level(logging.WARNING):
        assert follower.read_to_end() == [("a", {"n": 1})]
    assert len(caplog.records) == 2


def test_an_empty_topic_is_at_its_end(settings: Settings) -> None:
    with Follower(settings, "a") as follower:
        assert follower.read_to_end() == []
