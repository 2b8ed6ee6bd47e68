# SPDX-License-Identifier: Apache-2.0
"""Followers of violations and reports read what is committed, from where they are told."""

from __future__ import annotations

import itertools
import logging

import pytest
from confluent_kafka import KafkaException, Producer

from topics.admin import create_topics
from topics.consumers import follow_reports, follow_violations
from topics.records import to_json, violation_headers
from topics.subjects import Topics

WINDOW = {"start": "2026-11-20T10:00:00Z", "end": "2026-11-20T11:00:00Z"}


def violation(number: int) -> dict[str, object]:
    named = {"id": str(number), "type": "violation", "model": "m", "model_version": "1"}
    return named | {"revision": 1, "window": WINDOW, "value": float("nan")}


def publish(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number, value in enumerate(values):
        producer.produce(topic, value, str(number), headers=violation_headers(violation(number)))
    assert producer.flush(10) == 0


def test_all_records_are_read_up_to_the_end(mock_broker: str, topics: str) -> None:
    names = Topics(topics)
    publish(mock_broker, names.violations, [to_json(violation(n)) for n in range(20)])
    publish(mock_broker, names.reports, [to_json({"model": "m"})])
    found = list(follow_violations(mock_broker, topics=names, from_beginning=True, follow=False))
    assert sorted(int(record["id"]) for record in found) == list(range(20))
    assert {record["value"] for record in found} == {"NaN"}
    assert list(follow_reports(mock_broker, topics=names, from_beginning=True, follow=False)) == [{"model": "m"}]


def test_without_from_beginning_what_was_there_is_left_out(mock_broker: str, topics: str) -> None:
    names = Topics(topics)
    publish(mock_broker, names.violations, [to_json(violation(n)) for n in range(20)])
    assert list(follow_violations(mock_broker, topics=names, follow=False)) == []


def test_a_record_that_is_no_json_is_skipped_and_logged(
    mock_broker: str, topics: str, caplog: pytest.LogCaptureFixture
) -> None:
    names = Topics(topics)
    publish(mock_broker, names.violations, [b"\xff", b"[]", to_json(violation(1))])
    with caplog.at_level(logging.WARNING, "sketchwatch.client"):
        found = list(follow_violations(mock_broker, topics=names, from_beginning=True, follow=False))
    assert [record["id"] for record in found] == ["1"]
    assert len(caplog.records) == 2


def test_brokers_that_cannot_be_reached_are_an_error() -> None:
    with pytest.raises(KafkaException):
        next(follow_violations("127.0.0.1:1", config={"log_level": 0}, timeout_s=1.0))


@pytest.mark.kafka
def test_records_of_an_aborted_transaction_are_not_read(kafka: str, topics: str) -> None:
    names = Topics(topics)
    create_topics({"bootstrap.servers": kafka}, names, partitions=1)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topics})
    producer.init_transactions(30)
    for number, commit in enumerate([True, False, True]):
        producer.begin_transaction()
        producer.produce(names.violations, to_json(violation(number)))
        if commit:
            producer.commit_transaction(30)
        else:
            producer.flush(10)
            producer.abort_transaction(30)
    found = follow_violations(kafka, topics=names, from_beginning=True)
    assert [record["id"] for record in itertools.islice(found, 2)] == ["0", "2"]
    found.close()  # type: ignore[attr-defined]
    ended = follow_violations(kafka, topics=names, from_beginning=True, follow=False)
    assert [record["id"] for record in ended] == ["0", "2"]
