# SPDX-License-Identifier: Apache-2.0
"""Lines of capture files and of ground truth become rows under the ids that join them."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.imports.capture_records import CapturedRow, CaptureForm, numbered, read_capture
from stream.imports.ground_truth import Truth, read_ground_truth
from stream.imports.selectors import Selector
from topics.refusals import Refused

AT_MS = int(datetime(2022, 4, 18, 0, 21, 48, tzinfo=UTC).timestamp() * 1_000)
GENUINE = """{"captureData":{
   "endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"132,10,182.9","encoding":"CSV"},
   "endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"0.0363977",
                     "encoding":"CSV"}},
 "eventMetadata":{"eventId":"e1","inferenceId":"i1",
                  "inferenceTime":"2022-04-18T00:21:48Z","customAttributes":["optional"]},
 "eventVersion":"0"}"""


def _line(sent: Any = None, answered: Any = None, **metadata: Any) -> str:
    sides = {"endpointInput": sent, "endpointOutput": answered}
    return json.dumps(
        {
            "captureData": {side: held for side, held in sides.items() if held is not None},
            "eventMetadata": {"eventId": "e", "inferenceTime": "2022-04-18T00:21:48Z"} | metadata,
            "eventVersion": "0",
        }
    )


def _csv(text: str) -> dict[str, str]:
    return {"data": text, "encoding": "CSV"}


def _json(document: Any) -> dict[str, str]:
    return {"data": json.dumps(document), "encoding": "JSON"}


def _score(text: str = "0") -> CaptureForm:
    return CaptureForm(("a", "b", "c"), score=Selector.parse(text))


def test_a_genuine_record_is_one_row_under_the_callers_id() -> None:
    assert read_capture(GENUINE.encode(), _score()) == [
        CapturedRow("i1", AT_MS, {"a": 132, "b": 10, "c": 182.9}, {"score": 0.0363977})
    ]


def test_a_column_of_texts_keeps_them_whatever_they_spell() -> None:
    form = CaptureForm(("a", "b"), texts=frozenset({"b"}))
    assert read_capture(_line(_csv("1.50,1.50")), form)[0].features == {"a": 1.5, "b": "1.50"}
    assert read_capture(_line(_json([1, 2])), form)[0].features == {"a": 1, "b": "2"}
    assert read_capture(_line(_csv(",")), form)[0].features == {"a": None, "b": None}


def test_without_a_callers_id_the_event_is_known_by_its_own() -> None:
    assert read_capture(_line(_csv("1,2,3")), CaptureForm())[0].inference_id == "e"


def test_columns_without_names_are_numbered_in_their_order() -> None:
    (row,) = read_capture(GENUINE, CaptureForm(outputs_too=True))
    assert list(row.features) == sorted(row.features) == list(numbered(4))
    assert list(row.features.values()) == [0.0363977, 132, 10, 182.9]


def test_columns_of_the_output_may_be_features_before_the_inputs() -> None:
    (row,) = read_capture(GENUINE, CaptureForm(("p", "a", "b", "c"), outputs_too=True))
    assert row.features == {"p": 0.0363977, "a": 132, "b": 10, "c": 182.9}
    assert row.prediction == {}


def test_rows_of_a_batch_are_numbered_under_the_id_of_their_request() -> None:
    rows = read_capture(_line(_csv("1,2,3\n4,5,6\n"), _csv("0.1\n0.9")), _score())
    assert [(row.inference_id, row.features["a"], row.prediction) for row in rows] == [
        ("e/0", 1, {"score": 0.1}),
        ("e/1", 4, {"score": 0.9}),
    ]


def test_json_instances_are_rows_and_may_answer_in_another_encoding() -> None:
    sent = _json({"instances": [{"features": [1, 2, 3]}, {"features": [4, 5, 6]}]})
    for answered, path in ((_csv("0.1\n0.9"), "0"), (_json({"predictions": [{"p": 0.1}, {"p": 0.9}]}), "p")):
        rows = read_capture(_line(sent, answered), _score(path))
        assert [(row.features, row.prediction["score"]) for row in rows] == [
            ({"a": 1, "b": 2, "c": 3}, 0.1),
            ({"a": 4, "b": 5, "c": 6}, 0.9),
        ]


def test_a_record_may_have_one_side_only() -> None:
    assert read_capture(_line(sent=_csv("1,2,3")), _score()) == [CapturedRow("e", AT_MS, {"a": 1, "b": 2, "c": 3}, {})]
    assert read_capture(_line(answered=_csv("0.4")), _score()) == [CapturedRow("e", AT_MS, {}, {"score": 0.4})]


def test_a_merged_record_brings_its_label() -> None:
    record = json.loads(GENUINE) | {"groundTruthData": _json({"label": 1})}
    assert [row.truth for row in read_capture(json.dumps(record), _score())] == [1]


def test_a_transform_record_parts_output_input_id_and_time() -> None:
    held = {
        "SageMakerOutput": {"score": 0.7},
        "features": [1, 2, 3],
        "SageMakerInferenceId": "t1",
        "SageMakerInferenceTime": "2022-04-18T00:21:48Z",
    }
    line = json.dumps({"captureData": {"batchTransformOutput": _json(held)}, "eventMetadata": {"eventId": "e"}})
    expected = CapturedRow("t1", AT_MS, {"a": 1, "b": 2, "c": 3}, {"score": 0.7})
    assert read_capture(line, _score("score")) == [expected]


def test_a_transform_record_without_ids_joins_by_its_event() -> None:
    held = {"SageMakerOutput": [0.7], "features": {"a": 1}}
    record = {"captureData": {"batchTransformOutput": _json(held)}, "eventMetadata": {"eventId": "e"}}
    assert read_capture(json.dumps(record), _score(), hour_ms=7) == [CapturedRow("e", 7, {"a": 1}, {"score": 0.7})]


def test_lines_of_a_transform_jobs_output_have_their_own_ids() -> None:
    line = "0.7,39, 1f1d57b1,2022-04-18T00:21:48Z"
    form = CaptureForm(("p", "age"), score=Selector.parse("p"))
    assert read_capture(line, form) == [CapturedRow("1f1d57b1", AT_MS, {"age": 39}, {"score": 0.7})]
    stamped = {"output": 1, "SageMakerInferenceId": "b", "SageMakerInferenceTime": "2022-04-18T00:21:48Z"}
    form = CaptureForm(prediction=Selector.parse("output"))
    assert read_capture(json.dumps(stamped), form) == [CapturedRow("b", AT_MS, {}, {"label": 1})]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "expected a JSON object, or CSV that ends with an id and a time"),
        ("1,2,3", "expected a JSON object, or CSV that ends with an id and a time"),
        ("[]", "expected a JSON object, got list of 0"),
        ("{", "expected a JSON object"),
        ('{"captureData": []}', "expected an object captureData"),
        ('{"captureData": {}}', "expected endpointInput or endpointOutput"),
        ('{"captureData": {"endpointInput": 7}}', "expected captureData.'endpointInput' to be an object"),
        ("{}", "expected a JSON object, or CSV"),
        (_line(_csv("1,2")), "expected 3 columns in input, as they are named, got 2"),
        (_line(_csv("1,2,3"), _csv("1\n2")), "expected as many rows in output as in input, got 2 and 1"),
        (_line(_csv("1,2,3"), _csv("0.5"), eventId=None), "expected eventMetadata.inferenceId or eventId"),
        (_line(_csv("1,2,3"), _csv("0.5"), inferenceTime="soon"), "expected event_time as ISO 8601"),
        (_line(_csv("1,2,3"), _csv("0.5"), inferenceTime=None), "expected a field event_time, got none"),
        (_line(_csv("1,2,3"), _json({"q": 1})), "expected an attribute '0' in every row"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_was_expected(line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        read_capture(line, _score())
    assert said in refused.value.text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "captureData",
                        "endpointInput",
                        "data",
                        "encoding",
                        "eventMetadata",
                        "eventId",
                        "JSON",
                        "batchTransformOutput",
                        "groundTruthData",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_no_json_whatever_its_shape_is_more_than_refused(document: Any) -> None:
    for read in (lambda line: read_capture(line, _score()), read_ground_truth):
        with contextlib.suppress(Refused):
            read(json.dumps(document))


def _truth(data: str, encoding: str = "JSON", event: str = "a") -> str:
    held = {"groundTruthData": {"data": data, "encoding": encoding}, "eventMetadata": {"eventId": event}}
    return json.dumps(held | {"eventVersion": "0"})


@pytest.mark.parametrize(
    ("line", "truths"),
    [
        (_truth("1", "CSV"), [Truth("a", 1)]),
        (_truth('{"label": 1}'), [Truth("a", 1)]),
        (_truth('{"instances": [{"label": 0}, {"label": 1}]}'), [Truth("a/0", 0), Truth("a/1", 1)]),
        (_truth("0\n1\n", "CSV"), [Truth("a/0", 0), Truth("a/1", 1)]),
        (_truth('{"label": "good", "age": 3}'), [Truth("a", "good")]),
        (_truth('{"target": 0.5}'), [Truth("a", 0.5)]),
    ],
)
def test_labels_go_to_the_inference_and_row_they_are_of(line: str, truths: list[Truth]) -> None:
    assert read_ground_truth(line) == truths


def test_one_of_several_attributes_is_named() -> None:
    line = _truth('{"instances": [{"y": 0, "z": 5}, {"y": 1, "z": 6}]}')
    assert read_ground_truth(line, Selector.parse("z")) == [Truth("a/0", 5), Truth("a/1", 6)]
    with pytest.raises(Refused) as refused:
        read_ground_truth(line)
    assert refused.value.text == "expected one label, or an attribute named label, got 2 values: name it with --label"


@pytest.mark.parametrize("line", ["", "7", "{}", '{"groundTruthData": 1}', _truth("", "CSV"), _truth("{", "JSON")])
def test_what_is_no_ground_truth_is_refused(line: str) -> None:
    with pytest.raises(Refused):
        read_ground_truth(line)
