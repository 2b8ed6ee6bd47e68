# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch violations` shows what stands, and its exit code says whether anything does."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from stream.cli import main
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.records import to_json
from topics.subjects import Topics
from windows.report import Verdict, Violation

FOUND = Violation("violation", "m", "1", "data_drift", 0, 1_000, 4, Verdict("age", "drift", "ks", "violation"))
RESOLVED = FOUND.resolved(5, FOUND.verdict)


def _shown(
    violations: list[Violation],
    bootstrap: str,
    prefix: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[object, list[dict[str, Any]]]:
    settings, topic = Settings(bootstrap_servers=bootstrap), Topics(prefix).violations
    publish(settings, [Outgoing(topic, 0, one.id.encode(), to_json(one.as_record())) for one in violations])
    monkeypatch.setenv("SKETCHWATCH_TOPIC_PREFIX", prefix)
    with pytest.raises(SystemExit) as left:
        main(["violations", "--bootstrap", bootstrap, "--json"])
    return left.value.code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_violation_that_stands_is_shown_and_exit_code_1(
    mock_broker: str, topics: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown = _shown([FOUND], mock_broker, topics, capsys, monkeypatch)
    assert (code, [record["id"] for record in shown]) == (1, [FOUND.id])


def test_a_violation_taken_back_is_not_shown_and_exit_code_0(
    mock_broker: str, topics: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _shown([FOUND, RESOLVED], mock_broker, topics, capsys, monkeypatch) == (0, [])


def test_following_ends_with_the_exit_code_even_when_interrupted_while_it_prints(
    mock_broker: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, topic = Settings(bootstrap_servers=mock_broker), Topics(topics).violations
    outgoing = Outgoing(topic, 0, FOUND.id.encode(), to_json(FOUND.as_record()))
    publish(settings, [outgoing])

    def show_then_publish(_records: list[dict[str, Any]], *, as_json: bool) -> None:
        assert as_json
        publish(settings, [outgoing])

    def interrupted(_record: dict[str, Any]) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("stream.cli.violations._show", show_then_publish)
    monkeypatch.setattr("stream.cli.violations.print_json", interrupted)
    monkeypatch.setenv("SKETCHWATCH_TOPIC_PREFIX", topics)
    with pytest.raises(SystemExit) as left:
        main(["violations", "--bootstrap", mock_broker, "--json", "--follow"])
    assert left.value.code == 1
