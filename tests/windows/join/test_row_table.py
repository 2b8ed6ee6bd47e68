# SPDX-License-Identifier: Apache-2.0
"""Pending rows are a dict from id to row, in whatever order they come, die, are written and are read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sketches.errors import CorruptState
from tests.windows.traffic import encoded
from windows.join.carried import Carried, Layout
from windows.join.ids import IdHash
from windows.join.row_records import RowRecords
from windows.join.row_table import DEAD, RowTable
from windows.join.truths import NONE, Truths

numbers = st.lists(st.integers(0, 60), min_size=1, max_size=12)
CHUNK = 4
BINARY = Layout((Carried("prediction.label"),), ("prediction.score",))
WIDE = Layout((Carried("prediction.label"), Carried("sex"), Carried("age", 40.0)), ("a", "b"), numeric=True)


def truths(n, label):
    return Truths(np.full(n, label, np.int16), np.full(n, label / 8))


class TableMachine(RuleBasedStateMachine):
    """A table of tiny chunks against a dict from id to (time, codes, numbers, label), oldest first."""

    @initialize(seed=st.integers(0, 9), layout=st.sampled_from([BINARY, WIDE, Layout()]))
    def start(self, seed, layout):
        self.layout, self.rng = layout, np.random.default_rng(seed)
        self.log, self.expected, self.time = [], {}, 0
        self.begin()

    def begin(self):
        self.table = RowTable(4, IdHash(self.rng), self.layout)
        self.table.chunk_rows = CHUNK
        self.records = RowRecords(self.table, "t")

    def find(self, ids):
        return self.table.find(encoded(ids), self.table.hashes(encoded(ids)))

    @rule(ids=numbers, label=st.one_of(st.none(), st.integers(0, 5)), later=st.integers(0, 2))
    def add(self, ids, label, later):
        self.time += later
        rows, n = encoded(ids), len(ids)
        codes = np.arange(n * len(self.layout.codes), dtype=np.int16).reshape(n, -1)
        numbers = np.arange(n * len(self.layout.numbers)).reshape(n, -1) / 7
        given = None if label is None else truths(n, label)
        at_ms = np.full(n, self.time, np.int64)
        held = self.table.add(rows, self.table.hashes(rows), at_ms, codes=codes, numbers=numbers, labels=given)
        for i, number in enumerate(ids):
            assert (held[i] >= 0) == (number in self.expected)
            values = self.time, tuple(codes[i]), tuple(numbers[i]), NONE if label is None else label
            self.expected.setdefault(number, values)

    @rule(ids=numbers, label=st.integers(0, 5))
    def set_label(self, ids, label):
        rows = self.find(ids)
        self.table.set_labels(rows[rows >= 0], truths((rows >= 0).sum(), label))
        for number in set(ids) & set(self.expected):
            self.expected[number] = (*self.expected[number][:-1], label)

    @rule(ids=numbers)
    def kill(self, ids):
        rows = self.find(sorted(set(ids)))
        self.table.kill(rows[rows >= 0])
        for number in ids:
            self.expected.pop(number, None)

    @rule(back=st.integers(0, 6))
    def kill_window(self, back):
        self.table.kill_window(self.time - back)
        self.expected = {k: v for k, v in self.expected.items() if v[0] != self.time - back}

    @rule(back=st.integers(0, 6))
    def kill_before(self, back):
        self.table.kill_before(self.time - back)
        self.expected = {k: v for k, v in self.expected.items() if v[0] >= self.time - back}

    @rule(limit=st.integers(0, 40))
    def kill_oldest(self, limit):
        self.table.kill_oldest(limit)
        self.expected = dict(list(self.expected.items())[max(len(self.expected) - limit, 0) :])

    @rule()
    def settle(self):
        self.table.settle()

    @rule(keep=st.booleans())
    def cut_and_restore(self, keep):
        self.log += self.records.cut()
        if keep:
            return
        held = dict(self.log)
        parts = {kind: {} for kind in ("r", "l")}
        for key, value in held.items():
            kind, _, chunk = key.decode().split("|")
            if value is not None:
                parts[kind][int(chunk)] = value
        self.begin()
        self.records.restore(parts["r"], parts["l"])

    @invariant()
    def table_equals_the_dict(self):
        if not hasattr(self, "table"):
            return
        table = self.table
        alive = np.flatnonzero(table.at_ms[: table.n] != DEAD)
        assert table.live == len(alive)
        assert [table.ids[row].tobytes() for row in alive] == [f"{k:04d}".encode() for k in self.expected]
        carried = zip(map(tuple, table.codes[alive]), map(tuple, table.numbers[alive]), strict=True)
        values = zip(table.at_ms[alive], carried, table.label[alive], strict=True)
        assert [(at, *both, label) for at, both, label in values] == list(self.expected.values())
        if self.layout.numeric:
            labels = [label / 8 if label >= 0 else np.nan for *_, label in self.expected.values()]
            np.testing.assert_array_equal(table.labels(alive).value, labels)
        assert self.find(list(self.expected)).tolist() == alive.tolist()
        missing = sorted(set(range(61)) - set(self.expected))
        assert (self.find(missing) == NONE).all()


TestTableMachine = TableMachine.TestCase
TestTableMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def filled(n, length=36):
    rng = np.random.default_rng(3)
    table = RowTable(length, IdHash(rng), BINARY)
    ids = rng.integers(0, 256, (n, length), dtype=np.uint8)
    table.add(ids, table.hashes(ids), np.arange(n) // 1_000, codes=1, numbers=0.5)
    return table, ids


def test_memory_of_dead_rows_is_given_back():
    table, _ = filled(20_000)
    table.kill_before(15)
    table.settle()
    assert (table.n, table.live) == (5_000 + 15_000 % table.chunk_rows, 5_000)


def test_rows_that_outlive_their_neighbours_do_not_hold_the_table():
    table, ids = filled(20_000)
    table.kill(np.delete(np.arange(20_000), [0, 10_000]))
    table.settle()
    assert table.n == 2
    assert table.find(ids[[0, 10_000]], table.hashes(ids[[0, 10_000]])).tolist() == [0, 1]


def test_only_changed_chunks_are_written_again():
    table, ids = filled(20_000)
    records = RowRecords(table, "t")
    assert len(records.cut()) == -(-20_000 // table.chunk_rows)
    assert records.cut() == []
    table.set_labels(np.array([5]), truths(1, 1))
    assert [key for key, _ in records.cut()] == [b"l|t|0"]
    table.add(ids[:1] + 1, table.hashes(ids[:1] + 1), np.array([9]))
    assert [key for key, _ in records.cut()] == [f"r|t|{20_000 // table.chunk_rows}".encode()]


def test_a_record_of_rows_fits_a_message():
    for length in (1, 16, 36, 256):
        table, _ = filled(5_000, length)
        assert max(len(value) for _, value in RowRecords(table, "t").cut()) <= 66_000


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:40] + b"x" + data[41:]])
def test_a_damaged_record_of_rows_is_refused(damage):
    table, _ = filled(10)
    (_, value), *_ = RowRecords(table, "t").cut()
    with pytest.raises(CorruptState):
        RowRecords(RowTable(36, IdHash(np.random.default_rng(1)), BINARY), "t").restore({0: damage(value)}, {})


def test_a_record_of_other_ids_is_refused():
    table, _ = filled(10, length=36)
    (_, value), *_ = RowRecords(table, "t").cut()
    with pytest.raises(CorruptState, match="expected a column of"):
        RowRecords(RowTable(16, IdHash(np.random.default_rng(1)), BINARY), "t").restore({0: value}, {})


def test_a_record_of_another_layout_is_refused():
    table, _ = filled(10)
    (_, value), *_ = RowRecords(table, "t").cut()
    with pytest.raises(CorruptState, match="expected layout"):
        RowRecords(RowTable(36, IdHash(np.random.default_rng(1)), WIDE), "t").restore({0: value}, {})
