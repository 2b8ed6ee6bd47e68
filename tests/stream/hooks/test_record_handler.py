# SPDX-License-Identifier: Apache-2.0
"""Existing handlers run as they are; one that fails refuses its record with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stream.errors import SettingsError
from stream.hooks.captured_data import CapturedData
from stream.hooks.record_handler import PREPROCESS, RecordHandler, load_script, record_of
from topics.refusals import Refused

EVENT = {
    "captureData": {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "132,25", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "0.01\n", "encoding": "CSV"},
    },
    "eventMetadata": {"eventId": "e", "inferenceTime": "2019-11-20T23:33:12Z", "customAttributes": ["region=eu"]},
    "groundTruthData": {"data": "1", "encoding": "CSV"},
    "eventVersion": "0",
}
SCRIPT = """
def preprocess_handler(inference_record, logger):
    logger.info("seen")
    output = inference_record.endpoint_output.data.rstrip("\\n")
    data = output + "," + inference_record.endpoint_input.data
    return {str(i).zfill(20): d for i, d in enumerate(data.split(","))}
"""


def test_a_script_as_users_have_them_names_columns_of_output_and_input(tmp_path: Path) -> None:
    path = tmp_path / "preprocess.py"
    path.write_text(SCRIPT)
    rows = RecordHandler(load_script(path, PREPROCESS)).rows(EVENT)
    assert rows == [{str(place).zfill(20): text for place, text in enumerate(["0.01", "132", "25"])}]


@pytest.mark.parametrize(
    ("made", "rows"), [({"a": 1}, [{"a": 1}]), ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]), ([], [])]
)
def test_a_handler_makes_one_row_many_or_none(made: Any, rows: list[dict[str, Any]]) -> None:
    assert RecordHandler(lambda _record: made).rows(EVENT) == rows


def test_the_record_has_the_names_that_handlers_know() -> None:
    record = CapturedData(EVENT)
    assert (record.event_metadata.event_id, record.event_metadata.custom_attribute) == ("e", ["region=eu"])
    assert (record.endpoint_input.mode, record.endpoint_input.observedContentType) == ("INPUT", "text/csv")
    assert record.ground_truth.data == "1"
    assert (record.batch_transform_output, record.event_version) == (None, "0")
    record.endpoint_input.data = "7"
    assert record.as_dict()["captureData"]["endpointInput"]["data"] == "7"
    assert CapturedData({"captureData": None, "eventMetadata": []}).endpoint_input is None


def test_an_event_of_ours_reads_as_values_by_name() -> None:
    event = record_of("a", "2026-11-20T10:15:30Z", {"age": 39}, {})
    handler = RecordHandler(lambda record: {**record.endpoint_input.data, "id": record.event_metadata.event_id})
    assert handler.rows(event) == [{"age": 39, "id": "a"}]
    assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (lambda _record: {}["x"], "preprocess_handler raised KeyError: \"'x'\""),
        (lambda _record: 7, "expected preprocess_handler to return a dict, a list of dicts or [], got 7"),
        (lambda _record: [7], "expected preprocess_handler to return a dict, a list of dicts or [], got list of 1"),
        (lambda _record: None, "expected preprocess_handler to return a dict, a list of dicts or [], got None"),
    ],
)
def test_a_handler_that_fails_refuses_the_record_with_the_reason(handler: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        RecordHandler(handler).rows(EVENT)
    assert (refused.value.reason, refused.value.text) == ("hook_failed", said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("def other(): pass", "no attribute 'preprocess_handler'"),
        ("import no_such_module_of_anyone", "ModuleNotFoundError"),
        ("preprocess_handler = 7", "to be a function, got int"),
    ],
)
def test_a_script_that_has_no_handler_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "script.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=said):
        load_script(path, PREPROCESS)
