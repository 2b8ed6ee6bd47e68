# SPDX-License-Identifier: Apache-2.0
"""Payloads become rows in every encoding, and what is none is refused with its reason."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.imports.payloads import cell, flatten, read_payload
from stream.imports.selectors import Selector
from topics.refusals import Refused


def _json(document: Any) -> dict[str, Any]:
    return {"data": json.dumps(document), "encoding": "JSON"}


def test_a_line_of_csv_is_one_typed_row() -> None:
    data = "132,25,113.2,96,269.9,107,,0,0,0,0,0,0,1,0,1,0,0,1"
    (row,) = read_payload({"data": data, "encoding": "CSV"}).rows
    values = [cell(text) for text in row]
    assert values == [132, 25, 113.2, 96, 269.9, 107, None, *[0] * 6, 1, 0, 1, 0, 0, 1]
    assert [type(value) for value in values[:3]] == [int, int, float]


def test_many_lines_of_csv_are_many_rows() -> None:
    assert read_payload({"data": '1,"a,b"\n2,c\n', "encoding": "CSV"}).rows == (["1", "a,b"], ["2", "c"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("007", "007"), ("-0", 0), ("5.", "5."), (".5", ".5"), ("1e5", 1e5), ("nan", "nan"), ("9" * 19, "9" * 19)],
)
def test_only_what_a_number_would_be_written_as_again_is_one(text: str, value: Any) -> None:
    assert cell(text) == value


@given(st.lists(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=5), min_size=1, max_size=5))
def test_integers_come_back_as_they_were_written(rows: list[list[int]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    read = read_payload({"data": out.getvalue(), "encoding": "CSV"}).rows
    assert [[cell(text) for text in row] for row in read] == rows


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ({"age": 39, "plan": "a"}, ({"age": 39, "plan": "a"},)),
        ({"instances": [{"features": [1, 2]}, {"features": [3, 4]}]}, ([1, 2], [3, 4])),
        ({"predictions": [{"score": 0.1}, {"score": 0.9}]}, ({"score": 0.1}, {"score": 0.9})),
        ({"predictions": [0.1, 0.9]}, ([0.1], [0.9])),
        ([[1, 2], [3, 4]], ([1, 2], [3, 4])),
        ([1, 2], ([1, 2],)),
        (0.83, ([0.83],)),
        ({"features": {"age": 39}}, ({"age": 39},)),
    ],
)
def test_json_is_rows_by_its_shape(document: Any, rows: Any) -> None:
    assert read_payload(_json(document)).rows == rows


def test_a_list_of_as_many_numbers_as_rows_went_in_is_a_row_each() -> None:
    assert read_payload(_json([0.1, 0.9]), rows=2).rows == ([0.1], [0.9])
    assert read_payload(_json([0.1, 0.9]), rows=1).rows == ([0.1, 0.9],)


def test_json_lines_are_a_row_each() -> None:
    assert read_payload({"data": '{"a":1}\n{"a":2}\n', "encoding": "JSON"}).rows == ({"a": 1}, {"a": 2})


@pytest.mark.parametrize(
    ("content", "text", "rows"),
    [
        ("application/json; charset=utf-8", '{"a": 1}', ({"a": 1},)),
        ("text/csv", "1,2", (["1", "2"],)),
        ("application/x-unknown", '{"a": 1}', ({"a": 1},)),
        ("", "1,2\n3,4", (["1", "2"], ["3", "4"])),
    ],
)
def test_base64_is_read_by_its_content_type_or_first_character(content: str, text: str, rows: Any) -> None:
    data = base64.b64encode(text.encode()).decode()
    side = {"data": data, "encoding": "BASE64", "observedContentType": content}
    assert read_payload(side).rows == rows


@pytest.mark.parametrize(
    ("side", "said"),
    [
        ({"data": "1", "encoding": "XML"}, "expected encoding CSV, JSON or BASE64, got 'XML'"),
        ({"data": None, "encoding": "CSV"}, "expected data to be a string, got None"),
        ({"data": "", "encoding": "CSV"}, "expected at least one row"),
        ({"data": '1,"2', "encoding": "CSV"}, "expected CSV"),
        ({"data": "{", "encoding": "JSON"}, "expected JSON"),
        ({"data": "[" * 100_000, "encoding": "JSON"}, "expected JSON"),
        ({"data": "1\nx", "encoding": "JSON"}, "expected JSON or JSON Lines"),
        ({"data": "***", "encoding": "BASE64"}, "expected BASE64"),
        ({"data": base64.b64encode(b"\x89PNG\xff").decode(), "encoding": "BASE64"}, "expected text"),
        ({"data": '{"instances": []}', "encoding": "JSON"}, "expected at least one row"),
    ],
)
def test_what_is_no_payload_is_refused_with_what_was_expected(side: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        read_payload(side)
    assert said in refused.value.text


@pytest.mark.parametrize(
    ("path", "document", "found"),
    [
        ("0", [0.7, 0.3], [0.7]),
        ("score", {"score": 0.7}, [0.7]),
        ("predictions[0].score", {"predictions": [{"score": 0.7}]}, [0.7]),
        ("predictions[*].label", {"predictions": [{"label": 0}, {"label": 1}]}, [0, 1]),
        ("label", {"predictions": [{"label": 0}, {"label": 1}]}, [0, 1]),
        ('outputs."p 1"[-1]', {"outputs": {"p 1": [0.1, 0.9]}}, [0.9]),
        ("scores", {"predictions": [1, 2], "scores": [0.1, 0.2]}, [0.1, 0.2]),
    ],
)
def test_an_attribute_is_found_by_index_name_or_path(path: str, document: Any, found: list[Any]) -> None:
    assert read_payload(_json(document)).select(Selector.parse(path)) == found


@pytest.mark.parametrize("path", ["5", "other", "predictions[7].score", "predictions[0].score"])
def test_an_attribute_that_some_row_lacks_is_refused(path: str) -> None:
    payload = read_payload(_json({"predictions": [{"score": 0.7}, {}]}))
    with pytest.raises(Refused, match="missing_field"):
        payload.select(Selector.parse(path))


@pytest.mark.parametrize("text", ["", "a b", "a[", ".a", "a[x]", "a..b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an index, a name or a path"):
        Selector.parse(text)


def test_nesting_of_any_depth_becomes_columns() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = {"a": deep}
    assert list(flatten(deep).values()) == [1]
