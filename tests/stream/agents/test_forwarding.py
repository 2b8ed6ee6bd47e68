# SPDX-License-Identifier: Apache-2.0
"""Misplaced rows are sent on once, all rows are somewhere, and none is sent in a circle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.agents.forwarding import split
from topics.batches import FLOAT, STRING, EventBatch, LabelBatch, Message, Values
from topics.codec import decode_events, decode_labels
from topics.partitioner import partition_of

TOPIC = "t.inference"


def events(numbers: list[int]) -> EventBatch:
    n = len(numbers)
    ids = np.array([[int(c) for c in f"{number:04d}".encode()] for number in numbers], np.uint8).reshape(n, 4)
    values = np.array(numbers, np.float64)
    return EventBatch("m", "1", ids, np.arange(n) + 5, np.arange(n) * 2 + 40, {"f": Values(FLOAT, values)})


@given(st.lists(st.integers(0, 9_999), min_size=1, max_size=40, unique=True), st.integers(1, 5), st.integers(0, 4))
def test_every_row_stays_or_is_sent_to_the_partition_of_its_id(numbers: list[int], count: int, at: int) -> None:
    here, there = at % count, events(numbers)
    kept, forwarded, refused = split(there, TOPIC, here, count)
    assert refused is None
    found = [] if kept is None else kept.columns["f"].values.tolist()
    if kept is not None:
        assert (partition_of(kept.ids, count) == here).all()
    for record in forwarded:
        message = Message(TOPIC, record.partition, 7, 10_000, None, record.value, record.headers)
        (batch,) = decode_events([message]).batches
        assert isinstance(batch, EventBatch)
        assert record.partition != here
        assert (partition_of(batch.ids, count) == record.partition).all()
        assert batch.origin.startswith(f"{TOPIC}/{here}/")
        found += batch.columns["f"].values.tolist()
        # Sent on, a row is at home.
        assert split(batch, TOPIC, record.partition, count) == (batch, [], None)
    assert sorted(found) == sorted(float(number) for number in numbers)


def test_a_row_that_was_sent_on_is_refused_when_it_is_misplaced_again() -> None:
    batch = events(list(range(20)))
    kept, forwarded, refused = split(replace(batch, origin=f"{TOPIC}/3/9"), TOPIC, 0, 4)
    home = int((partition_of(batch.ids, 4) == 0).sum())
    assert 0 < home < 20
    assert (len(kept.ids), forwarded) == (home, [])
    assert (refused.reason, refused.rows, refused.model) == ("misplaced", 20 - home, "m")
    assert f"{TOPIC}/3/9" in refused.text


@pytest.mark.parametrize("label", [Values(STRING, np.array([0, 1, 0, 1], np.int32), categories=("no", "yes")), None])
def test_labels_are_sent_on_with_their_values(label: Values | None) -> None:
    ids = events([1, 2, 3, 4]).ids
    value = None if label is not None else np.array([1.0, 2.0, 3.0, 4.0])
    batch = LabelBatch("m", None, ids, np.arange(4) + 5, np.arange(4), label, value)
    kept, forwarded, _ = split(batch, "t.labels", 0, 1_000_003)
    assert kept is None
    rows = 0
    for record in forwarded:
        message = Message("t.labels", record.partition, 7, 10_000, None, record.value, record.headers)
        (found,) = decode_labels([message]).batches
        assert isinstance(found, LabelBatch)
        assert (found.version, found.label is None) == (None, label is None)
        rows += len(found.ids)
    assert rows == 4
