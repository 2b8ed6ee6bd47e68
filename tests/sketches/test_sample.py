# SPDX-License-Identifier: Apache-2.0
"""The sample keeps the rows of the smallest hashes, whatever the order of blocks and merges."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence

import cramjam
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind
from sketches.cells import present_cells
from sketches.checks import check_state
from sketches.errors import CorruptState
from sketches.groups import ID_HASH
from sketches.packing import pack
from sketches.sample import SampleSpec, SampleState
from sketches.texts import keyed
from tests.strategies import blocks

NAMES = ("value", "b", "tags.region", "z")
LAWS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def with_ids(draw: st.DrawFn) -> Block:
    """Draw a block in which an id that comes again has the same row, as in a replay."""
    block = draw(blocks(NAMES))
    rows: list[dict[str, str]] = [{} for _ in range(block.n)]
    for name in sorted(block.columns):
        for at, value in present_cells(block.columns[name]):
            rows[at][name] = repr(value)
    hashes = [zlib.crc32(repr(row).encode("utf-8", "replace")) for row in rows]
    valid = draw(st.one_of(st.none(), st.lists(st.booleans(), min_size=block.n, max_size=block.n).map(np.array)))
    ids = Column(Kind.INTEGER, np.array(hashes, dtype=np.int64), None if valid is None else valid.astype(bool))
    return Block(block.n, {ID_HASH: ids, **block.columns})


@pytest.mark.parametrize(
    "spec",
    [
        SampleSpec(rows=5),
        SampleSpec(rows=1000),
        SampleSpec(rows=3, declared=("z",), hashed=("b",), hash_key="s", dropped=("value",), max_columns=1),
    ],
    ids=repr,
)
@LAWS
@given(rows=st.lists(with_ids(), max_size=4))
def test_a_sample_keeps_every_law_on_any_rows_and_ids(spec: SampleSpec, rows: Sequence[Block]) -> None:
    check_state(spec, rows)


def events(rng: np.random.Generator, n: int, ids: np.ndarray) -> Block:
    return Block(
        n,
        {
            ID_HASH: Column(Kind.INTEGER, ids),
            "age": Column(Kind.FLOAT, rng.normal(size=n)),
            "tags.region": Column(Kind.STRING, rng.integers(0, 2, n).astype(np.int32), None, ("eu", "us")),
            "attributions.age": Column(Kind.FLOAT, rng.normal(size=n)),
        },
    )


def test_the_rows_kept_are_those_of_the_smallest_hashes_with_their_values() -> None:
    rng = np.random.default_rng(1)
    state = SampleSpec(rows=100).empty()
    blocks_ = [events(rng, 500, rng.integers(0, 2**63, 500)) for _ in range(8)]
    for block in blocks_:
        state.update(block)
    ids = np.concatenate([block.columns[ID_HASH].values for block in blocks_])
    ages = np.concatenate([block.columns["age"].values for block in blocks_])
    nearest = np.argsort(ids)[:100]
    kept = state.block()
    assert kept.columns[ID_HASH].values.tolist() == ids[nearest].tolist()
    assert kept.columns["age"].values.tolist() == ages[nearest].tolist()
    assert sorted(kept.columns) == ["age", ID_HASH, "tags.region"]
    assert (state.n, kept.n) == (4_000, 100)


def test_an_event_that_comes_again_is_kept_once() -> None:
    rng = np.random.default_rng(2)
    block = events(rng, 50, rng.integers(0, 2**63, 50))
    state = SampleSpec(rows=100).empty()
    state.update(block)
    once = state.block()
    state.update(block)
    assert state.block().columns["age"].values.tolist() == once.columns["age"].values.tolist()
    assert (state.n, len(state.rows)) == (100, 50)


def test_every_row_is_as_likely_to_be_kept() -> None:
    """Chi-square of kept rows by position at 1e-9: a sample of the first or last rows would fail."""
    rng = np.random.default_rng(3)
    state = SampleSpec(rows=1_000).empty()
    for start in range(0, 40_000, 4_000):
        ids = Column(Kind.INTEGER, rng.integers(0, 2**63, 4_000))
        state.update(Block(4_000, {ID_HASH: ids, "at": Column(Kind.INTEGER, np.arange(start, start + 4_000))}))
    counts = np.bincount(state.block().columns["at"].values // 4_000, minlength=10)
    assert ((counts - 100) ** 2 / 100).sum() < 64.0


def test_rows_far_above_the_kept_hashes_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    state = SampleSpec(rows=10).empty()
    state.update(events(rng, 10, np.arange(10)))
    monkeypatch.setattr(Column, "take", lambda *_: pytest.fail("a rejected row was read"))
    state.update(events(rng, 1_000, np.arange(1_000, 2_000)))
    assert state.n == 1_010


def test_values_follow_the_policy_of_their_column() -> None:
    spec = SampleSpec(hashed=("name", "age"), dropped=("secret",), hash_key="k")
    state = spec.empty()
    texts = Column(Kind.STRING, np.array([0], dtype=np.int32), None, ("Ann",))
    columns = {
        ID_HASH: Column(Kind.INTEGER, np.array([1])),
        "name": texts,
        "secret": texts,
        "age": Column(Kind.FLOAT, np.array([39.0])),
        "city": texts,
    }
    state.update(Block(1, columns))
    row = state.rows[1]
    assert row == {"name": keyed("Ann", b"k"), "age": keyed("39", b"k"), "city": "Ann"}


def test_a_block_read_back_tells_null_from_absent_and_numbers_from_text() -> None:
    state = SampleSpec().empty()
    values = np.array([1, 2.5, "x" * 500, None, True, 10**400], dtype=object)
    absent = np.array([False, False, False, False, False, False])
    mixed = Column(Kind.MIXED, values, np.array([True, True, True, False, True, True]), (), absent)
    numbers = Column(
        Kind.FLOAT,
        np.array([1.0, np.nan, np.inf, 4.0, 5.0, 6.0]),
        np.array([True, True, True, False, False, True]),
        (),
        np.array([False, False, False, True, False, False]),
    )
    state.update(Block(6, {ID_HASH: Column(Kind.INTEGER, np.arange(6)), "mixed": mixed, "numbers": numbers}))
    block = state.spec.from_bytes(state.to_bytes()).block()
    read = block.columns["mixed"]
    assert read.kind == Kind.MIXED
    assert [type(value) for value in read.values] == [int, float, str, type(None), bool, float]
    assert len(read.values[2]) == 64
    back = block.columns["numbers"]
    assert back.kind == Kind.FLOAT
    assert back.valid is not None
    assert back.valid.tolist() == [True, True, True, False, False, True]
    assert back.absent is not None
    assert back.absent.tolist() == [False, False, False, True, False, False]
    assert np.isnan(back.values[1])
    assert np.isinf(back.values[2])


def test_columns_beyond_the_cap_are_refused_by_name_in_any_order() -> None:
    def state_of(names: Sequence[str]) -> SampleState:
        state = SampleSpec(max_columns=2, declared=("z",)).empty()
        for at, name in enumerate(names):
            ids = Column(Kind.INTEGER, np.array([at]))
            state.update(Block(1, {ID_HASH: ids, name: Column(Kind.INTEGER, np.array([at]))}))
        return state

    forth, back = state_of(["d", "c", "b", "z", "a"]), state_of(["a", "z", "b", "c", "d"])
    assert forth.columns == back.columns == ["a", "b", "z"]
    assert forth.refused == back.refused == ["c", "d"]


def test_a_sample_of_rows_without_ids_is_empty() -> None:
    state = SampleSpec().empty()
    state.update(Block(2, {"a": Column(Kind.INTEGER, np.array([1, 2]))}))
    state.update(Block(2, {ID_HASH: Column(Kind.FLOAT, np.array([1.0, 2.0])), "a": Column(Kind.INTEGER, np.arange(2))}))
    assert (state.n, state.block().n) == (0, 0)


def test_the_bytes_are_lines_of_json_that_anybody_can_read() -> None:
    state = SampleSpec().empty()
    texts = Column(Kind.STRING, np.array([0], dtype=np.int32), None, ("of two\nlines",))
    state.update(Block(1, {ID_HASH: Column(Kind.INTEGER, np.array([7])), "a": texts}))
    body = state.to_bytes()[4 + 16 + 4 :]
    head, *rows = map(json.loads, bytes(cramjam.zstd.decompress(body)).splitlines())
    assert (head, rows) == ({"seen": ["a"], "hashes": [7]}, [["of two\nlines"]])


def test_a_sample_of_cut_or_misshapen_rows_is_refused() -> None:
    spec = SampleSpec()

    def read(body: bytes, size: int | None = None) -> SampleState:
        totals = struct.pack("<qq", 0, len(body) if size is None else size)
        return spec.from_bytes(pack(totals, bytes(cramjam.zstd.compress(body))))

    whole = b'{"seen":["a"],"hashes":[7]}\n[1]'
    assert read(whole).rows == {7: {"a": 1}}
    for damaged in (whole[:-5], b'{"seen":["a"],"hashes":[7]}', b'{"seen":["a"]}\n[1]', b'{"seen":'):
        with pytest.raises(CorruptState, match=r"cannot read sample.*expected"):
            read(damaged)
    for size in (-1, 0, len(whole) - 1, len(whole) + 1, 2**40, 2**62):
        with pytest.raises(CorruptState, match=r"cannot read sample.*expected"):
            read(whole, size)
    with pytest.raises(CorruptState, match=r"cannot read sample.*expected"):
        spec.from_bytes(pack(struct.pack("<qq", 0, 31), bytes(cramjam.zstd.compress(whole))[:-3]))
    for row in (b"[1,2]", b"[1", b"{}", b"[1],[2]"):
        with pytest.raises(CorruptState, match="expected rows of 1 cells"):
            read(b'{"seen":["a"],"hashes":[7]}\n' + row).block()
