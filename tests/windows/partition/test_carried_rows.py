# SPDX-License-Identifier: Apache-2.0
"""What else was sent of an event reaches the states that look at it, and with its label those of joined rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.ledger import events_of, joined_of, ledgers
from tests.windows.traffic import SECOND, counted, definition, encoded, labels, run, store_of, windows
from windows.definition import Catalog
from windows.events import BlockArrived, LabelsArrived, TimeAdvanced
from windows.partition.store import PartitionStore

FACETS = {"bias": {"facets": [{"name": "sex"}, {"name": "age", "above": 40}], "group": "job"}}


def strings(*values):
    names = tuple(sorted({v for v in values if v is not None}))
    codes = np.array([names.index(v) if v is not None else 0 for v in values], np.int32)
    return Column(Kind.STRING, codes, np.array([v is not None for v in values]), names)


def floats(*values):
    numbers = np.array([np.nan if v is None else v for v in values])
    return Column(Kind.FLOAT, numbers, ~np.isnan(numbers))


def sent(numbers, seconds, columns, extra=None, **named):
    at_ms = np.broadcast_to(np.asarray(seconds) * SECOND, len(numbers)).astype(np.int64)
    n = len(numbers)
    return BlockArrived(
        named.get("model", "m"),
        named.get("version", "1"),
        encoded(numbers),
        at_ms,
        Block(n, columns),
        Block(n, extra or {}),
    )


def values(numbers, truths, seconds, version=None):
    at_ms = np.full(len(numbers), seconds * SECOND, np.int64)
    return LabelsArrived("m", version, encoded(numbers), at_ms, Column(Kind.FLOAT, np.array(truths, float)))


def row(**cells):
    return tuple(sorted((name.replace("__", "."), value) for name, value in cells.items()))


@pytest.fixture(autouse=True)
def written_down():
    with ledgers(of_events=True, of_labels=True):
        yield


def people(numbers, seconds):
    columns = {
        "sex": strings("f", "m", None),
        "age": floats(40, 41, None),
        "prediction.label": strings("1", "0", "1"),
        "prediction.score": floats(0.75, 0.25, None),
    }
    return sent(numbers, seconds, columns, {"tags.job": strings("a", None, "b")})


def test_a_joined_row_holds_its_facets_and_group_beside_prediction_and_label():
    store = store_of(definition(monitors=FACETS))
    run(store, people([1, 2, 3], 100), labels([1, 2, 3], "100", 100))
    young, old = "(-Infinity, 40]", "(40, Infinity)"
    first = row(sex="f", age=young, job="a", prediction__label="1", prediction__score=0.75, label="1")
    others = [
        row(sex="m", age=old, prediction__label="0", prediction__score=0.25, label="0"),
        row(job="b", prediction__label="1", label="0"),
    ]
    assert joined_of(windows(store)[100]) == Counter([first, *others])
    run(store, labels([1], ["0"], 101))
    corrected = tuple((name, "0" if name == "label" else value) for name, value in first)
    assert joined_of(windows(store)[100]) == Counter([corrected, *others])


def test_states_of_events_see_tags_attributions_embeddings_and_a_hash_of_the_id_that_stays():
    extra = {
        "tags.region": strings("eu", "us"),
        "attributions.age": floats(0.5, -0.5),
        "embeddings.text": Column(Kind.VECTOR, np.array([[1, 0], [0, 1]], np.float32)),
    }
    hashes = []
    for numbers in ([1, 2], [2, 1]):
        store = store_of()
        run(store, sent(numbers, [100, 111], {"x": floats(1, 2)}, extra))
        (first,) = events_of(windows(store)[100])
        cells = dict(first)
        hashes.append(cells.pop("inference_id.hash"))
        assert cells.pop("event_time.ms") == 100_000
        assert cells == {"x": 1.0, "tags.region": "eu", "attributions.age": 0.5, "embeddings.text": (1.0, 0.0)}
        (second,) = events_of(windows(store)[110])
        hashes.append(dict(second)["inference_id.hash"])
    assert hashes[0] == hashes[3] != hashes[1] == hashes[2]
    assert min(hashes) >= 0


def test_only_the_first_event_of_an_id_is_seen():
    store = store_of()
    run(store, sent([1, 1], 100, {"x": floats(1, 2)}, {"tags.region": strings("eu", "us")}))
    assert [dict(seen)["tags.region"] for seen in events_of(windows(store)[100])] == ["eu"]


REGRESSION = {"problem_type": "Regression"}


def predicted(numbers, seconds, outputs):
    return sent(numbers, seconds, {"prediction.value": floats(*outputs)})


def test_numbers_are_labels_of_a_regression_and_corrections_take_the_old_number_away():
    store = store_of(definition(**REGRESSION))
    run(store, values([3], [7.0], 99), predicted([1, 2, 3], 100, [1.0, None, 3.0]), values([1, 2], [1.5, 2.5], 100))
    expected = [row(label=2.5), row(prediction__value=3.0, label=7.0)]
    assert joined_of(windows(store)[100]) == Counter([row(prediction__value=1.0, label=1.5), *expected])
    run(store, values([1], [-4.0], 101))
    assert joined_of(windows(store)[100]) == Counter([row(prediction__value=1.0, label=-4.0), *expected])
    assert windows(store)[100].counts.labelled == 3


def test_an_equal_number_changes_nothing():
    store = store_of(definition(**REGRESSION))
    run(store, predicted([1], 100, [1.0]), values([1], [1.5], 100))
    store.cut()
    run(store, values([1], [1.5], 100))
    assert {key[:2] for key, _ in store.cut().records} <= {b"l|", b"cu"}


def test_a_class_that_spells_a_number_labels_a_regression_and_another_does_not():
    store = store_of(definition(**REGRESSION))
    run(store, predicted([1, 2], 100, [1.0, 2.0]), labels([1, 2], ["2.5", "none"], 100))
    assert joined_of(windows(store)[100]) == Counter([row(prediction__value=1.0, label=2.5)])


@pytest.mark.parametrize("unusable", [1e46, -1e46, np.inf])
def test_a_number_beyond_the_range_of_exact_sums_is_no_label(unusable):
    store = store_of(definition(**REGRESSION))
    run(store, predicted([1], 100, [1.0]), values([1], [2.0], 100), values([1], [unusable], 100))
    assert joined_of(windows(store)[100]) == Counter([row(prediction__value=1.0, label=2.0)])


def test_scores_of_every_class_named_in_the_definition_are_carried():
    store = store_of(definition(problem_type="MulticlassClassification", classes=("a", "b")))
    columns = {f"prediction.scores.{name}": floats(score) for name, score in (("a", 0.25), ("b", 0.5), ("c", 0.25))}
    run(store, sent([1], 100, {"prediction.label": strings("b"), **columns}), labels([1], ["a"], 100))
    scores = {"prediction.scores.a": 0.25, "prediction.scores.b": 0.5}
    assert joined_of(windows(store)[100]) == Counter([row(label="a", prediction__label="b", **scores)])


def changed(**both):
    """A definition without facets, and one with them from second 110 on."""
    return definition(**both), definition(effective_from_ms=110 * SECOND, monitors=FACETS, **both)


def facts(store):
    return {start: (joined_of(w), w.counts.labelled, w.counts.duplicates) for start, w in windows(store).items()}


def test_labels_find_the_rows_of_every_layout_and_repeated_ids_are_found_among_them():
    store = store_of(*changed())
    run(store, people([1, 2, 3], [100, 105, 112]), labels([1, 3], "11", 100))
    assert [joined_of(windows(store)[start]).total() for start in (100, 110)] == [1, 1]
    assert [len(dict(*joined_of(windows(store)[start]))) for start in (100, 110)] == [3, 3]
    effects = run(store, people([3, 4, 1], [100, 112, 112]), labels([2], ["0"], 100))
    assert counted(effects) == {"duplicate": 2}
    assert [windows(store)[start].counts.rows for start in (100, 110)] == [2, 2]
    assert store.pending == 4


@pytest.mark.parametrize("order", [(112, 101), (101, 112)])
def test_of_an_id_repeated_in_one_block_across_layouts_the_first_event_counts(order):
    store = store_of(*changed())
    block = people([1, 2, 1], [order[0], 105, order[1]])
    assert counted(run(store, block)) == {"duplicate": 1}
    first = order[0] // 10 * 10
    assert windows(store)[first].counts.duplicates == 1
    assert windows(store)[first].counts.rows == 1 + (first == 100)


def test_rows_of_every_layout_come_back_from_the_changelog_without_their_definition():
    store, log = store_of(*changed()), {}
    run(store, people([1, 2, 3], [100, 105, 112]), labels([1, 50], "11", 100))
    log.update(store.cut().records)
    run(store, people([4, 5, 6], [101, 113, 114]), labels([3], ["0"], 100))
    log.update(store.cut().records)
    twin = PartitionStore.restore(log.items(), 0, 1, Catalog((definition(monitors={}),)), np.random.default_rng(9))
    assert (facts(twin), twin.pending, twin.cut().records) == (facts(store), store.pending, [])
    for happened in (labels([1, 2, 3, 4, 5, 6], "010101", 101), people([50, 1, 3], 114), TimeAdvanced("events", 1)):
        assert counted(run(store, happened)) == counted(run(twin, happened))
        assert facts(twin) == facts(store)


def test_the_oldest_rows_go_first_whatever_their_layout():
    store = store_of(*changed(limits={"pending_rows": 3}))
    run(store, people([3, 4, 5], 112))
    assert counted(run(store, people([1, 2, 6], [100, 101, 113]))) == {"pending_dropped": 3}
    run(store, labels([1, 2, 3, 4, 5, 6], "111111", 113))
    assert {start: w.counts.labelled for start, w in windows(store).items()} == {100: 0, 110: 3}


def test_values_of_a_facet_take_no_room_from_class_names_nor_from_those_the_definition_names():
    bias = {"facets": [{"name": "sex", "values": ["f"]}]}
    store = store_of(definition(monitors={"bias": bias}))
    names = [f"s{i}" for i in range(2_000)]
    columns = {"sex": strings(*names), "prediction.label": strings(*["1"] * 2_000)}
    run(store, sent(range(2_000), 100, columns), labels([1_999], ["late"], 100))
    run(
        store,
        sent([5_000], 100, {"sex": strings("f"), "prediction.label": strings("later")}),
        labels([5_000], "1", 100),
    )
    expected = [
        row(sex="(other)", prediction__label="1", label="late"),
        row(sex="f", prediction__label="later", label="1"),
    ]
    assert joined_of(windows(store)[100]) == Counter(expected)


def test_carried_values_beyond_the_bound_are_a_pool_with_a_name():
    store = store_of(definition(segments=("city",)))
    numbers = list(range(1_200))
    cities = strings(*(f"c{number:04d}" for number in numbers))
    run(store, sent(numbers, 100, {"city": cities}), labels(numbers, "1" * len(numbers), 100))
    counts = Counter(dict(joined)["city"] for joined in joined_of(windows(store)[100]).elements())
    assert (len(counts), counts["c0000"], counts["(other)"], "" in counts) == (1_000, 1, 201, False)
    (quality,) = (part for name, part in windows(store)[100].of_labels.items() if name == "segment-quality/city")
    assert (quality.overflow, "(other)" in quality.segments, quality.refused[-1]) == (1_180, False, "(other)")
