# SPDX-License-Identifier: Apache-2.0
"""Reading a fetch column by column gives what reading it row by row gives."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.batches import EventBatch, Message
from topics.codec import decode_events
from topics.uniform_events import uniform_events

NOW_MS = 1_700_000_000_000
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(width=32) | st.sampled_from(["a", "1", "é", ""])
plain = st.fixed_dictionaries(
    {"x": st.floats(allow_nan=False), "y": st.integers(-(2**70), 2**70) | st.just(1), "z": scalars}
)
ODD = [
    {"inference_id": "longer"},
    {"inference_id": 7},
    {"inference_id": ""},
    {"event_time": "2023-11-14T22:13:20Z"},
    {"event_time": NOW_MS + 10**9},
    {"event_time": True},
    {"event_time": 2**80},
    {"model": "other"},
    {"model": "not a name"},
    {"model_version": "2"},
    {"model_version": None},
    {"features": None},
    {"features": {"x": [1]}},
    {"features": {"x": 1, "new": 2}},
    {"features": {"prediction.score": 1}},
    {"prediction": {"score": 1.5}},
    {"prediction": {"score": 1}},
    {"prediction": {"label": "x" * 300}},
    {"prediction": {"value": 2.5}},
    {"prediction": {"value": 1e46}},
    {"prediction": {"value": float("nan")}},
    {"prediction": {"label": True}},
    {"prediction": {"scores": {"a": 0.5}}},
    {"tags": {"region": "eu"}},
    {"sample_rate": 0.5},
]


def event(number, row, changes=None):
    made = {"inference_id": f"id{number:02}", "event_time": NOW_MS + number, "model": "m", "features": row}
    return made | {"prediction": {"label": "1", "score": 0.25}} | (changes or {})


def messages_of(records):
    return [Message("t", 0, i, NOW_MS, None, json.dumps(record).encode()) for i, record in enumerate(records)]


def comparable(decoded):
    def column(values):
        return (
            values.kind,
            [repr(v) for v in np.asarray(values.values).tolist()],
            values.categories,
            [None if mask is None else mask.tolist() for mask in (values.valid, values.absent)],
        )

    return [
        (
            (b.model, b.version, b.ids.tolist(), b.event_time_ms.tolist(), b.offset.tolist(), b.sample_rate),
            [{name: column(values) for name, values in part.items()} for part in (b.columns, b.tags)],
        )
        for b in decoded.batches
        if isinstance(b, EventBatch)
    ]


def row_by_row(messages):
    """An undecodable message among them makes the decoder read one by one."""
    poison = Message("t", 0, 10_000, NOW_MS, None, b"?")
    decoded = decode_events([*messages, poison])
    assert decoded.rejected[-1].offset == poison.offset
    return comparable(decoded), decoded.rejected[:-1]


@given(
    rows=st.lists(plain, min_size=8, max_size=20),
    odd=st.dictionaries(st.integers(0, 19), st.sampled_from(ODD), max_size=2),
)
def test_columns_read_at_once_are_the_columns_read_row_by_row(rows, odd):
    messages = messages_of([event(i, row, odd.get(i)) for i, row in enumerate(rows)])
    decoded = decode_events(messages)
    assert (comparable(decoded), decoded.rejected) == row_by_row(messages)


@pytest.mark.parametrize("change", ODD, ids=str)
def test_a_fetch_with_one_event_of_another_form_is_read_row_by_row(change):
    messages = messages_of([event(i, {"x": 1.5}, change if i == 5 else None) for i in range(10)])
    assert uniform_events(messages, np.full(10, NOW_MS + 60_000)) is None
    decoded = decode_events(messages)
    assert (comparable(decoded), decoded.rejected) == row_by_row(messages)


def test_a_fetch_of_one_form_is_read_at_once():
    messages = messages_of([event(i, {"x": 1.5, "z": None if i % 2 else "a"}) for i in range(10)])
    [batch] = uniform_events(messages, np.full(10, NOW_MS + 60_000))
    assert batch.columns["x"].values.tolist() == [1.5] * 10
    assert batch.columns["prediction.score"].values.tolist() == [0.25] * 10
