# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong, a command says it in one line on stderr and exits with the right code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stream.cli import main
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.records import baseline_key
from topics.subjects import Topics

NOBODY = "127.0.0.1:1"
MONITOR = 'model = "adult-income"\n'


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(words)
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


@pytest.fixture
def monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("monitor.toml")
    path.write_text(MONITOR)
    return path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.kafka.connection._TIMEOUT_S", 0.5)


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "monitor.toml"],
        ["topics", "check"],
        ["topics", "create"],
        ["violations"],
        ["worker"],
        ["query", "--model", "adult-income"],
        ["demo"],
    ],
    ids=" ".join,
)
def test_an_unreachable_broker_is_one_line_with_its_address_and_exit_code_3(
    capsys: pytest.CaptureFixture[str], monitor: Path, words: list[str]
) -> None:
    code, out, err = _run(capsys, *words, "--bootstrap", NOBODY)
    assert code == 3
    assert out == ""
    assert len(err.splitlines()) == 1
    assert NOBODY in err
    assert "refused" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [('model = "a"\n[window]\nsize = "1 hour"', "monitor.toml: window.size: expected a duration"), ("model =", "TOML")],
)
def test_a_wrong_monitor_file_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monitor: Path, content: str, said: str
) -> None:
    monitor.write_text(content)
    code, out, err = _run(capsys, "apply", "monitor.toml", "--bootstrap", NOBODY)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err


def test_a_wrong_settings_file_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], monitor: Path) -> None:
    Path("sketchwatch.toml").write_text('bootstrap = "localhost:9092"')
    code, out, err = _run(capsys, "apply", "monitor.toml")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "sketchwatch.toml" in err
    assert "bootstrap" in err


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monitor: Path
) -> None:
    Path("data.csv").write_text("x\n1\n2\n")
    words = ("baseline", "suggest", "data.csv", "--monitor", "monitor.toml", "--out", "monitor.toml/below")
    code, out, err = _run(capsys, *words)
    assert (code, out) == (2, "")
    assert "monitor.toml/below" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [TimeoutError("expected leaders"), ValueError("two\nlines")], ids=repr)
def test_what_nobody_foresaw_is_one_line_and_exit_code_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("stream.cli.topics.connect", lambda _settings: None)
    monkeypatch.setattr("stream.cli.topics.create_topics", fail)
    code, out, err = _run(capsys, "topics", "create")
    assert (code, out) == (3, "")
    assert len(err.splitlines()) == 1
    assert str(error).split()[0] in err


def test_a_variable_shows_the_traceback_of_what_nobody_foresaw(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_settings: object) -> None:
        msg = "surprise"
        raise ValueError(msg)

    monkeypatch.setattr("stream.cli.topics.connect", fail)
    monkeypatch.setenv("SKETCHWATCH_DEBUG", "1")
    code, _, err = _run(capsys, "topics", "check")
    assert code == 3
    assert "Traceback" in err


def test_an_unknown_option_and_a_missing_argument_are_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "apply", "--nonsense")[0] == 2
    assert _run(capsys, "apply")[0] == 2


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--help")
    assert code == 0
    for name in ("topics", "apply", "baseline", "worker", "replay", "violations", "query", "demo", "doctor"):
        assert name in out
    assert "3 infrastructure" in out


def test_the_version_is_told_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--version")
    assert code == 0
    assert re.fullmatch(r"sketchwatch \d+\.\d+\.\d+\n", out)


def test_a_baseline_that_is_not_there_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = _run(capsys, "baseline", "publish", str(tmp_path), "--bootstrap", NOBODY)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "data_quality/constraints.json" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rows.csv", "--out", "b"], "expected --model NAME or --monitor FILE"),
        (["rows.csv", "--out", "b", "--model", "a b"], "--model: expected a string that matches"),
        (["rows.csv", "--out", "b", "--model", "m", "--label", "z"], "--label z: no such column"),
        (["rows.csv", "--out", "b", "--model", "m", "--score", "x"], "scores from 0 to 1"),
        (["none.csv", "--out", "b", "--model", "m"], "none.csv: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_data_that_make_no_baseline_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("x,y\n5,1\n6,0\n")
    code, out, err = _run(capsys, "baseline", "suggest", *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert said in err


@pytest.mark.parametrize(("published", "expected"), [((), '"latest"'), (("2", "10"), '"latest", "2" or "10"')])
def test_a_baseline_that_is_not_published_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
    monitor: Path,
    mock_broker: str,
    topics: str,
    published: tuple[str, ...],
    expected: str,
) -> None:
    settings = Settings(bootstrap_servers=mock_broker, topic_prefix=topics)
    header = json.dumps({}).encode()
    keys = [baseline_key("adult-income", "1", version, "header") for version in published]
    publish(settings, [Outgoing(Topics(topics).definitions, 0, key, header) for key in keys])
    monitor.write_text(MONITOR + 'baseline = "7"\n')
    Path("sketchwatch.toml").write_text(f'topic_prefix = "{topics}"\n')
    code, out, err = _run(capsys, "apply", "monitor.toml", "--bootstrap", mock_broker)
    assert (code, out) == (2, "")
    assert err.splitlines() == [f'sketchwatch: monitor.toml: baseline: expected {expected}, got "7"']


def test_no_baseline_at_all_is_a_warning(
    capsys: pytest.CaptureFixture[str], monitor: Path, mock_broker: str, topics: str
) -> None:
    Path("sketchwatch.toml").write_text(f'topic_prefix = "{topics}"\n')
    code, _, err = _run(capsys, "apply", str(monitor), "--bootstrap", mock_broker)
    assert code == 0
    assert "warning: no baseline of adult-income version 1 is published" in err
