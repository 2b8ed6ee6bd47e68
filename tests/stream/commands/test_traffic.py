# SPDX-License-Identifier: Apache-2.0
"""A table of history becomes events in order of time, with each label when it became known."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.commands.tables import Roles, TableError
from stream.commands.traffic import traffic_of

ROLES = Roles(label="y", score="p", inference_id="id", event_time="at", label_time="known")


def _table(rows: list[tuple[str, int, int, float, int | None]]) -> pa.Table:
    names = ("id", "at", "known", "p", "y")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)} | {"x": range(len(rows))})


@given(
    st.lists(
        st.tuples(
            st.text("abcé", min_size=1, max_size=4),
            st.integers(0, 100),
            st.integers(0, 100),
            st.floats(0, 1),
            st.sampled_from([0, 1, None]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_row_keeps_its_id_time_inputs_and_label_whatever_their_order(
    rows: list[tuple[str, int, int, float, int | None]],
) -> None:
    traffic = traffic_of(_table(rows), ROLES, name="row")
    assert np.all(np.diff(traffic.event_time_ms) >= 0)
    assert np.all(np.diff(traffic.label_time_ms) >= 0)
    original = traffic.columns["x"].values
    for row, place in enumerate(original.tolist()):
        name, at, _, score, _ = rows[place]
        assert traffic.ids[row] == name.encode()
        assert traffic.event_time_ms[row] == at
        assert traffic.columns["prediction.score"].values[row] == score
    assert traffic.label is not None
    labelled = {}
    for value, row, known in zip(traffic.label.values, traffic.label_row, traffic.label_time_ms, strict=True):
        labelled[int(original[row])] = (traffic.label.categories[value], int(known))
    assert labelled == {place: (str(row[4]), row[2]) for place, row in enumerate(rows) if row[4] is not None}


def test_attributions_and_embeddings_are_no_features_and_keep_their_rows() -> None:
    table = pa.table(
        {
            "at": [2_000, 1_000],
            "age": [30, 40],
            "attributions.age": [0.3, 0.4],
            "attributions.yes.age": [-0.3, None],
            "embeddings.text": [[3.0, 0.0], [4.0, 0.0]],
        }
    )
    traffic = traffic_of(table, Roles(event_time="at"), name="file")
    assert list(traffic.columns) == ["age"]
    assert traffic.attributions["age"].values.tolist() == [0.4, 0.3]
    assert traffic.attributions["yes.age"].valid.tolist() == [False, True]
    assert traffic.embeddings["text"].tolist() == [[4.0, 0.0], [3.0, 0.0]]


def test_an_event_that_lacks_a_vector_cannot_be_replayed() -> None:
    table = pa.table({"at": [1, 2], "embeddings.text": [[3.0], None]})
    with pytest.raises(TableError, match=r"column embeddings\.text: expected a vector in every row, got none in 1"):
        traffic_of(table, Roles(event_time="at"), name="file")


def test_without_columns_for_them_ids_count_rows_and_labels_come_after_a_delay() -> None:
    table = pa.table({"at": [2_000, 1_000], "y": [1, 0]})
    traffic = traffic_of(table, Roles(label="y", event_time="at"), name="file", label_delay_ms=500)
    assert traffic.ids == (b"file-000000001", b"file-000000000")
    assert traffic.label_time_ms.tolist() == [1_500, 2_500]


@pytest.mark.parametrize(
    "times",
    [
        pa.array([1_500]),
        pa.array(["1970-01-01T01:00:01.5+01:00"]),
        pa.array([datetime(1970, 1, 1, 0, 0, 1, 500_000)]),
        pa.array([1_500_000_000], pa.timestamp("ns", "Europe/Berlin")),
    ],
)
def test_times_are_read_in_every_form_and_naive_ones_are_utc(times: pa.Array) -> None:
    assert traffic_of(pa.table({"at": times}), Roles(event_time="at"), name="x").event_time_ms.tolist() == [1_500]


def test_classes_have_one_form() -> None:
    table = pa.table({"at": [1, 2], "int": [1, 0], "float": [1.0, 0.0], "bool": [True, False], "text": ["1", "0"]})
    for name in ("int", "float", "bool", "text"):
        label = traffic_of(table, Roles(label=name, event_time="at"), name="x").label
        assert label is not None
        assert [label.categories[code] for code in label.values] == ["1", "0"]


def test_predictions_and_labels_of_a_regression_are_numbers_and_missing_ones_are_no_labels() -> None:
    table = pa.table({"at": [2, 1, 3], "p": [5, 7, 6], "y": [5.5, None, 4.0]})
    roles = Roles(label="y", prediction="p", event_time="at")
    traffic = traffic_of(table, roles, name="x", numeric=True)
    assert traffic.columns["prediction.value"].values.tolist() == [7.0, 5.0, 6.0]
    assert "prediction.label" not in traffic.columns
    assert traffic.label is not None
    assert dict(zip(traffic.label_row.tolist(), traffic.label.values.tolist(), strict=True)) == {1: 5.5, 2: 4.0}
    with pytest.raises(TableError, match="--label p: expected numbers, got strings such as 'high'"):
        traffic_of(pa.table({"at": [1], "p": ["high"]}), Roles(label="p", event_time="at"), name="x", numeric=True)


@pytest.mark.parametrize(
    ("table", "roles", "said"),
    [
        ({"x": [1]}, Roles(), "expected --event-time"),
        ({"at": [None], "x": [1]}, Roles(event_time="at"), "expected a time in every row, got none in 1"),
        ({"at": ["noon"]}, Roles(event_time="at"), "expected ISO 8601 times, got such as 'noon'"),
        ({"at": [0.5]}, Roles(event_time="at"), "expected times or integer milliseconds since the epoch, got double"),
        ({"at": [1], "p": ["high"]}, Roles(event_time="at", score="p"), "--score p: expected numbers"),
        ({"at": [1], "id": [""]}, Roles(event_time="at", inference_id="id"), "expected 1 to 256 bytes, got 0"),
        ({"at": [1], "x": [[1]]}, Roles(event_time="at"), "column x: expected numbers"),
    ],
)
def test_a_column_that_does_not_fit_its_role_is_named(table: dict[str, list[object]], roles: Roles, said: str) -> None:
    with pytest.raises(TableError, match=said):
        traffic_of(pa.table(table), roles, name="x")


def test_scores_of_many_classes_are_outputs_under_the_names_of_the_classes() -> None:
    table = pa.table({"at": [2, 1], "p_b": [0.25, 1.0], "p_a": [0.75, 0.0]})
    traffic = traffic_of(table, Roles(event_time="at", scores="p_"), name="x")
    assert {name: values.values.tolist() for name, values in traffic.columns.items()} == {
        "prediction.scores.b": [1.0, 0.25],
        "prediction.scores.a": [0.0, 0.75],
    }
    with pytest.raises(TableError, match="--scores p_c: expected numbers"):
        traffic_of(pa.table({"at": [1], "p_c": ["high"]}), Roles(event_time="at", scores="p_"), name="x")
