# SPDX-License-Identifier: Apache-2.0
"""Assignment: one worker gets the partition of the same number of every topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class PartitionsTogether(AbstractPartitionAssignor):  # type: ignore[misc]
    """Give partition i of all topics to one member, members taking turns.

    An event and its label lie on partitions of one number, so whoever joins them must hold both. A round robin over
    all partitions of all topics parts them as soon as the members do not divide the partition count.

    Examples
    --------
    >>> members = ["a", "b", "c"]
    >>> [member_of(partition, members) for partition in range(4)]
    ['a', 'b', 'c', 'a']
    """

    name = "sketchwatch"
    version = 0

    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
        """Assign the partitions of every topic that any member subscribed to."""
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        ordered = sorted(members)
        assigned: dict[str, dict[str, list[int]]] = {member: {} for member in ordered}
        for topic in topics:
            for partition in sorted(cluster.partitions_for_topic(topic) or ()):
                assigned[member_of(partition, ordered)].setdefault(topic, []).append(partition)
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, sorted(held.items()), b"")
            for member, held in assigned.items()
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> Any:
        """Say what this member subscribes to."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: Any) -> None:
        """Keep nothing: the assignment does not depend on the one before."""


def member_of(partition: int, members: list[str]) -> str:
    """Choose the member for a partition number."""
    return members[partition % len(members)]
