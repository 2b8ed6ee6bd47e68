# SPDX-License-Identifier: Apache-2.0
"""What is written in one encoding is what is read in every other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.messages import NOW_MS, all_rows, arrow, as_json, event, label, message, rows
from topics.batches import FLOAT, STRING, EventBatch, LabelBatch, Values
from topics.codec import decode_events, decode_labels
from topics.codec_avro import EVENT, LABEL, encode_avro
from topics.encode import encode_events, encode_labels, event_records, label_records
from topics.records import ARROW_TYPE, JSON_TYPE

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.one_of(st.none(), st.booleans(), integers, st.floats(), st.text(st.characters(codec="utf-8"), max_size=8))
classes = st.one_of(st.booleans(), integers, st.text(st.characters(codec="utf-8"), min_size=1, max_size=8))
times = st.integers(0, NOW_MS)
outcomes = st.floats(-1e45, 1e45)
attributed = st.dictionaries(st.sampled_from(["age", "job"]), st.floats(allow_nan=False))

predictions = st.fixed_dictionaries(
    {},
    optional={
        "label": classes,
        "score": st.floats(0, 1),
        "value": outcomes,
        "scores": st.dictionaries(st.sampled_from("xyz"), st.floats(0, 1), min_size=1),
    },
)
events = st.fixed_dictionaries(
    {"inference_id": ids, "event_time": times, "model": st.sampled_from(["m", "n"])},
    optional={
        "model_version": st.sampled_from(["1", "2"]),
        "features": st.dictionaries(names.filter(lambda name: not name.startswith("prediction.")), scalars, max_size=4),
        "prediction": predictions,
        "tags": st.dictionaries(st.sampled_from(["region", "site"]), scalars),
        "attributions": attributed | st.dictionaries(st.sampled_from(["yes", "no"]), attributed),
        "embeddings": st.dictionaries(
            st.sampled_from(["text"]), st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=3)
        ),
        "sample_rate": st.sampled_from([0.5, 1.0]),
    },
)
labels = st.one_of(
    st.fixed_dictionaries(
        {"inference_id": ids, "model": st.just("m"), "event_time": times, "label": classes},
        optional={"model_version": st.just("2")},
    ),
    st.fixed_dictionaries(
        {"inference_id": ids, "model": st.just("m"), "event_time": times},
        optional={"model_version": st.just("2")},
    ).flatmap(lambda record: outcomes.map(lambda v: record | {"value": v})),
)


def unique(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({record["inference_id"].encode(): record for record in records}.values())


@given(st.lists(events, min_size=1, max_size=8).map(unique))
def test_events_say_the_same_in_json_avro_and_arrow(records: list[dict[str, Any]]) -> None:
    from_json = decode_events([message(as_json(records))])
    single = decode_events([message(as_json(record), place) for place, record in enumerate(records)])
    avro = decode_events([message(encode_avro(record, EVENT), place) for place, record in enumerate(records)])
    forwarded = decode_events([message(encode_events(b)[0], place) for place, b in enumerate(from_json.batches)])
    assert from_json.rejected == single.rejected == avro.rejected == forwarded.rejected == ()
    expected = all_rows(from_json.batches)
    assert len(expected) == len(records)
    assert all_rows(single.batches) == all_rows(avro.batches) == all_rows(forwarded.batches) == expected


def test_embeddings_beyond_their_precision_are_infinite_in_every_encoding() -> None:
    record = event(embeddings={"text": [1e300, -1.0]})
    vector = pa.array([[1e300, -1.0]], pa.list_(pa.float64(), 2))
    table = pa.table({"inference_id": ["a"], "event_time": [NOW_MS], "model": ["m"], "embeddings.text": vector})
    for value in (as_json(record), arrow(table)):
        (batch,) = decode_events([message(value)]).batches
        assert isinstance(batch, EventBatch)
        assert batch.embeddings["text"].tolist() == [[np.inf, -1.0]]


@given(st.lists(labels, min_size=1, max_size=8).map(unique))
def test_labels_say_the_same_in_json_avro_and_arrow(records: list[dict[str, Any]]) -> None:
    from_json = decode_labels([message(as_json(records))])
    avro = decode_labels([message(encode_avro(record, LABEL), place) for place, record in enumerate(records)])
    forwarded = decode_labels([message(encode_labels(b)[0], place) for place, b in enumerate(from_json.batches)])
    assert from_json.rejected == avro.rejected == forwarded.rejected == ()
    expected = all_rows(from_json.batches)
    assert len(expected) == len(records)
    assert all_rows(avro.batches) == all_rows(forwarded.batches) == expected


@given(st.lists(events, min_size=1, max_size=6).map(unique))
def test_records_of_a_batch_decode_to_the_batch(records: list[dict[str, Any]]) -> None:
    batches = decode_events([message(as_json(records))]).batches
    again = decode_events([message(as_json([r for b in batches for r in event_records(b)]))])
    assert all_rows(again.batches) == all_rows(batches)


@given(st.lists(labels, min_size=1, max_size=6).map(unique))
def test_records_of_labels_decode_to_the_labels(records: list[dict[str, Any]]) -> None:
    batches = decode_labels([message(as_json(records))]).batches
    again = decode_labels([message(as_json([r for b in batches for r in label_records(b)]))])
    assert all_rows(again.batches) == all_rows(batches)


def block(n: int, seed: int, **fields: Any) -> EventBatch:
    rng = np.random.default_rng(seed)
    valid = rng.random(n) < 0.8
    columns = {
        "x": Values(FLOAT, rng.normal(size=n)),
        "c": Values(STRING, rng.integers(0, 3, n).astype(np.int32), valid, ("a", "b", f"c{seed}")),
        "prediction.score": Values(FLOAT, rng.random(n)),
    }
    uuids = rng.integers(0, 256, (n, 16), np.uint8)
    return EventBatch("m", "1", uuids, NOW_MS - np.arange(n), np.zeros(n, np.int64), columns, **fields)


def test_consecutive_blocks_of_one_schema_become_one_batch_in_order() -> None:
    blocks = [block(5, seed) for seed in range(3)]
    decoded = decode_events([message(encode_events(b)[0], 10 + place) for place, b in enumerate(blocks)])
    assert len(decoded.batches) == 1
    assert rows(decoded.batches[0]) == [row for b in blocks for row in rows(b)]
    assert decoded.batches[0].offset.tolist() == [10] * 5 + [11] * 5 + [12] * 5


def test_blocks_of_two_models_are_coalesced_model_by_model() -> None:
    blocks = [encode_events(block(4, seed)) for seed in range(4)]
    others = [
        encode_events(
            EventBatch(
                "n", *(getattr(block(4, 9), f) for f in ("version", "ids", "event_time_ms", "offset", "columns"))
            )
        )
    ] * 4
    mixed = [
        message(value, place)
        for place, (value, _) in enumerate(x for pair in zip(blocks, others, strict=True) for x in pair)
    ]
    decoded = decode_events(mixed)
    assert [(batch.model, len(batch.ids)) for batch in decoded.batches] == [("m", 16), ("n", 16)]


def test_rows_of_one_model_keep_their_order_when_the_schema_or_encoding_changes() -> None:
    block_value = encode_events(block(2, 0))[0]
    other = block(2, 1)
    del other.columns["c"]
    values = [block_value, encode_events(other)[0], block_value, as_json(event("x" * 16)), block_value]
    decoded = decode_events([message(value, place) for place, value in enumerate(values)])
    assert np.concatenate([batch.offset for batch in decoded.batches]).tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4]


def test_the_order_of_labels_survives_a_change_of_version() -> None:
    records = [label("a", model_version="3"), label("b"), label("b", model_version="3"), label("a")]
    decoded = decode_labels([message(as_json(record), place) for place, record in enumerate(records)])
    assert np.concatenate([batch.offset for batch in decoded.batches]).tolist() == [0, 1, 2, 3]


def test_the_order_of_labels_in_a_block_survives_a_change_of_version() -> None:
    table = pa.table(
        {
            "inference_id": ["a", "b", "b", "a"],
            "model": ["m"] * 4,
            "label": [1, 0, 1, 0],
            "model_version": ["3", None, "3", None],
        }
    )
    decoded = decode_labels([message(arrow(table))])
    assert [(batch.version, batch.ids.tobytes()) for batch in decoded.batches] == [
        ("3", b"a"), (None, b"b"), ("3", b"b"), (None, b"a"),
    ]  # fmt: skip
    assert all(batch.event_time_ms.tolist() == [NOW_MS] for batch in decoded.batches)


def test_forwarded_rows_carry_their_origin() -> None:
    decoded = decode_events([message(as_json(event("a"))), message(as_json(event("b")), 1, origin="t/3/7")])
    assert [(batch.ids.tobytes(), batch.origin) for batch in decoded.batches] == [(b"a", ""), (b"b", "t/3/7")]


@pytest.mark.parametrize(
    ("value", "name"), [(1, "1"), (1.0, "1"), (True, "1"), ("1", "1"), ("true", "true"), (0.5, "0.5")]
)
def test_a_class_has_one_form_in_every_encoding(value: Any, name: str) -> None:
    table = pa.table({"inference_id": ["a"], "event_time": [NOW_MS], "model": ["m"], "prediction.label": [value]})
    record = event(prediction={"label": value})
    values = [as_json(record), encode_avro(record), arrow(table)]
    for decoded in (decode_events([message(v)]) for v in values):
        column = decoded.batches[0].columns["prediction.label"]
        assert [column.categories[code] for code in column.values] == [name]


def test_mixed_columns_and_absent_keys_travel_as_json_all_else_as_arrow() -> None:
    def encoding(*records: dict[str, Any]) -> str:
        return encode_events(decode_events([message(as_json(list(records)))]).batches[0])[1]

    assert encoding(event(features={"x": 1}), event("b", features={"x": None})) == ARROW_TYPE
    assert encoding(event(features={"x": 1}), event("b", features={"x": "1"})) == JSON_TYPE
    assert encoding(event(features={"x": 1, "y": 1}), event("b", features={"x": 1})) == JSON_TYPE


def test_labels_of_regression_and_classification_stay_apart() -> None:
    decoded = decode_labels([message(as_json([label("a"), label("b", label=None, value=2)]))])
    assert [(isinstance(b, LabelBatch), b.label is None) for b in decoded.batches] == [(True, False), (True, True)]
