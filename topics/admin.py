# SPDX-License-Identifier: Apache-2.0
"""Making the topics on a cluster, and telling how those that exist differ from what they should be."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from topics.subjects import Topic, Topics

_TIMEOUT_S = 30.0
_TOPIC_EXISTS = "TOPIC_ALREADY_EXISTS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between a topic and what it should be.

    Parameters
    ----------
    topic, setting : str
        Where; `setting` is a Kafka topic setting, `partitions` or `existence`.
    expected, found : str
        What it should be and what it is.
    mend : str
        What to do about it.
    fatal : bool
        Whether results would be wrong, otherwise only worse.
    """

    topic: str
    setting: str
    expected: str
    found: str
    mend: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} expected {self.expected}, found {self.found}; {self.mend}"


def create_topics(
    admin_config: Mapping[str, Any],
    topics: Topics = Topics(),  # noqa: B008  # frozen
    *,
    partitions: int = 4,
    replication: int = -1,
    settings: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
    """Make the topics that do not exist yet; those that do are left as they are.

    Parameters
    ----------
    admin_config : mapping
        librdkafka properties, at least `bootstrap.servers`.
    topics : Topics
        Names.
    partitions : int
        Partitions of the source topics and of all that must follow them. It can never change in place.
    replication : int
        Replicas of each partition; -1 leaves it to the broker's default.
    settings : mapping, optional
        Further settings by topic name, over those of the table (longer retention, more replicas in sync).

    Returns
    -------
    list of str
        Names of the topics made.

    Raises
    ------
    KafkaException
        If the cluster cannot be reached, or refuses.
    TimeoutError
        If the topics do not become usable.
    """
    admin = AdminClient(dict(admin_config))
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions(partitions),
            replication_factor=replication,
            config=topic.config | dict((settings or {}).get(topic.name, {})),
        )
        for topic in topics.table()
    ]
    made = []
    for name, future in admin.create_topics(wanted, operation_timeout=_TIMEOUT_S).items():
        try:
            future.result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].name() != _TOPIC_EXISTS:
                raise
        else:
            made.append(name)
    _wait_until_usable(admin, {topic.name for topic in topics.table()})
    return made


def _wait_until_usable(admin: AdminClient, names: set[str]) -> None:
    """Wait until the brokers, not only their controller, know the topics and who leads each partition."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        found = admin.list_topics(timeout=_TIMEOUT_S).topics
        usable = {name for name in names & set(found) if all(p.leader >= 0 for p in found[name].partitions.values())}
        if usable == names:
            return
        if time.monotonic() > deadline:
            msg = f"expected the topics made to have leaders within {_TIMEOUT_S} s, not so {sorted(names - usable)}"
            raise TimeoutError(msg)
        time.sleep(0.05)


def check_topics(
    admin_config: Mapping[str, Any],
    topics: Topics = Topics(),  # noqa: B008  # frozen
    *,
    timeout_s: float = _TIMEOUT_S,
) -> list[Finding]:
    """Compare the topics on a cluster with what they should be.

    Parameters
    ----------
    admin_config : mapping
        librdkafka properties, at least `bootstrap.servers`.
    topics : Topics
        Names.
    timeout_s : float
        Longest wait for each answer of the cluster.

    Returns
    -------
    list of Finding
        Empty if all is well. The right partition count of all topics is that of the inference topic; retention and
        message size may be larger than in the table.

    Raises
    ------
    KafkaException
        If the cluster cannot be reached, or refuses.
    """
    admin = AdminClient(dict(admin_config))
    found = admin.list_topics(timeout=timeout_s).topics
    table = topics.table()
    missing = [_missing(topic) for topic in table if topic.name not in found]
    present = [topic for topic in table if topic.name in found]
    sources = len(found[topics.inference].partitions) if topics.inference in found else None
    findings = missing
    for topic in present:
        findings += _partitions(topic, len(found[topic.name].partitions), sources)
    if present:
        resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in present]
        futures = admin.describe_configs(resources, request_timeout=timeout_s)
        configs = {resource.name: future.result(timeout_s) for resource, future in futures.items()}
        for topic in present:
            findings += _settings(topic, {name: str(entry.value) for name, entry in configs[topic.name].items()})
    return findings


def _missing(topic: Topic) -> Finding:
    return Finding(topic.name, "existence", "a topic", "none", "run sketchwatch topics create", fatal=True)


def _partitions(topic: Topic, count: int, sources: int | None) -> list[Finding]:
    if topic.one_partition and count != 1:
        mend = "make it anew with one partition: its records need one order"
        return [Finding(topic.name, "partitions", "1", str(count), mend, fatal=True)]
    if topic.like_sources and sources is not None and count != sources:
        mend = "make it anew with as many partitions as the inference topic; the count never changes in place"
        return [Finding(topic.name, "partitions", str(sources), str(count), mend, fatal=True)]
    return []


_AT_LEAST = ("retention.ms", "max.message.bytes")
_FATAL = ("cleanup.policy", "message.timestamp.type", "max.message.bytes")
_ADVICE = ("min.cleanable.dirty.ratio", "segment.ms")


def _settings(topic: Topic, found: Mapping[str, str]) -> list[Finding]:
    findings = []
    for name, expected in topic.config.items():
        value = found.get(name, "")
        if name in _ADVICE or value == expected or (name in _AT_LEAST and _at_least(value, expected)):
            continue
        wanted = f"at least {expected}" if name in _AT_LEAST else expected
        mend = f"kafka-configs --alter --entity-type topics --entity-name {topic.name} --add-config {name}={expected}"
        findings.append(Finding(topic.name, name, wanted, value, mend, name in _FATAL))
    return findings


def _at_least(value: str, expected: str) -> bool:
    # -1 is Kafka's word for no limit.
    return value == "-1" or (value.isdigit() and int(value) >= int(expected))
