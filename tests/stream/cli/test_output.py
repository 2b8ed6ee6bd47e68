# SPDX-License-Identifier: Apache-2.0
"""What a topic says is shown, and nothing in it reaches the terminal as a command."""

from __future__ import annotations

import json

import pytest

from stream.cli.options import time_ms
from stream.cli.output import print_json, print_lines, print_records, say

NASTY = "\x1b[2J\x07red\u202e\n[bold]x[/bold]"


def test_escape_sequences_and_markup_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    print_records([{"feature": NASTY}], as_json=False)
    print_lines([NASTY])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "[bold]x[/bold]" in out
    assert out.rstrip("\n").splitlines()[-1] == r"\x1b[2J\x07red\x202e\x0a[bold]x[/bold]"


def test_json_is_one_line_a_record_and_has_no_numbers_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"feature": NASTY, "sd": float("nan"), "high": float("inf")})
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) == 1
    assert json.loads(out) == {"feature": NASTY, "sd": "NaN", "high": "Infinity"}


def test_records_are_a_line_each_as_json_and_a_table_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    records = [{"a": 1, "b": None}, {"a": 0.123456, "b": ["x", "y"]}]
    print_records(records, as_json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == records
    print_records(records, as_json=False)
    out = capsys.readouterr().out
    assert "0.1235" in out
    assert "x, y" in out
    assert "None" not in out


def test_no_records_are_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    print_records([], as_json=True)
    print_records([], as_json=False)
    assert capsys.readouterr().out == ""


def test_messages_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]done[/bold]")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "[bold]done[/bold]\n")


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert time_ms("1970-01-01") == 0
    assert time_ms("1970-01-01T01:00:00Z") == time_ms("1970-01-01T02:00:00+01:00") == 3_600_000
