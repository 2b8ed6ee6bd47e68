# SPDX-License-Identifier: Apache-2.0
"""The rules of time and of the join, one by one; all of them together are `tests/stream/test_monitor_machine.py`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind
from tests.oracles import Reference, facts_of
from tests.windows.traffic import SECOND, counted, definition, events, labels, published, run, store_of, windows
from windows.events import BlockArrived, RowsRejected, TimeAdvanced, WatermarkArrived

rows = st.lists(st.tuples(st.integers(0, 30), st.integers(100, 190)), min_size=1, max_size=60)
FEATURES = ["feature/prediction.label", "feature/prediction.score", "feature/x"]
cuts = st.lists(st.integers(1, 59), max_size=6)


@example(rows=[(0, 140), (5, 141)], cuts=[])
@example(rows=[(0, 140), (0, 141)], cuts=[])
@given(rows=rows, cuts=cuts)
def test_where_blocks_are_cut_changes_nothing(rows, cuts):
    store, facts = store_of(), []
    ids, seconds = zip(*rows, strict=True)
    bounds = [0, *sorted({c for c in cuts if c < len(rows)}), len(rows)]
    effects = run(store, labels([5, 6, 7], ["1", "0", "1"], 100))
    for first, stop in pairwise(bounds):
        effects += run(store, events(ids[first:stop], seconds[first:stop]))
    reference = Reference([definition()])
    reference.run([labels([5, 6, 7], ["1", "0", "1"], 100), events(ids, seconds)])
    facts = {start * SECOND: facts_of(window) for start, window in windows(store).items()}
    assert facts == {start: window.facts() for (_, _, start), window in reference.windows.items()}
    assert counted(effects) == reference.counted


@given(rows=rows)
def test_rows_given_are_accepted_or_counted_as_refused(rows):
    store = store_of(definition(window={"retention": "20s"}, problem_type=None))
    ids, seconds = zip(*rows, strict=True)
    effects = run(store, events(ids, seconds))
    refused = counted(effects)
    accepted = len(rows) - refused.get("duplicate", 0) - refused.get("expired", 0)
    model = store.models["m"].versions["1"]
    gone = accepted - sum(window.counts.rows for window in model.windows.values())
    assert gone >= 0
    assert (gone == 0) or min(model.windows) > min(s // 10 * 10 * SECOND for s in seconds)


@given(times=st.lists(st.integers(0, 500), min_size=1, max_size=30))
def test_stream_time_never_goes_back(times):
    store, latest = store_of(), -1
    for i, seconds in enumerate(times):
        run(store, events([i], seconds))
        latest = max(latest, seconds * SECOND)
        assert store.models["m"].time.events_ms == latest


def test_a_window_closes_once_stream_time_has_passed_its_end_by_the_grace():
    store = store_of()
    assert published(run(store, events([1, 2], [100, 112]))) == []
    assert published(run(store, events([3], [113]))) == [
        (100, "feature/prediction.label"),
        (100, "feature/prediction.score"),
        (100, "feature/x"),
        (100, "rows"),
    ]
    assert published(run(store, events([4], [119]))) == []


def test_a_label_derived_from_a_score_is_monitored_like_one_that_was_sent():
    store = store_of()
    run(store, events([1, 2, 3], 100, scores=[0.9, 0.5, 0.2]))
    assert windows(store)[100].profile.features["prediction.label"].categories.counts() == {"1": 1, "0": 2}


def test_windows_without_rows_are_published_too():
    effects = run(store_of(), events([1, 2], [100, 145]))
    assert [start for start, part in published(effects) if part == "rows"] == [100, 110, 120, 130]


def test_a_late_row_makes_a_revision_and_is_counted():
    store = store_of()
    run(store, events([1, 2], [100, 125]))
    first = store.cut()
    assert counted(run(store, events([3], [101]))) == {"late": 1}
    revision = [effect.partial for effect in store.cut().effects]
    assert not first.effects
    assert {p.revision for p in revision} == {2}
    assert [p.part for p in revision] == [*FEATURES, "rows"]
    assert store.cut().effects == []


def test_a_row_beyond_retention_changes_nothing():
    store = store_of(definition(problem_type=None))
    run(store, events([1, 2], [100, 200]))
    before = {start: facts_of(window) for start, window in windows(store).items()}
    assert counted(run(store, events([3], [105]))) == {"expired": 1}
    assert {start: facts_of(window) for start, window in windows(store).items()} == before


def test_a_repeated_id_is_a_duplicate_and_the_first_event_stays():
    store = store_of()
    effects = run(store, events([1, 2, 1], [100, 101, 102], x=[10, 20, 30]), events([2], 103, x=[99]))
    assert counted(effects) == {"duplicate": 2}
    assert facts_of(windows(store)[100])["sum"] == 30.0
    assert windows(store)[100].counts.duplicates == 2


def test_an_id_whose_window_was_forgotten_is_new_again():
    store = store_of(definition(problem_type=None))
    assert counted(run(store, events([1, 2, 1], [100, 170, 171]))) == {}


@pytest.mark.parametrize("block", [1, 2, 5])
def test_labels_before_after_twice_and_corrected_count_once(block):
    store = store_of()
    told = [(1, "0"), (1, "1"), (2, "1"), (3, "0"), (2, "0")]
    early, late = told[:2], told[2:]
    for part in (early, late):
        for i in range(0, len(part), block):
            ids, classes = zip(*part[i : i + block], strict=True)
            run(store, labels(ids, classes, 100))
        run(store, events([1, 2, 3], 101))
    assert windows(store)[100].quality.cells == (1, 0, 2, 0)
    assert windows(store)[100].counts.labelled == 3


def test_an_equal_label_changes_nothing():
    store = store_of()
    run(store, events([1], 100), labels([1], ["1"], 100))
    store.cut()
    run(store, labels([1], ["1"], 100))
    assert not any(key.endswith(b"quality") for key, _ in store.cut().records)


def test_labels_close_only_when_both_sides_passed_the_horizon():
    store = store_of()
    run(store, events([1, 2], [100, 135]))
    assert not windows(store)[100].labels_closed
    assert published(run(store, labels([1], ["1"], 129))) == []
    assert published(run(store, labels([1], ["1"], 130))) == [(100, "quality"), (100, "rows")]
    assert windows(store)[100].labels_closed


def test_a_label_after_its_close_makes_a_revision():
    store = store_of()
    run(store, events([1, 2], [100, 135]), labels([9], ["1"], 131))
    store.cut()
    run(store, labels([1], ["1"], 132))
    assert published(store.cut().effects) == [(100, "quality"), (100, "rows")]


def test_every_row_labelled_gives_a_preview_before_the_horizon():
    store = store_of()
    run(store, events([1, 2], [100, 115]), labels([1], ["1"], 101))
    partials = [effect.partial for effect in store.cut().effects]
    assert [(p.part, p.labels_closed) for p in partials] == [("quality", False), ("rows", False)]


def test_a_window_is_taken_back_after_its_retention_rows_first():
    store = store_of(definition(problem_type=None))
    run(store, events([1], 100))
    store.cut()
    effects = [e.partial for e in run(store, events([2], 150))]
    gone = [p.part for p in effects if p.window_start_ms == 100 * SECOND and p.payload is None]
    assert gone == ["rows", *FEATURES]
    assert {key for key, value in store.cut().records if value is None} >= {
        b"w|m|1|100000|rows",
        b"w|m|1|100000|feature/x",
    }


def test_silence_moves_stream_time_only_after_the_idle_timeout():
    store = store_of()
    run(store, events([1], 100))
    assert published(run(store, TimeAdvanced("events", 14 * SECOND))) == []
    closed = published(run(store, TimeAdvanced("events", SECOND)))
    assert closed == [(100, part) for part in [*FEATURES, "rows"]]
    assert store.models["m"].time.events_ms == 115 * SECOND


def test_a_block_between_two_silences_begins_the_wait_anew():
    store = store_of()
    run(
        store,
        events([1], 100),
        TimeAdvanced("events", 14 * SECOND),
        events([2], 100),
        TimeAdvanced("events", 14 * SECOND),
    )
    assert store.models["m"].time.events_ms == 100 * SECOND


def test_silent_labels_have_caught_up_with_the_events():
    store = store_of()
    run(store, events([1, 2], [100, 140]), TimeAdvanced("labels", 15 * SECOND))
    assert windows(store)[100].labels_closed


def test_a_watermark_closes_what_it_passes():
    store = store_of()
    run(store, events([1], 100))
    assert published(run(store, WatermarkArrived("events", "m", 113 * SECOND)))[-2:] == [(100, "rows"), (0, "closed")]


def test_an_unknown_model_is_counted_and_kept_out_of_memory():
    store = store_of()
    effects = run(
        store, events([1], 100, model="other"), labels([1, 2], "01", 100, model="other"), RowsRejected("other", 3)
    )
    assert counted(effects) == {"unknown_model": 6}
    assert store.models == {}


def test_an_unknown_version_of_a_known_model_is_counted():
    assert counted(run(store_of(), events([1], 100, version="7"))) == {"unknown_model": 1}


def test_refused_rows_count_in_the_window_of_stream_time():
    store = store_of()
    run(store, RowsRejected("m", 2), events([1], 100), RowsRejected("m", 3))
    assert windows(store)[100].counts.rejected == 5


def test_one_models_traffic_does_not_make_anothers_late():
    store = store_of(definition(), definition(model="nightly"))
    effects = run(store, events([1], 500), events([2], 100, model="nightly"))
    assert counted(effects) == {}


def test_a_label_without_version_reaches_every_version_that_has_the_id_whenever_it_comes():
    store = store_of(definition(), definition(version="2"))
    run(store, events([1], 100), labels([1], ["1"], 100), events([1], 100, version="2"))
    run(store, labels([2], ["1"], 100), events([2], 101), events([2], 101, version="2"))
    for version in "12":
        assert windows(store, version)[100].counts.labelled == 2


def test_a_label_of_one_version_stays_with_it_and_leaves_the_shared_one_to_the_others():
    store = store_of(definition(), definition(version="2"))
    run(store, events([1], 100), labels([1], ["1"], 100), labels([1], ["0"], 100, version="1"))
    run(store, events([1], 100, version="2"))
    assert windows(store, "1")[100].quality.cells == (0, 0, 1, 0)
    assert windows(store, "2")[100].quality.cells == (1, 0, 0, 0)


def test_the_oldest_pending_rows_go_first_when_there_are_too_many():
    store = store_of(definition(limits={"pending_rows": 3}))
    assert counted(run(store, events([1, 2, 3, 4, 5], 100))) == {"pending_dropped": 2}
    run(store, labels([1, 2, 3], "111", 100))
    assert store.pending == 3
    assert windows(store)[100].counts.labelled == 1


def test_the_oldest_early_labels_go_first_when_there_are_too_many():
    store = store_of(definition(limits={"early_labels": 2}))
    assert counted(run(store, labels([1, 2, 3], "111", 100))) == {"early_dropped": 1}
    run(store, events([1, 2, 3], 100))
    assert windows(store)[100].counts.labelled == 2


def test_open_windows_are_bounded_and_the_oldest_makes_room():
    store = store_of(definition(limits={"open_windows": 3}, window={"retention": "90d", "label_horizon": "80d"}))
    effects = run(store, events(range(8), [100, 110, 120, 130, 140, 150, 160, 170]))
    assert sorted(windows(store)) == [150, 160, 170]
    assert counted(effects) == {"window_limit": 5}
    assert counted(run(store, events([99], 100))) == {"window_limit": 1}
    assert all(window.counts.rows == 1 for window in windows(store).values())


@pytest.mark.parametrize("order", [1, -1])
def test_rows_beyond_the_limit_of_windows_are_counted_wherever_they_lie_in_a_block(order):
    window = {"grace": "1h", "label_horizon": "2h", "retention": "3h"}
    store = store_of(definition(limits={"open_windows": 3}, window=window))
    effects = run(store, events(range(8), [100, 110, 120, 130, 140, 150, 160, 170][::order]))
    assert counted(effects) == {"window_limit": 5}
    assert sum(held.counts.rows for held in windows(store).values()) == store.pending == 3


def test_a_window_that_had_to_go_before_its_close_is_published_once():
    store = store_of(
        definition(limits={"open_windows": 2}, window={"grace": "1h", "label_horizon": "2h", "retention": "3h"})
    )
    effects = run(store, events([1, 2, 3], [100, 110, 120]), TimeAdvanced("events", 4_000 * SECOND))
    assert [start for start, part in published(effects) if part == "rows"].count(100) == 2  # its close, its tombstone
    assert 100 not in windows(store)


def test_a_year_without_traffic_is_passed_over():
    store = store_of(definition(problem_type=None))
    run(store, events([1, 2], [100, 100 + 365 * 86_400]))
    assert len(windows(store)) <= 6


def test_a_later_definition_holds_from_its_first_own_window():
    later = definition(effective_from_ms=105 * SECOND, window={"size": "20s"})
    store = store_of(definition(), later)
    run(store, events([1, 2, 3], [100, 119, 120]))
    assert {start: w.definition.window.size for start, w in windows(store).items()} == {
        100: 10 * SECOND,
        110: 10 * SECOND,
        120: 20 * SECOND,
    }


def test_a_missing_class_beside_a_score_follows_the_threshold():
    store = store_of(definition(probability_threshold=0.5))
    run(store, events([1, 2], 100, scores=[0.5, 0.51]), labels([1, 2], "11", 100))
    assert windows(store)[100].quality.cells == (1, 1, 0, 0)


def test_an_event_of_a_prediction_alone_is_a_row():
    block = Block(1, {"prediction.label": Column(Kind.STRING, np.array([0], np.int32), None, ("1",))})
    store = store_of()
    run(store, BlockArrived("m", "1", np.array([[65]], np.uint8), np.array([100_000], np.int64), block))
    assert windows(store)[100].counts.rows == 1


def test_an_empty_block_changes_nothing():
    store = store_of()
    assert run(store, events([], []), labels([], [], [])) == []
    assert store.pending == 0
