# SPDX-License-Identifier: Apache-2.0
"""Windows get the attributions their definitions ask for, computed beside the worker, or are judged without."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sketches.block import Block
from stream.commands.baselines import publish_baseline, suggest_baseline
from stream.commands.tables import Roles, TableError
from stream.explain.explaining import MOST_WAITING, Explaining, InProcess
from stream.explain.shapley import explain
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.testing import MonitorDriver
from tests.german import german
from tests.stream.test_worker import home, running, settings_of
from tests.windows.build import column, window_of
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.definition import ModelDefinition
from windows.errors import BaselineError, ExtensionError
from windows.evaluate import evaluate
from windows.events import BlockArrived
from windows.explained import Question
from windows.extensions import check_extensions
from windows.report import Report
from windows.window_profile import WindowProfile

HOUR = 3_600_000
FIRST_MS = 472_222 * HOUR
END_MS = FIRST_MS + 2 * HOUR + 300_000
DATA = german()
TRAIN, LIVE = np.flatnonzero(DATA.train), np.flatnonzero(~DATA.train)


def definition(use: str = "tests.credit_model:predict", **computed: Any) -> ModelDefinition:
    options = {"enabled": True, "computed": {"model": use, "rows": 300, "evaluations": 32, **computed}}
    monitors = {"attribution_drift": options, "data_quality": {"enabled": False}, "data_drift": {"enabled": False}}
    return ModelDefinition(model="credit", monitors=monitors)


MODEL = definition()


def features(rows: np.ndarray, *, bug: bool = False) -> dict[str, np.ndarray]:
    account = np.array(DATA.columns["checking_status"])[rows]
    numbers = {name: np.array(DATA.columns[name], float)[rows] for name in ("duration_months", "credit_amount")}
    return numbers | {"checking_status": np.where(account == "A14", "A11", account) if bug else account}


def held(rows: np.ndarray, *, bug: bool = False) -> Block:
    return Block(len(rows), {name: column(values) for name, values in features(rows, bug=bug).items()})


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return suggest_baseline(pa.table(features(TRAIN)), Roles(), MODEL).baseline


class Now:
    """A question that is answered when it is put."""

    def __init__(self, question: Question) -> None:
        self.found = explain(question)

    def answer(self) -> Block | str | None:
        return self.found

    def stop(self) -> None:
        raise AssertionError


class Later:
    """Questions that are answered when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Later.Asked] = []

    class Asked:
        def __init__(self, question: Question) -> None:
            self.question, self.found, self.stopped = question, None, False

        def answer(self) -> Block | str | None:
            return self.found

        def stop(self) -> None:
            self.stopped = True

    def __call__(self, question: Question) -> Later.Asked:
        self.asked.append(self.Asked(question))
        return self.asked[-1]


def window(definition: ModelDefinition = MODEL, **fields: Any) -> WindowProfile:
    return window_of(held(LIVE), definition, **fields)


def judged(profile: WindowProfile, baseline: Baseline) -> Report:
    (report,) = evaluate(profile, baseline)
    assert (report.monitor, report.error) == ("attribution_drift", None)
    return report


def test_a_baselines_sample_is_explained_and_read_back(baseline: Baseline, tmp_path: Path) -> None:
    state = baseline.states["attributions"]
    assert state.n == 600 - 20
    assert set(state.columns) == {"checking_status", "credit_amount", "duration_months"}
    account = np.array(DATA.columns["checking_status"])[TRAIN] == "A14"
    # Of a sum of one term a feature, each value is the distance from the background's mean.
    spread = np.ptp(state.columns["checking_status"].quantiles.weighted()[0])
    assert spread == pytest.approx(1.6, abs=1e-9)
    assert account.any()
    write_baseline(baseline, tmp_path)
    again = read_baseline(tmp_path)
    assert again.states.keys() == baseline.states.keys()
    assert again.documents["attribution_drift"] == baseline.documents["attribution_drift"]


def test_too_few_rows_to_stand_for_absent_features_are_refused() -> None:
    with pytest.raises(TableError, match="expected a sample of more than the 20 rows of the background, got 20"):
        suggest_baseline(pa.table(features(TRAIN[:20])), Roles(), MODEL)


def test_a_window_is_judged_by_the_attributions_of_its_sample(baseline: Baseline) -> None:
    (profile,) = Explaining(lambda _: baseline, Now).ready([window()], 0)
    report = judged(profile, baseline)
    assert report.status == "Completed"
    assert report.statistics["dataset"]["item_count"] == 300
    shap = report.statistics["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert max(shap, key=shap.__getitem__) == "checking_status"


def test_windows_wait_in_their_order_and_others_pass(baseline: Baseline) -> None:
    later = Later()
    explaining = Explaining(lambda _: baseline, later)
    first, second = window(revision=1), window(revision=2)
    other = window(ModelDefinition(model="other"))
    assert explaining.ready([first, second, other], 0) == [other]
    assert len(later.asked) == 1
    assert explaining.ready([], 10) == []
    later.asked[0].found = "no"
    (done,) = explaining.ready([], 20)
    assert (done.revision, done.unexplained) == (1, "no")
    later.asked[1].found = explain(later.asked[1].question)
    (done,) = explaining.ready([], 30)
    assert done.revision == 2
    assert "attributions" in done.states


def test_a_window_that_waits_too_long_is_judged_without(baseline: Baseline) -> None:
    later = Later()
    explaining = Explaining(lambda _: baseline, later)
    assert explaining.ready([window(definition(timeout="1s"))], 5_000) == []
    assert explaining.ready([], 5_999) == []
    (done,) = explaining.ready([], 6_000)
    assert later.asked[0].stopped
    (verdict,) = judged(done, baseline).verdicts
    assert (verdict.outcome, verdict.reason) == ("insufficient", "attributions were not computed within 1000 ms")


def test_only_so_many_windows_wait(baseline: Baseline) -> None:
    explaining = Explaining(lambda _: baseline, Later())
    (beyond,) = explaining.ready([window()] * (MOST_WAITING + 1), 0)
    assert beyond.unexplained == f"{MOST_WAITING} windows wait for their attributions already"


def test_what_is_being_computed_stops_with_the_worker(baseline: Baseline) -> None:
    later = Later()
    explaining = Explaining(lambda _: baseline, later)
    explaining.ready([window()] * 2, 0)
    explaining.close()
    assert later.asked[0].stopped
    assert explaining.ready([], 10**9) == []


def test_without_a_sample_on_either_side_the_reason_is_told(baseline: Baseline) -> None:
    def damaged(_: ModelDefinition) -> Baseline:
        msg = "part 'header' is missing"
        raise BaselineError(msg)

    empty = replace(window(), states={})
    for known, profile, reason in (
        (lambda _: None, window(), "no baseline with a sample of rows is published"),
        (lambda _: Baseline("credit"), window(), "no baseline with a sample of rows is published"),
        (lambda _: baseline, empty, "the window has no sample of rows"),
        (damaged, window(), "part 'header' is missing"),
    ):
        (done,) = Explaining(known, Now).ready([profile], 0)
        assert done.unexplained == reason


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("die", "the process that computed attributions ended with code 3"),
        ("fail", "OSError: no such weights"),
        ("nothing", "ModelError: model 'tests.credit_model:nothing': expected module:object"),
    ],
)
def test_a_model_that_fails_costs_its_process_alone(baseline: Baseline, name: str, expected: str) -> None:
    explaining = Explaining(lambda _: baseline, InProcess)
    done = explaining.ready([window(definition(f"tests.credit_model:{name}"))], 0)
    deadline = time.monotonic() + 60
    while not done and time.monotonic() < deadline:
        time.sleep(0.05)
        done = explaining.ready([], 1)
    assert done[0].unexplained is not None
    assert done[0].unexplained.startswith(expected)


def test_a_process_that_takes_too_long_is_ended(baseline: Baseline) -> None:
    explaining = Explaining(lambda _: baseline, InProcess)
    assert explaining.ready([window(definition("tests.credit_model:sleep"))], 0) == []
    (done,) = explaining.ready([], 600_000)
    assert done.unexplained == "attributions were not computed within 600000 ms"


def test_a_definition_may_name_allowed_models_and_endpoints_only() -> None:
    check_extensions(MODEL, ("tests.credit_model:predict",))
    with pytest.raises(ExtensionError, match=r"expected its model or endpoint to be one of extensions = \[\]"):
        check_extensions(MODEL, ())
    with pytest.raises(ValueError, match="expected model or endpoint, got both"):
        definition(endpoint="http://localhost/predict")
    with pytest.raises(ValueError, match="should match pattern"):
        ModelDefinition(model="m", monitors={"attribution_drift": {"computed": {"endpoint": "file:///etc/passwd"}}})


def test_a_bug_in_the_data_of_a_window_shows_in_computed_attributions(baseline: Baseline) -> None:
    driver = MonitorDriver((MODEL,), partitions=2, baseline=lambda _: baseline, ask=Now)
    for hour in (0, 1):
        at_ms = np.full(len(LIVE), FIRST_MS + hour * HOUR)
        ids = np.array([list(f"{hour}-{row:06d}".encode()) for row in range(len(LIVE))], np.uint8)
        driver.send(BlockArrived("credit", "1", ids, at_ms, held(LIVE, bug=hour == 1)))
    driver.watermark("events", "credit", END_MS)
    driver.run()
    found = {(v.window_start_ms, v.verdict.subject) for v in driver.violations if v.monitor == "attribution_drift"}
    assert found == {(FIRST_MS + HOUR, "attributions.checking_status")}


def test_events_on_kafka_without_attributions_become_violations_of_them(
    mock_broker: str, topics: str, baseline: Baseline
) -> None:
    settings = settings_of(mock_broker, topics).model_copy(update={"extensions": ("tests.credit_model:predict",)})
    names = Topics(topics)
    key = definition_key("credit", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, MODEL.model_dump_json().encode())])
    publish_baseline(settings, baseline)
    inputs, records = features(LIVE, bug=True), []
    for row in range(len(LIVE)):
        name = f"credit-{row:05d}"
        event = {"inference_id": name, "model": "credit", "event_time": FIRST_MS + row}
        event["features"] = {feature: values[row].item() for feature, values in inputs.items()}
        records.append(Outgoing(names.inference, home(name), None, json.dumps(event).encode()))
    value, headers = watermark("credit", END_MS - HOUR)
    ends = [Outgoing(names.inference, at, None, value, tuple(headers)) for at in range(4)]
    found: list[dict[str, Any]] = []
    with running(settings) as errors:
        publish(settings, [*records, *ends])
        deadline = time.monotonic() + 60
        with Follower(settings, names.violations) as follower:
            while not found and time.monotonic() < deadline:
                found += [violation for _, violation in follower.poll(0.1)]
    assert errors == []
    assert {violation["feature_name"] for violation in found} == {"attributions.checking_status"}
