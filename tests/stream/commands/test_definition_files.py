# SPDX-License-Identifier: Apache-2.0
"""A monitor.toml is read as a definition, or refused in one line that says what to write instead."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pydantic
import pytest

from stream.commands.definition_files import DefinitionError, definition_schema, read_definition
from windows.definition import ModelDefinition


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
        ('model = "a"\npositive = "1"\nlabels = 2', ["positive", "(and 1 more)"]),
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


def test_the_published_schema_is_the_definitions() -> None:
    """If not: `sketchwatch apply --schema | python -m json.tool > topics/schemas/definition.json`."""
    published = json.loads((files("topics") / "schemas" / "definition.json").read_text("utf-8"))
    assert published == definition_schema()


@pytest.mark.parametrize("size", ["1h", 3_600_000])
def test_the_schema_takes_durations_as_the_file_and_as_the_record_have_them(size: object) -> None:
    document = {"model": "a", "window": {"size": size}}
    jsonschema.validate(document, definition_schema())
    definition = ModelDefinition.model_validate(document)
    jsonschema.validate(definition.model_dump(mode="json"), definition_schema())


def test_the_schema_refuses_what_the_definition_refuses() -> None:
    for document in ({}, {"model": "a b"}, {"model": "a", "sise": 1}, {"model": "a", "limits": {"open_windows": 0}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, definition_schema())
        with pytest.raises(pydantic.ValidationError):
            ModelDefinition.model_validate(document)
