# SPDX-License-Identifier: Apache-2.0
"""Counts of an open window are merged as they come, and pass away with its close."""

from __future__ import annotations

import numpy as np

from sketches.binned import BinnedSpec
from sketches.block import Block, Column, Kind
from sketches.sliced import EVENT_TIME, SlicedSpec
from windows.definition import Catalog, ModelDefinition
from windows.events import Partial
from windows.looks import Looks
from windows.partition.looking import look_bytes

HOUR = 3_600_000
DEFINITION = ModelDefinition(model="m")


def counted(values, edge=0.0):
    spec = SlicedSpec(BinnedSpec(edges=(("x", (edge,)),)), HOUR)
    state = spec.empty()
    times = Column(Kind.INTEGER, np.zeros(len(values), np.int64))
    state.update(Block(len(values), {EVENT_TIME: times, "x": Column(Kind.FLOAT, np.array(values, float))}))
    return state


def early(values, edge=0.0, start_ms=0):
    state = counted(values, edge)
    return Partial("m", "1", start_ms, "early", look_bytes(state), state.spec.fingerprint, definition="0")


def rows(payload=b"{}", start_ms=0):
    return Partial("m", "1", start_ms, "rows", payload)


def looks_of(*arrivals):
    looks = Looks(Catalog((DEFINITION,)))
    for partial, source in arrivals:
        looks.arrived(partial, source)
    return looks


def counts_of(looks):
    return [(look.window_start_ms, look.counts.of("x")[0].tolist()) for look in looks.due()]


def test_the_newest_counts_of_each_partition_are_merged_once():
    looks = looks_of((early([-1, 1]), 0), (early([1]), 1), (early([-1, -1, 1]), 0))
    assert counts_of(looks) == [(0, [2, 2])]
    assert counts_of(looks) == []
    looks.arrived(early([1, 1]), 1)
    assert counts_of(looks) == [(0, [2, 3])]


def test_windows_come_oldest_first():
    looks = looks_of((early([1], start_ms=HOUR), 0), (early([-1]), 0))
    assert [start for start, _ in counts_of(looks)] == [0, HOUR]


def test_counts_by_other_edges_give_way_to_those_of_most_rows():
    looks = looks_of((early([-1, 1, 2]), 0), (early([1, 3], edge=2.0), 1), (early([9], edge=2.0), 2))
    (look,) = looks.due()
    assert look.counts.n == 3
    looks.arrived(early([1, 3, 3], edge=2.0), 1)
    (look,) = looks.due()
    assert (look.counts.n, dict(look.counts.spec.binned.edges)["x"]) == (4, (2.0,))


def test_nothing_is_looked_at_once_a_partition_closed_the_window():
    looks = looks_of((early([1]), 0), (rows(), 1), (early([1, 1]), 0))
    assert looks.due() == []
    assert ("m", "1", 0) not in looks


def test_a_window_that_every_partition_took_back_leaves_nothing():
    looks = looks_of((early([1]), 0), (rows(), 0), (rows(None), 0))
    assert looks.due() == []
    assert not looks._closing


def test_counts_that_are_taken_back_are_no_news():
    looks = looks_of((Partial("m", "1", 0, "early", None), 0))
    assert looks.due() == []


def test_a_model_that_has_no_definition_is_left_alone():
    looks = Looks(Catalog())
    looks.arrived(early([1]), 0)
    assert looks.due() == []
