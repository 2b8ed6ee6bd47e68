# SPDX-License-Identifier: Apache-2.0
"""What the documentation names exists, and what exists it names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from stream.cli.main import app
from stream.definition_files import read_definition
from stream.settings import Settings
from windows.definition import ModelDefinition

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation)
        else:
            yield name


def test_every_key_of_settings_and_definition_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", CONFIGURATION))
    assert {*_keys(Settings), *_keys(ModelDefinition)} <= documented


def test_no_key_is_documented_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", CONFIGURATION, flags=re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
    assert documented <= {*_keys(Settings), *_keys(ModelDefinition)}


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
