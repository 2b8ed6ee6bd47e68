# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over a topic: what cannot be taken is refused with its reason, and its neighbours are unharmed."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.messages import NOW_MS, arrow, as_json, event, label, message
from topics.batches import Decoded, EventBatch, Watermark
from topics.codec import decode_events, decode_labels
from topics.codec_avro import EVENT, encode_avro, fingerprint_of
from topics.encode import encode_events
from topics.records import watermark


def reasons(decoded: Decoded) -> list[str]:
    return [rejected.reason for rejected in decoded.rejected]


def ids(decoded: Decoded) -> list[bytes]:
    return sorted(row.tobytes() for batch in decoded.batches if not isinstance(batch, Watermark) for row in batch.ids)


BAD_EVENTS: dict[str, tuple[str, Any]] = {
    "no id": ("missing_field", {"event_time": NOW_MS, "model": "m"}),
    "null id": ("missing_field", event(inference_id=None)),
    "empty id": ("id_length", event("")),
    "long id": ("id_length", event("é" * 129)),
    "numeric id": ("bad_id", event(inference_id=7)),
    "no model": ("missing_field", {"event_time": NOW_MS, "inference_id": "a"}),
    "model with a slash": ("bad_name", event(model="a/b")),
    "model of a list": ("bad_name", event(model=["m"])),
    "numeric version": ("bad_name", event(model_version=3)),
    "no time": ("missing_field", event(event_time=None)),
    "time without offset": ("bad_time", event(event_time="2026-11-20T10:00:00")),
    "time of prose": ("bad_time", event(event_time="yesterday")),
    "boolean time": ("bad_time", event(event_time=True)),
    "float time": ("bad_time", event(event_time=1.5)),
    "time before the epoch": ("bad_time", event(event_time=-1)),
    "time of 30 digits": ("bad_time", event(event_time=10**30)),
    "future time": ("future_time", event(event_time=NOW_MS + 300_001)),
    "score above one": ("score_range", event(prediction={"score": 1.0001})),
    "score below zero": ("score_range", event(prediction={"score": -0.1})),
    "score of NaN": ("score_range", event(prediction={"score": float("nan")})),
    "boolean score": ("bad_type", event(prediction={"score": True})),
    "score of a string": ("bad_type", event(prediction={"score": "0.5"})),
    "scores above one": ("score_range", event(prediction={"scores": {"a": 2}})),
    "scores of a list": ("bad_type", event(prediction={"scores": [0.5]})),
    "value of a string": ("bad_type", event(prediction={"value": "1"})),
    "value of NaN": ("value_range", event(prediction={"value": float("nan")})),
    "infinite value": ("value_range", event(prediction={"value": float("-inf")})),
    "value beyond 1e45": ("value_range", event(prediction={"value": 1.1e45})),
    "value of 400 digits": ("value_range", event(prediction={"value": 10**400})),
    "label of a list": ("bad_type", event(prediction={"label": [1]})),
    "label of NaN": ("bad_label", event(prediction={"label": float("nan")})),
    "label too long": ("bad_label", event(prediction={"label": "x" * 257})),
    "label of 300 digits": ("bad_label", event(prediction={"label": 10**300})),
    "prediction of a number": ("bad_type", event(prediction=0.5)),
    "features of a list": ("bad_type", event(features=[1])),
    "nested feature": ("bad_type", event(features={"x": {"y": 1}})),
    "feature of a list": ("bad_type", event(features={"x": [1]})),
    "10,000 features": ("too_many_columns", event(features={f"f{i}": i for i in range(10_000)})),
    "feature without a name": ("bad_column_name", event(features={"": 1})),
    "feature with a long name": ("bad_column_name", event(features={"x" * 257: 1})),
    "feature named as an output": ("bad_column_name", event(features={"prediction.score": 7})),
    "attribution of a string": ("bad_type", event(attributions={"x": "1"})),
    "embedding of strings": ("bad_type", event(embeddings={"x": ["1"]})),
    "embedding of nothing": ("bad_type", event(embeddings={"x": []})),
    "sample rate of zero": ("bad_sample_rate", event(sample_rate=0)),
    "sample rate above one": ("bad_sample_rate", event(sample_rate=2)),
    "array in an array": ("undecodable", [[]]),
}

BAD_BYTES: dict[str, tuple[str, bytes]] = {
    "no bytes": ("empty", b""),
    "random bytes": ("unknown_encoding", b"\x7fELF"),
    "half JSON": ("undecodable", b'{"inference_id": "a'),
    "deep JSON": ("undecodable", b'{"features":' * 100_000),
    "deep array": ("undecodable", b"[" * 100_000),
    "a million objects": ("too_large", b"[" + b"{}," * 1_000_000 + b"{}]"),
    "integer of 5,000 digits": ("undecodable", b'{"a": ' + b"9" * 5_000 + b"}"),
    "half a surrogate": ("undecodable", b'{"inference_id": "\\ud800"}'),
    "broken UTF-8": ("undecodable", b'{"inference_id": "\xff"}'),
    "too large a value": ("too_large", b"{" + b" " * (9 * 1024 * 1024) + b"}"),
    "Avro of an unknown schema": ("unknown_schema", b"\xc3\x01" + b"12345678"),
    "Avro cut short": ("undecodable", encode_avro(event(features={"x": 1.5}), EVENT)[:-3]),
    "Avro with a tail": ("undecodable", encode_avro(event(), EVENT) + b"\0"),
    "Avro of a billion map entries": (
        "undecodable",
        b"\xc3\x01" + fingerprint_of(EVENT) + b"\2a\0\2m\2" + b"\x31\2" + b"\x80\x94\xeb\xdc\x03",
    ),
    "Avro of a string of a billion bytes": (
        "undecodable",
        b"\xc3\x01" + fingerprint_of(EVENT) + b"\x80\x94\xeb\xdc\x03a",
    ),
    "Confluent framing without a registry": ("unknown_schema", b"\0\0\0\0\1abc"),
    "Arrow of nothing": ("undecodable", b"\xff\xff\xff\xff\0\0\0\0"),
    "Arrow cut short": (
        "undecodable",
        arrow(pa.table({"inference_id": ["a"], "model": ["m"], "event_time": [1]}))[:-60],
    ),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_bad_event_is_refused_for_its_reason_and_its_neighbours_are_taken(name: str) -> None:
    reason, bad = BAD_EVENTS[name]
    single = [as_json(event("first")), json.dumps(bad).encode(), as_json(event("last"))]
    for values in (single, [as_json([event("first"), bad, event("last")])]):
        decoded = decode_events([message(value, place) for place, value in enumerate(values)])
        assert reasons(decoded) == [reason]
        assert ids(decoded) == [b"first", b"last"]
        assert decoded.rejected[0].rows == 1
        assert len(decoded.rejected[0].text) < 300


@pytest.mark.parametrize("name", BAD_BYTES)
def test_bytes_that_are_no_event_are_refused_for_their_reason_and_their_neighbours_are_taken(name: str) -> None:
    reason, bad = BAD_BYTES[name]
    values = [as_json(event("first")), bad, as_json(event("last"))]
    decoded = decode_events([message(value, place) for place, value in enumerate(values)])
    assert reasons(decoded) == [reason]
    assert ids(decoded) == [b"first", b"last"]
    refused = decoded.rejected[0]
    assert (refused.offset, refused.length, refused.sha256) == (1, len(bad), hashlib.sha256(bad).hexdigest())
    assert len(decode_labels([message(bad)]).rejected) == 1


def test_a_tombstone_is_refused() -> None:
    assert reasons(decode_events([message(None)])) == ["empty"]


def test_an_unknown_content_type_is_refused_and_a_known_one_may_have_parameters() -> None:
    value = as_json(event())
    assert reasons(decode_events([message(value, content_type="text/plain")])) == ["unknown_encoding"]
    assert ids(decode_events([message(value, content_type="application/json; charset=utf-8")])) == [b"a"]


def good_columns(n: int = 4) -> dict[str, Any]:
    return {
        "inference_id": pa.array([f"id-{i}" for i in range(n)]),
        "event_time": pa.array([NOW_MS] * n),
        "model": pa.array(["m"] * n).dictionary_encode(),
        "features.x": pa.array([0.5] * n),
        "prediction.score": pa.array([0.5] * n),
        "prediction.label": pa.array(["1"] * n),
    }


BAD_ROWS: dict[str, tuple[str, str, Any]] = {
    "null id": ("missing_field", "inference_id", ["id-0", None, "id-2", "id-3"]),
    "empty id": ("missing_field", "inference_id", ["id-0", "", "id-2", "id-3"]),
    "long id": ("id_length", "inference_id", ["id-0", "x" * 257, "id-2", "id-3"]),
    "null time": ("missing_field", "event_time", [NOW_MS, None, NOW_MS, NOW_MS]),
    "future time": ("future_time", "event_time", [NOW_MS, NOW_MS + 300_001, NOW_MS, NOW_MS]),
    "time before the epoch": ("bad_time", "event_time", [NOW_MS, -5, NOW_MS, NOW_MS]),
    "time beyond 64 bits": ("bad_time", "event_time", pa.array([NOW_MS, 2**64 - 1, NOW_MS, NOW_MS], pa.uint64())),
    "null model": ("missing_field", "model", ["m", None, "m", "m"]),
    "bad model": ("bad_name", "model", ["m", "a b", "m", "m"]),
    "score above one": ("score_range", "prediction.score", [0.0, 1.5, 1.0, None]),
    "score of NaN": ("score_range", "prediction.score", [0.0, float("nan"), 1.0, None]),
    "value of NaN": ("value_range", "prediction.value", [0.0, float("nan"), -1e45, None]),
    "value beyond 1e45": ("value_range", "prediction.value", [1e45, -1.1e45, 1.0, None]),
    "class score above one": ("score_range", "prediction.scores.a", [0.0, 1.5, 1.0, None]),
    "empty label": ("bad_label", "prediction.label", ["1", "", None, "0"]),
    "long label": ("bad_label", "prediction.label", ["1", "x" * 257, None, "0"]),
    "label of NaN": ("bad_label", "prediction.label", [1.0, float("nan"), None, 0.0]),
    "sample rate of zero": ("bad_sample_rate", "sample_rate", [1.0, 0.0, None, 1.0]),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_of_a_block_is_refused_for_its_reason_and_its_neighbours_are_taken(name: str) -> None:
    reason, column, values = BAD_ROWS[name]
    table = pa.table(good_columns() | {column: values})
    decoded = decode_events([message(arrow(table), 3), message(arrow(pa.table(good_columns())), 4)])
    assert [(r.reason, r.rows, r.offset) for r in decoded.rejected] == [(reason, 1, 3)]
    expected = [b"id-0", b"id-2", b"id-3", b"id-0", b"id-1", b"id-2", b"id-3"]
    assert ids(decoded) == sorted(expected)


BAD_SCHEMAS: dict[str, tuple[str, dict[str, Any]]] = {
    "no id": ("missing_field", {"inference_id": None}),
    "no time": ("missing_field", {"event_time": None}),
    "no model": ("missing_field", {"model": None}),
    "numeric ids": ("bad_type", {"inference_id": pa.array([1, 2, 3, 4])}),
    "naive timestamps": ("bad_time", {"event_time": pa.array([1, 2, 3, 4], pa.timestamp("ms"))}),
    "float times": ("bad_type", {"event_time": pa.array([1.0, 2.0, 3.0, 4.0])}),
    "boolean scores": ("bad_type", {"prediction.score": pa.array([True, False, True, True])}),
    "text scores": ("bad_type", {"prediction.score": pa.array(["1", "0", "1", "1"])}),
    "nested features": ("bad_type", {"features.x": pa.array([[1], [2], [3], [4]])}),
    "features in one struct": ("bad_type", {"features": pa.array([{"x": 1}] * 4)}),
    "a feature named as an output": ("bad_column_name", {"features.prediction.score": pa.array([7.0] * 4)}),
    "lists of no fixed size as embeddings": ("bad_type", {"embeddings.text": pa.array([[0.5], [1.0], [2.0], [3.0]])}),
    "5,000 columns": ("too_many_columns", {f"features.f{i}": pa.array([0.5] * 4) for i in range(5_000)}),
}


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_a_block_with_a_wrong_schema_is_refused_for_its_reason_and_its_neighbours_are_taken(name: str) -> None:
    reason, changes = BAD_SCHEMAS[name]
    columns = {key: value for key, value in (good_columns() | changes).items() if value is not None}
    good = arrow(pa.table(good_columns()))
    decoded = decode_events([message(good), message(arrow(pa.table(columns)), 1), message(good, 2)])
    assert reasons(decoded) == [reason]
    assert len(ids(decoded)) == 8


def test_a_column_that_comes_twice_is_refused() -> None:
    columns = good_columns()
    table = pa.Table.from_arrays([*columns.values(), columns["features.x"]], [*columns, "features.x"])
    assert reasons(decode_events([message(arrow(table))])) == ["bad_column_name"]


def test_a_compressed_block_is_read_and_one_that_swells_is_refused_before_it_does() -> None:
    rng = np.random.default_rng(0)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    fair = pa.table(good_columns(512) | {"features.x": pa.array(rng.normal(size=512))})
    n = 100_000
    zeros = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), n, [None, pa.py_buffer(bytes(16 * n))])
    bomb = pa.table({"inference_id": zeros, "event_time": np.zeros(n, np.int64), "features.x": np.zeros(n)})
    fair_bytes, bomb_bytes = arrow(fair, options=options), arrow(bomb, options=options)
    assert len(bomb_bytes) * 32 < bomb.nbytes
    decoded = decode_events([message(fair_bytes), message(bomb_bytes, 1), message(fair_bytes, 2)])
    assert reasons(decoded) == ["too_large"]
    assert len(ids(decoded)) == 1_024


def test_a_claimed_length_that_is_a_lie_is_refused() -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    table = pa.table(good_columns(512) | {"features.x": pa.array(np.random.default_rng(0).normal(size=512))})
    value = bytearray(arrow(table, options=options))
    # A compressed buffer starts with its length: 512 floats.
    place = value.index(struct.pack("<q", 512 * 8))
    value[place : place + 8] = struct.pack("<q", 10**15)
    assert reasons(decode_events([message(bytes(value))])) == ["too_large"]
    value[place : place + 8] = struct.pack("<q", 512 * 8 + 64)
    assert reasons(decode_events([message(bytes(value))])) == ["undecodable"]


@pytest.mark.parametrize("columns", [["features.x"], ["inference_id", "event_time", "model", "features.x"]])
def test_columns_that_claim_a_quadrillion_rows_are_refused(columns: list[str]) -> None:
    n = 77_777
    every = good_columns(n) | {"model": pa.array(["m"] * n), "features.x": pa.nulls(n)}
    value = arrow(pa.table({name: every[name] for name in columns}))
    claimed = value.replace(struct.pack("<q", n), struct.pack("<q", 10**15))
    assert claimed != value
    assert reasons(decode_events([message(claimed)])) in (["missing_field"], ["undecodable"])


def test_a_message_of_many_refused_rows_is_counted_not_multiplied() -> None:
    records = [event(str(n), model=f"m{n % 200}", prediction={"score": 7}) for n in range(5_000)]
    decoded = decode_events([message(as_json(records))])
    assert len(decoded.rejected) <= 16
    assert sum(rejected.rows for rejected in decoded.rejected) == 5_000


@pytest.mark.parametrize("section", ["features", "tags", "attributions"])
def test_rows_with_ever_new_names_do_not_swell(section: str) -> None:
    records = [event(str(n), **{section: {f"f{n}-{i}": 1.0 for i in range(50)}}) for n in range(1_000)]
    decoded = decode_events([message(as_json(records))])
    assert len(ids(decoded)) == 1_000
    batches = [batch for batch in decoded.batches if isinstance(batch, EventBatch)]
    assert sum(len(b.ids) * (len(b.columns) + len(b.tags) + len(b.attributions)) for b in batches) < 20_000_000


def test_a_message_of_ever_new_models_is_refused_and_its_neighbours_are_taken() -> None:
    records = [event(str(n), model=f"m{n}") for n in range(5_000)]
    n = 5_000
    names = {"model": [f"m{i}" for i in range(n)], "inference_id": ["a"] * n, "event_time": [NOW_MS] * n}
    table = pa.table(names | {"label": ["1"] * n, "model_version": ["1", "2"] * (n // 2)})
    good = arrow(pa.table({"inference_id": ["a"], "model": ["m"], "event_time": [NOW_MS], "label": ["1"]}))
    for decode in (decode_events, decode_labels):
        decoded = decode([message(good), message(as_json(records), 1), message(arrow(table), 2), message(good, 3)])
        assert [(r.reason, r.rows) for r in decoded.rejected] == [("too_many_models", n)] * 2
        assert ids(decoded) == [b"a", b"a"]
    alternating = arrow(table.set_column(0, "model", pa.array(["m"] * n)))
    assert reasons(decode_labels([message(alternating)])) == ["too_many_models"]
    assert len(ids(decode_events([message(alternating)]))) == n


BAD_LABELS: dict[str, tuple[str, Any]] = {
    "neither": ("missing_field", label(label=None)),
    "both": ("bad_label", label(value=1.0)),
    "list": ("bad_type", label(label=[1])),
    "NaN": ("bad_label", label(label=float("nan"))),
    "value of NaN": ("value_range", label(label=None, value=float("nan"))),
    "value beyond 1e45": ("value_range", label(label=None, value=-1.1e45)),
    "value of a string": ("bad_type", label(label=None, value="1")),
    "boolean value": ("bad_type", label(label=None, value=True)),
    "future time": ("future_time", label(event_time=NOW_MS + 300_001)),
    "no id": ("missing_field", {"model": "m", "label": 1}),
    "no object": ("undecodable", [7]),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_a_bad_label_is_refused_for_its_reason_and_its_neighbours_are_taken(name: str) -> None:
    reason, bad = BAD_LABELS[name]
    decoded = decode_labels([message(as_json([label("first"), bad, label("last")]))])
    assert reasons(decoded) == [reason]
    assert ids(decoded) == [b"first", b"last"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.1e45])
def test_a_value_in_a_block_that_no_sum_can_hold_is_refused_alone(bad: float) -> None:
    table = pa.table({"inference_id": ["a", "b"], "model": ["m", "m"], "value": [-1e45, bad]})
    decoded = decode_labels([message(arrow(table))])
    assert (reasons(decoded), ids(decoded)) == (["value_range"], [b"a"])


def test_a_null_label_in_a_block_is_refused_alone() -> None:
    table = pa.table({"inference_id": ["a", "b"], "model": ["m", "m"], "label": ["1", None]})
    decoded = decode_labels([message(arrow(table))])
    assert (reasons(decoded), ids(decoded)) == (["missing_field"], [b"a"])


def test_a_watermark_comes_after_what_was_written_before_it() -> None:
    value, headers = watermark("m", NOW_MS)
    mark = message(value, 1, content_type=headers[0][1].decode())
    decoded = decode_events([message(as_json(event("a"))), mark, message(as_json(event("b")), 2)])
    assert [type(batch) for batch in decoded.batches] == [EventBatch, Watermark, EventBatch]
    assert decoded.batches[1] == Watermark("m", NOW_MS, 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{}", "missing_field"),
        (b"[]", "undecodable"),
        (b"{", "undecodable"),
        (b'{"model": "m", "event_time": "soon"}', "bad_time"),
        (b'{"model": "m", "event_time": "9000-01-01T00:00:00Z"}', "future_time"),
    ],
)
def test_a_bad_watermark_is_refused(value: bytes, reason: str) -> None:
    content_type = "application/vnd.sketchwatch.watermark+json"
    assert reasons(decode_events([message(value, content_type=content_type)])) == [reason]


SEEDS = [
    as_json(event(features={"x": 1, "y": "a"}, prediction={"label": "1", "score": 0.5})),
    encode_avro(event(features={"x": 1, "y": "a"}, prediction={"label": "1", "score": 0.5}), EVENT),
    arrow(pa.table(good_columns())),
    arrow(pa.table(good_columns()), options=pa.ipc.IpcWriteOptions(compression="lz4")),
]


@pytest.mark.parametrize("decode", [decode_events, decode_labels])
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0, 1),
)
def test_mutated_bytes_never_raise_and_never_harm_a_neighbour(
    decode: Callable[..., Decoded], seed: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    value = bytearray(seed)
    for place, byte in changes:
        value[int(place * len(value))] = byte
    value = value[: max(1, int(len(value) * (1 - cut**4)))]
    neighbour = as_json(event("first") | {"label": 1})
    block = arrow(pa.table(good_columns() | {"label": ["1"] * 4}))
    values = [neighbour, block, bytes(value), block, neighbour]
    decoded = decode([message(v, place) for place, v in enumerate(values)])
    offsets = [o for b in decoded.batches if not isinstance(b, Watermark) for o in b.offset.tolist() if o != 2]
    assert sorted(offsets) == [0, 1, 1, 1, 1, 3, 3, 3, 3, 4]
    for batch in decoded.batches:
        if isinstance(batch, EventBatch):
            encode_events(batch)


@given(st.binary(max_size=200))
def test_any_bytes_under_any_content_type_never_raise(value: bytes) -> None:
    for kind in ("json", "avro", "vnd.apache.arrow.stream", "vnd.sketchwatch.watermark+json"):
        decoded = decode_events([message(value, content_type=f"application/{kind}")])
        assert len(decoded.rejected) + len(decoded.batches) > 0
