# SPDX-License-Identifier: Apache-2.0
"""Partials of several partitions become one window when all are in, or were waited for long enough."""

from __future__ import annotations

import pytest

from stream.agents.judgements import Judgement
from tests.windows.build import baseline_of
from tests.windows.traffic import SECOND, definition, events, labels, run, store_of
from windows.definition import Catalog
from windows.evaluate import evaluate
from windows.events import Publish
from windows.gather import Gather

IDLE_MS = 15 * SECOND


def partials(*happened, cut=False, using=None):
    store = using or store_of()
    effects = run(store, *happened)
    effects += store.cut().effects if cut else []
    return [effect.partial for effect in effects if isinstance(effect, Publish)]


def gather(partitions=2):
    return Gather(partitions, Catalog((definition(),)))


def give(gathered, source, given, now_ms=0, partitions=2):
    for partial in given:
        gathered.arrived(partial, source, partitions, now_ms)


def test_a_window_is_due_once_every_partition_closed_it():
    gathered = gather()
    give(gathered, 0, partials(events([1, 2, 3], [100, 101, 113])))
    assert gathered.due(0) == []
    give(gathered, 1, partials(events([4, 5], [102, 113])))
    (profile,) = gathered.due(0)
    assert (profile.window_start_ms, profile.rows, profile.profile.n) == (100 * SECOND, 3, 3)
    assert profile.profile.features["x"].moments.sum == 7.0
    assert (profile.partitions_closed, profile.partitions, profile.revision) == (2, 2, 2)
    assert (profile.features_closed, profile.labels_closed) == (True, False)
    assert gathered.due(0) == []


def test_a_partition_that_never_saw_the_model_is_waited_for_until_the_idle_timeout():
    gathered = gather()
    give(gathered, 0, partials(events([1, 3], [100, 113])), now_ms=1_000)
    assert gathered.due(1_000 + IDLE_MS - 1) == []
    (profile,) = gathered.due(1_000 + IDLE_MS)
    assert (profile.partitions_closed, profile.rows) == (1, 1)
    give(gathered, 1, partials(events([4, 5], [102, 113])), now_ms=2_000 + IDLE_MS)
    (profile,) = gathered.due(2_000 + IDLE_MS)
    assert (profile.partitions_closed, profile.rows, profile.revision) == (2, 2, 2)


def test_a_revision_is_due_again_and_replaces_what_was_there():
    gathered, store = gather(1), store_of()
    give(gathered, 0, partials(events([1, 3], [100, 113]), using=store), partitions=1)
    assert gathered.due(0)[0].rows == 1
    give(gathered, 0, partials(events([2], 101), cut=True, using=store), partitions=1)
    (profile,) = gathered.due(0)
    assert (profile.rows, profile.late, profile.revision, profile.profile.features["x"].rows) == (2, 1, 2, 2)


def test_labels_are_judged_when_their_side_is_closed():
    gathered, store = gather(1), store_of()
    give(gathered, 0, partials(events([1, 3], [100, 140]), using=store), partitions=1)
    assert [p.labels_closed for p in gathered.due(0)] == [False] * 3
    give(gathered, 0, partials(labels([1, 9], "11", [120, 131]), using=store), partitions=1)
    (profile,) = gathered.due(0)
    assert (profile.labels_closed, profile.labelled, profile.quality.cells) == (True, 1, (1, 0, 0, 0))


def test_a_preview_counts_the_labels_it_is_made_of():
    gathered, whole, part = gather(2), store_of(), store_of()
    give(gathered, 0, partials(labels([1], "1", 100), events([1, 3], [100, 113]), using=whole))
    give(gathered, 1, partials(labels([4], "1", 100), events([4, 5, 6], [102, 103, 113]), using=part))
    (profile,) = gathered.due(0)
    assert (profile.rows, profile.labelled, profile.quality.n) == (3, 2, 1)
    assert [r.monitor for r in evaluate(profile, None)] == ["data_quality", "data_drift"]
    give(gathered, 1, partials(labels([5], "1", 104), cut=True, using=part))
    (profile,) = gathered.due(0)
    assert (profile.rows, profile.labelled, profile.quality.n) == (3, 3, 3)
    preview = evaluate(profile, None)[-1]
    assert (preview.monitor, preview.final, preview.labelled) == ("model_quality", False, 3)
    assert preview.statistics["dataset"]["item_count"] == 3


def test_half_a_revision_is_never_judged():
    gathered = gather(1)
    given = partials(events([1, 3], [100, 113]))
    for partial in given[:-1]:
        gathered.arrived(partial, 0, 1, 0)
        assert gathered.due(0) == []
    gathered.arrived(given[-1], 0, 1, 0)
    assert len(gathered.due(0)) == 1


def test_a_window_that_ends_with_its_tombstones_is_judged_before_it_is_forgotten():
    gathered = gather(1)
    store = store_of(definition(problem_type=None))
    give(gathered, 0, partials(events([1, 2], [100, 400]), using=store), partitions=1)
    first = gathered.due(0)[0]
    assert (first.window_start_ms, first.rows, sorted(first.profile.features)) == (
        100 * SECOND,
        1,
        ["prediction.label", "prediction.score", "x"],
    )
    held = len(gathered)
    give(gathered, 0, partials(events([3], 800), using=store), partitions=1)
    gathered.due(0)
    assert len(gathered) <= held


def test_what_a_partition_told_and_retired_waits_for_the_partitions_behind_it():
    gathered, ahead = gather(2), store_of(definition(problem_type=None))
    give(gathered, 0, partials(events([1, 2, 3], [100, 113, 400]), using=ahead))
    assert gathered.due(0) == []
    give(gathered, 1, partials(events([4, 5], [102, 113])))
    assert [(p.window_start_ms, p.rows) for p in gathered.due(0)] == [(100 * SECOND, 2)]


@pytest.mark.parametrize(("revision", "news"), [(0, True), (1, False), (2, False)])
def test_what_a_former_owner_told_is_told_again_only_if_there_is_more(revision, news):
    gathered = gather(1)
    gathered.reported("m", "1", 100 * SECOND, Judgement(revision, features_closed=True))
    give(gathered, 0, partials(events([1, 3], [100, 113])), partitions=1)
    assert len(gathered.due(0)) == news


def test_tombstones_of_unknown_windows_leave_nothing_behind():
    gathered = gather(1)
    store = store_of(definition(problem_type=None))
    given = partials(events([1], 100), events([2], 160), using=store)
    give(gathered, 0, [p for p in given if p.payload is None], partitions=1)
    assert len(gathered) == 0


def test_a_window_whose_definition_was_taken_back_is_forgotten_with_its_tombstones():
    catalog, store = Catalog((definition(problem_type=None),)), store_of(definition(problem_type=None))
    gathered = Gather(1, catalog)
    give(gathered, 0, partials(events([1, 2], [100, 113]), using=store), partitions=1)
    catalog.remove("m", "1", "0")
    give(gathered, 0, partials(events([3], 400), using=store), partitions=1)
    gathered.due(0)
    assert ("m", "1", 100 * SECOND) not in gathered


@pytest.mark.parametrize(
    "columns", [{"categorical": ["x"]}, {"hash": ["x"]}, {"drop": ["x"]}, {"max_categories": 50}, {"declared": ["x"]}]
)
def test_a_definition_replaced_in_place_takes_no_column_from_windows_before_it(columns):
    gathered = Gather(1, Catalog((definition(columns=columns),)))
    give(gathered, 0, partials(events([1, 2, 3], [100, 101, 113])), partitions=1)
    (profile,) = gathered.due(0)
    assert (profile.rows, profile.profile.features["x"].rows, profile.unmerged) == (2, 2, ())
    assert profile.profile.features["x"].moments.sum == 3.0


@pytest.mark.parametrize(
    "used", [({"max_categories": 77}, {"max_categories": 77}), ({}, {"categorical": ["x"]}), ({"hash": ["x"]}, {})]
)
def test_states_that_cannot_be_merged_are_named_and_judged_by_nobody(used):
    gathered = gather(2)
    for source, columns in enumerate(used):
        given = partials(events([1, 2, 3], [100, 101, 113]), using=store_of(definition(columns=columns)))
        give(gathered, source, given)
    (profile,) = gathered.due(0)
    assert "feature/x" in profile.unmerged
    assert "x" not in profile.profile.features
    reports = evaluate(profile, baseline_of(events(range(500), 0).block))
    assert [(r.monitor, r.status) for r in reports] == [
        ("data_quality", "InsufficientData"),
        ("data_drift", "InsufficientData"),
    ]
    assert all("feature/x" in r.verdicts[0].reason for r in reports)


def test_quality_of_another_positive_class_is_judged_by_nobody():
    gathered, store = Gather(1, Catalog((definition(positive_class="yes"),))), store_of()
    given = partials(events([1, 3], [100, 140]), labels([1, 9], "11", [120, 131]), using=store)
    give(gathered, 0, given, partitions=1)
    profile = gathered.due(0)[0]
    assert (profile.labelled, profile.quality.cells, profile.unmerged) == (1, (0, 0, 0, 0), ("quality",))
    reports = {r.monitor: r for r in evaluate(profile, None)}
    assert "replaced" in reports["model_quality"].verdicts[0].reason
    assert "replaced" not in reports["data_drift"].verdicts[0].reason
