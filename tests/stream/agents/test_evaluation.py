# SPDX-License-Identifier: Apache-2.0
"""One partition of the profiles: what is said of a window, remembered, taken back and forgotten."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sketches.envelope import seal
from stream.agents import evaluation, judge
from stream.agents.context import Context
from stream.agents.evaluation import Evaluation
from stream.agents.judgements import Judgement
from stream.agents.remembered import remembered_key
from stream.definitions import Definitions
from stream.kafka.recovery import Log
from stream.kafka.transport import Block
from stream.metrics.metrics import Metrics
from stream.settings import Settings
from tests.windows.traffic import SECOND, definition, events, run, store_of
from topics.records import baseline_key, profile_key
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import HEADER, baseline_records
from windows.definition import ModelDefinition
from windows.events import Publish
from windows.report import Report, Verdict

MODEL = definition(problem_type=None)
WINDOW = ("m", "1", 100 * SECOND)
BAD = Verdict("x", "baseline_drift_check", "calibrated", "violation", value=0.3)
GOOD = Verdict("x", "baseline_drift_check", "calibrated", "ok", value=0.0)


class Partition:
    """A source partition's store, whose profiles become the records of one block."""

    def __init__(self, model: ModelDefinition = MODEL) -> None:
        self.store = store_of(model)
        self.offset = 0

    def block(self, *happened: Any) -> Block:
        effects = [*run(self.store, *happened), *self.store.cut().effects]
        records = []
        for partial in (effect.partial for effect in effects if isinstance(effect, Publish)):
            key = profile_key(partial.model, partial.version, partial.window_start_ms, 0, partial.part)
            marks = {"features_closed": partial.features_closed, "labels_closed": partial.labels_closed}
            marks |= {"revision": partial.revision, "fingerprint": partial.fingerprint}
            value = partial.payload and seal(partial.payload, partitions=1, definition=partial.definition, **marks)
            records.append(SimpleNamespace(key=key, value=value, offset=self.offset))
            self.offset += 1
        return Block(records, -1)


def evaluation_of(model: ModelDefinition = MODEL, definitions: Definitions | None = None) -> Evaluation:
    known = definitions or Definitions()
    known.catalog.add(model)
    metrics = Metrics(CollectorRegistry(), known.catalog)
    return Evaluation(0, Context(Settings(), 1, known, metrics, clock_ms=lambda: 0))


def records_of(evaluate: Evaluation, topic: str) -> list[Any]:
    values = [out.value for out in evaluate.cut() if out.topic.endswith(topic)]
    return [value and json.loads(value) for value in values]


def scripted(monkeypatch: pytest.MonkeyPatch, *verdicts: Verdict) -> list[dict[str, Any]]:
    """Let the first window's judgements have these verdicts in turn; lists what was known before each."""
    rest, known = iter(verdicts), []

    def scripted_reports(profile: Any, _baseline: Any, *, earlier: dict[str, Any], **_: Any) -> list[Report]:
        if profile.window_start_ms != WINDOW[2]:
            return []
        known.append(earlier)
        window = ("m", "1", "data_drift", profile.window_start_ms, profile.window_end_ms)
        return [Report(*window, profile.revision, True, "Completed", "1", "0", verdicts=(next(rest),))]  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "evaluate", scripted_reports)
    return known


def test_a_last_revision_that_comes_with_its_tombstones_is_judged_before_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = scripted(monkeypatch, BAD, GOOD)
    evaluate, source = evaluation_of(), Partition()
    evaluate.take("profiles", source.block(events([1, 3], [100, 113])))
    assert [v["type"] for v in records_of(evaluate, "violations")] == ["violation"]
    last, gone = source.block(events([2], 101)), source.block(events([4], 400))
    evaluate.take("profiles", Block(last.records + gone.records, -1))
    out = evaluate.cut()
    assert [json.loads(o.value)["type"] for o in out if o.topic.endswith("violations")] == ["resolved"]
    assert known[1]["data_drift"].revisions == 1
    assert [o.value is None for o in out if o.key == remembered_key("verdicts", WINDOW)] == [False, True]


def test_a_judgement_without_sources_is_forgotten_at_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate, kept = evaluation_of(), Partition().block(events([1, 3], [100, 113]))
    saved = {record.key: record.value for record in kept.records}
    old = remembered_key("verdicts", ("m", "1", 50 * SECOND))
    for key in (old, remembered_key("verdicts", WINDOW)):
        saved[key] = Judgement(1, features_closed=True, labels_closed=True).to_bytes()
    monkeypatch.setattr(evaluation, "read_log", lambda *_: Log(saved, 9))
    monkeypatch.setattr(evaluate._transactions, "fence", lambda: None)
    evaluate.recover()
    assert evaluate.tick()
    assert [(o.key, o.value) for o in evaluate.cut()] == [(old, None)]


def test_a_damaged_baseline_fails_the_reports_and_nothing_else() -> None:
    definitions = Definitions()
    definitions.put(baseline_key("m", "1", "7", HEADER), b"{")
    evaluate, source = evaluation_of(definitions=definitions), Partition()
    evaluate.take("profiles", source.block(events([1, 3], [100, 113])))
    reports = records_of(evaluate, "reports")
    assert {report["status"] for report in reports} == {"Failed"}
    assert all("baseline|m|1|latest" in report["error"] and "part 'header'" in report["error"] for report in reports)


def publish(definitions: Definitions, version: str) -> None:
    for part, value in baseline_records(Baseline("m", "1", version, n=1)):
        definitions.put(baseline_key("m", "1", version, part), value)


def test_revisions_are_held_against_the_baseline_of_the_first_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    definitions, source = Definitions(), Partition()
    evaluate = evaluation_of(definitions=definitions)

    def versions(block: Block) -> dict[str, set[str]]:
        evaluate.take("profiles", block)
        found: dict[str, set[str]] = {}
        for report in records_of(evaluate, "reports"):
            found.setdefault(report["window"]["start"][-4:], set()).add(report["baseline_version"])
        return found

    publish(definitions, "1")
    assert versions(source.block(events([1, 3], [100, 113]))) == {":40Z": {"1"}}
    publish(definitions, "2")
    assert versions(source.block(events([2], 101))) == {":40Z": {"1"}}
    assert versions(source.block(events([4], 123))) == {":50Z": {"2"}}
    saved = {
        remembered_key("verdicts", window): told.to_bytes() for window, told in evaluate._judge._judgements.items()
    }
    saved |= {record.key: record.value for record in Partition().block(events([1, 3], [100, 113])).records}
    evaluate = evaluation_of(definitions=definitions)
    monkeypatch.setattr(evaluation, "read_log", lambda *_: Log(saved, 0))
    monkeypatch.setattr(evaluate._transactions, "fence", lambda: None)
    evaluate.recover()
    assert versions(source.block(events([5], 102)))[":40Z"] == {"1"}
    definitions.put(baseline_key("m", "1", "1", HEADER), None)
    assert versions(source.block(events([6], 103)))[":40Z"] == {"2"}
