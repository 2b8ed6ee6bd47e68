# SPDX-License-Identifier: Apache-2.0
"""A state is compared with its sources before anything is built on it."""

from __future__ import annotations

import pytest

from stream.errors import DamagedState
from stream.kafka.recovery import Log, SourceRange, lost_records


def test_a_first_start_has_neither_state_nor_commits() -> None:
    assert lost_records(0, {}, {"events": SourceRange(5, 90, None)}) == {}


def test_a_state_ahead_of_the_group_is_normal() -> None:
    assert lost_records(0, {"events": 50}, {"events": SourceRange(0, 90, 40)}) == {}


@pytest.mark.parametrize(
    ("offsets", "known", "expected"),
    [
        ({}, SourceRange(0, 90, 40), "is absent while the group committed 40"),
        ({"events": 30}, SourceRange(0, 90, 40), "ends at offset 30 while the group committed 40"),
        ({"events": 50}, SourceRange(0, 20, None), "ends at offset 50, the topic at 20"),
    ],
)
def test_a_state_absent_behind_or_of_another_topic_is_damage(
    offsets: dict[str, int], known: SourceRange, expected: str
) -> None:
    with pytest.raises(DamagedState, match=expected):
        lost_records(3, offsets, {"events": known})


def test_the_last_value_of_a_key_counts_and_moves_to_the_end() -> None:
    log = Log()
    for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4"), (b"c", None)):
        log.put(key, value)
    assert list(log.records.items()) == [(b"b", b"2"), (b"a", b"3")]
