# SPDX-License-Identifier: Apache-2.0
"""A monitor.toml is read as a definition, or refused in one line that says what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.definition_files import DefinitionError, read_definition


def _write(directory: Path, text: str) -> Path:
    path = directory / "monitor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_full_file_is_read_with_durations_in_milliseconds(tmp_path: Path) -> None:
    text = """
        model = "adult-income"
        version = "3"
        problem_type = "BinaryClassification"
        [window]
        size = "30m"
        label_horizon = "3h"
        [monitors.data_drift]
        mode = "robust"
    """
    definition = read_definition(_write(tmp_path, text))
    assert (definition.model, definition.version) == ("adult-income", "3")
    assert (definition.window.size, definition.window.label_horizon) == (1_800_000, 10_800_000)
    assert definition.monitors.data_drift.mode == "robust"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model =", ["expected TOML", "Invalid value"]),
        ('model = "a b"', ["model", "[A-Za-z0-9._-]", "'a b'"]),
        ("", ["model", "expected a value, got none"]),
        ('model = "a"\nversion = 3', ["version", "expected a string, got 3"]),
        ('model = "a"\n[window]\nsise = "1h"', ["window.sise", 'did you mean "size"', "grace"]),
        ('model = "a"\n[window]\nsize = "1 hour"', ["window.size", '"1h"', "'1 hour'"]),
        ('model = "a"\nwindow = 3', ["window", "expected a table, got 3"]),
        ('model = "a"\n[monitors.data_drift]\nmode = "fancy"', ["monitors.data_drift.mode", "'calibrated'", "'fancy'"]),
        ('model = "a"\n[monitors.drift]\nmode = "robust"', ["monitors.drift", 'did you mean "data_drift"']),
        ('model = "a"\nprobability_threshold = 2', ["probability_threshold", "less than or equal to 1", "2"]),
        ('model = "a"\n[window]\nretention = "1s"', ["window", "label horizon"]),
        ('model = "a"\npositive = "1"\nclasses = 2', ["positive", "(and 1 more)"]),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_with_file_key_and_what_was_expected(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(DefinitionError) as refusal:
        read_definition(path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    for words in said:
        assert words in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"absent\.toml: cannot be read: No such file"):
        read_definition(tmp_path / "absent.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_bytes(b"model = \xff")
    with pytest.raises(DefinitionError, match="expected UTF-8"):
        read_definition(path)
