# SPDX-License-Identifier: Apache-2.0
"""What the documentation names exists, and what exists it names."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

import sketchwatch
from stream.cli.main import app
from stream.commands.definition_files import read_definition
from stream.demo.stage import definition_of
from stream.settings import Settings
from windows.definition import ModelDefinition
from windows.options import duration_ms

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation)
        else:
            yield name


def test_every_key_of_settings_and_definition_is_documented() -> None:
    documented = set(re.findall(r"`([a-z0-9_]+)`", CONFIGURATION))
    assert {*_keys(Settings), *_keys(ModelDefinition)} <= documented


def test_no_key_is_documented_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", CONFIGURATION, flags=re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`([a-z0-9_]+)`", row)}
    assert documented <= {*_keys(Settings), *_keys(ModelDefinition)}


def _defaults() -> Iterator[tuple[type[BaseModel], str, str]]:
    """Yield each documented key as the model it belongs to, its name and its default as written."""
    model: Any = Settings
    for line in CONFIGURATION.splitlines():
        if line.startswith("## Definition"):
            model = ModelDefinition
        elif heading := re.fullmatch(r"### `\[([a-z_.]+)\]`", line):
            model = ModelDefinition
            for part in heading[1].split("."):
                model = model.model_fields[part].annotation
        elif row := re.match(r"\| (`[^|]+`) \| ([^|]+) \|", line):
            keys, defaults = row[1].split(", "), row[2].split(", ")
            for key, default in zip(keys, defaults, strict=True):
                yield model, key.strip("`"), default


# The one has no default, the other's depends on another key.
@pytest.mark.parametrize(
    ("model", "key", "said"),
    [row for row in _defaults() if row[1] not in ("model", "retention")],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_the_documented_default_is_the_keys(model: type[BaseModel], key: str, said: str) -> None:
    default = model.model_fields[key].default
    text = said.strip('`"')
    if said == "none":
        assert default is None or len(default) == 0
    elif isinstance(default, bool):
        assert text == str(default).lower()
    elif isinstance(default, int | float):
        number = text.replace(" ", "")
        assert default == (duration_ms(text) if said.startswith('`"') else float(number))
    else:
        assert text == default


@pytest.mark.parametrize("block", re.findall(r"```toml\n(model =.*?)```", CONFIGURATION, flags=re.DOTALL))
def test_the_documented_definition_is_one(block: str, tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(block, encoding="utf-8")
    assert read_definition(path).model == "adult-income"


def test_links_between_the_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"


COMMANDS = [
    (document.name, words)
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("sketchwatch ") and (words := shlex.split(line, comments=True))
]


@pytest.mark.parametrize(("document", "words"), COMMANDS, ids=lambda value: " ".join(value[1:3]))
def test_the_documented_commands_and_options_exist(document: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word for word in rest if word.startswith("-")}
    assert used <= known, f"{document}: {' '.join(words)}"


def test_the_documents_show_commands() -> None:
    assert len(COMMANDS) > 10


def test_the_examples_definition_is_the_demos() -> None:
    assert read_definition(ROOT / "examples" / "adult" / "monitor.toml") == definition_of("1")


@pytest.mark.parametrize(
    "block",
    [
        block
        for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for block in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    ],
)
def test_documented_python_calls_what_there_is(block: str) -> None:
    made: dict[str, type] = {}
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            assert node.module == "sketchwatch"
            assert {alias.name for alias in node.names} <= set(sketchwatch.__all__)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            target, function = node.targets[0], node.value.func
            assert isinstance(target, ast.Name)
            assert isinstance(function, ast.Name)
            made[target.id] = getattr(sketchwatch, function.id)
            _bind(made[target.id], node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert isinstance(node.func.value, ast.Name)
            _bind(getattr(made[node.func.value.id], node.func.attr), node, "self")
    assert made


def _bind(function: Any, call: ast.Call, *first: str) -> None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    inspect.signature(function).bind(*first, *call.args, **keywords)
