# SPDX-License-Identifier: Apache-2.0
"""A worker's hooks change rows and reports, and what they fail at is refused with the reason."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.errors import SettingsError
from stream.hooks.record_handler import RecordHandler
from stream.hooks.worker_hooks import HookNames, Prepared, WorkerHooks, by_block, by_record
from stream.settings import load
from topics.batches import EventBatch, Values
from topics.encode import python_values
from windows.report import Report

REPORT = Report("m", "1", "data_drift", 0, 1_000, 1, True, "Completed", "1", "0")


def _batch(n: int = 3) -> EventBatch:
    ids = np.frombuffer(b"".join(b"%02d" % i for i in range(n)), np.uint8).reshape(n, 2)
    columns = {"age": Values(1, np.arange(30, 30 + n)), "prediction.score": Values(0, np.linspace(0.1, 0.9, n))}
    tags = {"region": Values(3, np.zeros(n, np.int32), None, ("eu",))}
    return EventBatch("m", "1", ids, np.arange(n), np.arange(100, 100 + n), columns, tags)


def _older(block: Block) -> Block:
    age = block.columns["age"]
    return Block(block.n, {**block.columns, "age": replace(age, values=age.values + 1)})


def test_a_block_hook_changes_columns_and_leaves_the_rest_of_the_events() -> None:
    prepared = by_block(_older)(_batch(), "t", 0)
    assert prepared.refused == ()
    assert prepared.batch is not None
    assert prepared.batch.columns["age"].values.tolist() == [31, 32, 33]
    assert python_values(prepared.batch.tags["region"]) == ["eu"] * 3
    assert prepared.batch.ids.tolist() == _batch().ids.tolist()


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (lambda block: block.columns["x"], "preprocess raised KeyError: \"'x'\""),
        (
            lambda block: block.take(np.array([0])),
            "preprocess raised TypeError: 'expected preprocess to return a block",
        ),
        (lambda block: Block(block.n, {"a": Column(Kind.FLOAT, np.zeros(1))}), "preprocess raised TypeError"),
        (lambda block: None, "preprocess raised TypeError"),
    ],
)
def test_rows_of_a_block_at_which_a_hook_fails_are_refused(hook: Any, said: str) -> None:
    prepared = by_block(hook)(_batch(), "t", 2)
    assert prepared.batch is None
    (refused,) = prepared.refused
    assert refused.text.startswith(said)
    assert (refused.reason, refused.rows, refused.topic, refused.partition, refused.offset, refused.model) == (
        "hook_failed",
        3,
        "t",
        2,
        100,
        "m",
    )


def test_a_record_handler_gives_features_leaves_events_out_and_fails_alone() -> None:
    def handler(record: Any) -> Any:
        age = record.endpoint_input.data["age"]
        if age == 30:
            return []
        if age == 31:
            raise ValueError("no")
        return {"age": age, "sure": record.endpoint_output.data["score"] > 0.5, "at": record.event_metadata.event_time}

    prepared = by_record(RecordHandler(handler))(_batch(4), "t", 0)
    assert prepared.batch is not None
    found = {name: python_values(values) for name, values in prepared.batch.columns.items()}
    assert found["age"] == [32, 33]
    assert found["sure"] == [True, True]
    assert found["at"] == ["1970-01-01T00:00:00.002Z", "1970-01-01T00:00:00.003Z"]
    assert found["prediction.score"] == pytest.approx([0.1 + 0.8 * 2 / 3, 0.9])
    assert prepared.batch.event_time_ms.tolist() == [2, 3]
    assert [(one.rows, one.offset, one.text) for one in prepared.refused] == [
        (1, 101, "preprocess_handler raised ValueError: 'no'")
    ]


def test_of_one_event_a_handler_makes_one_row_of_values() -> None:
    for made in ([{"a": 1}, {"a": 2}], {"a": {"b": 1}}, {"prediction.score": 0.5}):
        prepared = by_record(RecordHandler(lambda _record, made=made: made))(_batch(1), "t", 0)
        assert prepared.batch is None
        assert len(prepared.refused) == 1
    assert by_record(RecordHandler(lambda _record: []))(_batch(2), "t", 0) == Prepared(None)


def annotate(report: Report) -> Report:
    return replace(report, statistics={"seen": True})


def broken(report: Report) -> Report:
    return replace(report, monitor="other")


HERE = "tests.stream.hooks.test_worker_hooks"


def test_a_report_passes_through_its_models_hook_or_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    hooks = WorkerHooks({"m": HookNames(postprocess=f"{HERE}:annotate")})
    assert hooks.postprocess(REPORT).statistics == {"seen": True}
    assert hooks.postprocess(replace(REPORT, model="other")).statistics == {}
    every = WorkerHooks({"*": HookNames(postprocess=f"{HERE}:annotate")})
    assert every.postprocess(replace(REPORT, model="other")).statistics == {"seen": True}


def test_a_report_at_which_a_hook_fails_is_published_as_it_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    hooks = WorkerHooks({"*": HookNames(postprocess=f"{HERE}:broken")})
    with caplog.at_level(logging.WARNING):
        assert hooks.postprocess(REPORT) is REPORT
    assert "expected postprocess to return a report of the same window" in caplog.text


@pytest.mark.parametrize(
    "name", ["no_such_module_of_anyone:x", "json:no_such_function", "no-such-entry-point", "x.py", "json:__name__"]
)
def test_a_name_that_leads_to_no_function_stops_the_worker(name: str) -> None:
    with pytest.raises(SettingsError, match="expected"):
        WorkerHooks({"m": HookNames(preprocess=name)})


def test_settings_name_hooks_by_model(tmp_path: Path) -> None:
    path = tmp_path / "sketchwatch.toml"
    path.write_text('[hooks.churn]\npreprocess = "a:b"\n[hooks."*"]\npostprocess = "c"\n')
    assert load(path).hooks == {"churn": HookNames(preprocess="a:b"), "*": HookNames(postprocess="c")}
    path.write_text('[hooks.churn]\nbefore = "a:b"\n')
    with pytest.raises(SettingsError, match=r"hooks\.churn\.before"):
        load(path)
