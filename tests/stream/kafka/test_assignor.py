# SPDX-License-Identifier: Apache-2.0
"""Partitions of one number stay together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from stream.kafka.assignor import PartitionsTogether


class Cluster:
    counts: ClassVar = {"labels": 4, "inference": 4, "profiles": 4}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self.counts[topic])) if topic in self.counts else None


@pytest.mark.parametrize("members", [1, 2, 3, 5])
def test_every_partition_has_one_owner_who_holds_it_of_all_topics(members: int) -> None:
    topics = ["inference", "labels", "profiles", "missing"]
    joined: dict[str, Any] = {f"m{i}": SimpleNamespace(subscription=topics) for i in range(members)}
    held = {member: dict(found.assignment) for member, found in PartitionsTogether.assign(Cluster(), joined).items()}
    assert set(held) == set(joined)
    for of_member in held.values():
        assert all(of_member.get(topic) == of_member.get("inference") for topic in ("labels", "profiles"))
    owned = sorted(number for of_member in held.values() for number in of_member.get("inference", []))
    assert owned == [0, 1, 2, 3]
    sizes = [len(of_member.get("inference", [])) for of_member in held.values()]
    assert max(sizes) - min(sizes) <= 1
