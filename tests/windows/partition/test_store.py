# SPDX-License-Identifier: Apache-2.0
"""A store restored from its cuts equals the store, and refuses what is not its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind
from sketches.errors import CorruptState
from tests.oracles import facts_of
from tests.windows.traffic import SECOND, definition, encoded, events, labels, published, run, store_of, windows
from windows.definition import Catalog
from windows.errors import PartitionsChanged
from windows.events import BlockArrived, TimeAdvanced
from windows.join.carried import layout_of
from windows.partition.store import CUT, PartitionStore


def restored(records, *definitions, partition=0, partitions=1):
    catalog = Catalog(definitions or (definition(),))
    return PartitionStore.restore(records, partition, partitions, catalog, np.random.default_rng(9))


def filled():
    store = store_of()
    run(store, labels([1, 50], "11", 100), events([1, 2, 3], [100, 104, 125]), labels([2, 2], "10", 126))
    store.offsets = {"events": 3, "labels": 4}
    return store


def test_a_restored_store_has_nothing_to_write():
    records = filled().cut().records
    assert restored(records).cut().records == []


def test_a_restored_store_equals_the_store():
    store = filled()
    twin = restored(store.cut().records)
    assert twin.offsets == store.offsets
    for happened in (
        events([4], 101),
        labels([3, 50], "01", 130),
        events([50], 131),
        TimeAdvanced("events", 20 * SECOND),
    ):
        assert published(run(store, happened)) == published(run(twin, happened))
        assert {s: facts_of(w) for s, w in windows(store).items()} == {s: facts_of(w) for s, w in windows(twin).items()}
    assert [e.partial.part for e in store.cut().effects] == [e.partial.part for e in twin.cut().effects]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(100, 160)), min_size=1, max_size=40), st.randoms())
def test_the_order_of_keys_in_a_compacted_log_does_not_matter(rows, random):
    store, log = store_of(), {}
    for i, (number, seconds) in enumerate(rows):
        run(store, events([number], seconds), labels([number], "1", seconds))
        if i % 3 == 0:
            log.update(store.cut().records)
    log.update(store.cut().records)
    items = list(log.items())
    random.shuffle(items)
    twin = restored(items)
    assert {s: facts_of(w) for s, w in windows(store).items()} == {s: facts_of(w) for s, w in windows(twin).items()}
    assert (twin.pending, twin.cut().records) == (store.pending, [])


def test_only_what_changed_is_cut():
    store = filled()
    store.cut()
    run(store, labels([1], "0", 126))
    of_label = f"l|m|1|4|{layout_of(definition()).key}|0".encode()
    assert {key for key, _ in store.cut().records} == {b"w|m|1|100000|quality", b"w|m|1|100000|rows", of_label}


def test_late_labels_never_rewrite_sketches():
    store = filled()
    store.cut()
    run(store, labels([1, 2, 3], "000", 170))
    assert not any(b"feature/" in key for key, _ in store.cut().records)


def test_a_forgotten_window_leaves_no_records():
    store, log = store_of(definition(problem_type=None)), {}
    run(store, events([1, 2], [100, 104]))
    log.update(store.cut().records)
    run(store, events([3], 400))
    log.update(store.cut().records)
    held = {key for key, value in log.items() if value is not None}
    assert not any(b"|100000|" in key for key in held)
    assert len([key for key in held if key.startswith((b"r|", b"l|"))]) == 1


def test_an_evicted_feature_is_taken_back_everywhere():
    store = store_of(definition(columns={"max_features": 1}))

    def row(number, name):
        block = Block(1, {name: Column(Kind.FLOAT, np.ones(1))})
        return BlockArrived("m", "1", encoded([number]), np.array([100 * SECOND]), block)

    run(store, row(1, "z"), TimeAdvanced("events", 20 * SECOND))
    log = dict(store.cut().records)
    run(store, row(2, "a"))
    cut = store.cut()
    log.update(cut.records)
    parts = {effect.partial.part: effect.partial.payload is None for effect in cut.effects}
    assert parts == {"feature/z": True, "feature/a": False, "rows": False}
    assert windows(restored(log.items(), definition(columns={"max_features": 1})))[100].profile.features.keys() == {"a"}


def test_an_open_window_keeps_its_definition_when_another_takes_its_place():
    store = store_of(definition(columns={"max_features": 5}))
    run(store, events([1], 100))
    twin = restored(store.cut().records, definition(columns={"max_features": 7}))
    assert windows(twin)[100].definition.columns.max_features == 5
    run(twin, events([2, 3], [101, 111]))
    assert windows(twin)[110].definition.columns.max_features == 7


def test_a_window_is_restored_twice_whatever_the_order_of_its_definitions_tables():
    distances = {"data_drift": {"distances": {"psi": 0.2, "hellinger": 0.1}}}
    store, log = store_of(definition(monitors=distances)), {}
    run(store, events([9], 111))
    for number in range(3):
        run(store, events([number], 100 + number))
        log.update(store.cut().records)
        held = [(key, value) for key, value in log.items() if value is not None]
        store = restored(held, definition(monitors=distances))
    assert {start: window.counts.rows for start, window in windows(store).items()} == {100: 3, 110: 1}


def test_windows_of_a_version_without_definition_are_brought_to_their_end():
    store = store_of()
    run(store, events([1], 100))
    twin = restored(store.cut().records, definition(model="other"))
    assert windows(twin)[100].counts.rows == 1
    assert (100, "rows") in published(run(twin, TimeAdvanced("events", 30 * SECOND)))


@pytest.mark.parametrize(("partition", "partitions"), [(0, 2), (1, 2)])
def test_state_of_another_partition_count_is_refused(partition, partitions):
    with pytest.raises(PartitionsChanged, match="of partition 0 of 1"):
        restored(filled().cut().records, partition=partition, partitions=partitions)


def test_damage_is_refused_whatever_record_it_hits():
    records = filled().cut().records
    assert CUT in dict(records)
    for at, (key, value) in enumerate(records):
        damaged = [*records[:at], (key, value[:-9] + bytes([value[-9] ^ 1]) + value[-8:]), *records[at + 1 :]]
        with pytest.raises(CorruptState):
            restored(damaged)


@pytest.mark.parametrize("lost", [b"m|", b"d|", b"w|m|1|100000|rows"])
def test_records_that_do_not_belong_together_are_refused(lost):
    with pytest.raises(CorruptState, match="do not belong together"):
        restored([(key, value) for key, value in filled().cut().records if not key.startswith(lost)])


def test_an_empty_log_is_an_empty_store():
    store = restored([])
    assert (store.pending, store.offsets, store.models) == (0, {}, {})
