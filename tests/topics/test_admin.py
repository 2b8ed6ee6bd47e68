# SPDX-License-Identifier: Apache-2.0
"""Topics are made as the table says, and what differs on a cluster is told with what to do about it."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from topics.admin import check_topics, create_topics
from topics.subjects import Topics


@pytest.mark.kafka
def test_topics_made_by_the_table_pass_the_check_and_are_made_once(kafka: str, topics: str) -> None:
    config, names = {"bootstrap.servers": kafka}, Topics(topics)
    assert create_topics(config, names, partitions=3) == [topic.name for topic in names.table()]
    assert check_topics(config, names) == []
    assert create_topics(config, names, partitions=3) == []
    found = AdminClient(config).list_topics(timeout=10).topics
    assert {topic.name: len(found[topic.name].partitions) for topic in names.table()} == {
        topic.name: 1 if topic.name == names.definitions else 3 for topic in names.table()
    }


@pytest.mark.kafka
def test_missing_topics_are_named_with_what_makes_them(kafka: str, topics: str) -> None:
    findings = check_topics({"bootstrap.servers": kafka}, Topics(topics))
    assert [finding.topic for finding in findings] == [topic.name for topic in Topics(topics).table()]
    assert all("topics create" in str(finding) and finding.fatal for finding in findings)


@pytest.mark.kafka
def test_settings_and_partition_counts_that_differ_are_told(kafka: str, topics: str) -> None:
    config, names = {"bootstrap.servers": kafka}, Topics(topics)
    admin = AdminClient(config)
    for future in admin.create_topics([NewTopic(names.labels, 2), NewTopic(names.definitions, 2)]).values():
        future.result(30)
    create_topics(config, names, partitions=3, settings={names.reports: {"retention.ms": "-1"}})
    resource = ConfigResource(
        ResourceType.TOPIC,
        names.state,
        incremental_configs=[
            ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET),
            ConfigEntry("max.message.bytes", "100000", incremental_operation=AlterConfigOpType.SET),
        ],
    )
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)
    told: dict[tuple[str, str], tuple[str, str, bool]] = {}
    deadline = time.monotonic() + 30
    # A changed setting reaches the brokers some time after the controller has taken it.
    while (names.state, "cleanup.policy") not in told and time.monotonic() < deadline:
        told = {(f.topic, f.setting): (f.expected, f.found, f.fatal) for f in check_topics(config, names)}
    assert told[names.labels, "partitions"] == ("3", "2", True)
    assert told[names.labels, "message.timestamp.type"] == ("LogAppendTime", "CreateTime", True)
    assert told[names.definitions, "partitions"] == ("1", "2", True)
    assert told[names.definitions, "cleanup.policy"] == ("compact", "delete", True)
    assert told[names.state, "cleanup.policy"] == ("compact", "delete", True)
    assert told[names.state, "max.message.bytes"][1:] == ("100000", True)
    assert {topic for topic, _ in told} == {names.labels, names.definitions, names.state}


def test_a_cluster_that_cannot_be_reached_is_an_error() -> None:
    with pytest.raises(KafkaException):
        check_topics({"bootstrap.servers": "127.0.0.1:1", "socket.timeout.ms": 500, "log_level": 0}, timeout_s=1.0)


def test_the_table_names_every_topic_once_under_its_prefix() -> None:
    names = [topic.name for topic in Topics("p").table()]
    assert len(set(names)) == len(names) == 8
    assert all(name.startswith("p.") for name in names)
    assert set(Topics("p").sources) <= set(names)
