# SPDX-License-Identifier: Apache-2.0
"""Read `monitor.toml`; what is wrong with one is said in a line: file, key, expected, received."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from stream.errors import StreamError
from windows.definition import ModelDefinition

_EXPECTED = {
    "missing": "expected a value, got none",
    "string_type": "expected a string",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "tuple_type": "expected a list",
    "model_type": "expected a table",
}


class DefinitionError(StreamError):
    """A file of the user's does not say what it should; the message is one line."""

    exit_code = 2


def read_definition(path: Path) -> ModelDefinition:
    """Read one model's definition from a TOML file.

    Parameters
    ----------
    path : Path
        A `monitor.toml`; its keys are those of `ModelDefinition`.

    Raises
    ------
    DefinitionError
        With file, key, expected and received value in one line.
    """
    content = read_toml(path)
    try:
        return ModelDefinition.model_validate(content)
    except ValidationError as error:
        raise DefinitionError(f"{path}: {explain(error, ModelDefinition)}") from None


def definition_schema() -> dict[str, Any]:
    """Make the JSON Schema of `monitor.toml` and of the record it becomes.

    Examples
    --------
    >>> definition_schema()["required"]
    ['model']
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ModelDefinition.model_json_schema()}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises `DefinitionError` naming the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#x}") from None
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{path}: expected TOML, got an error: {error}") from None


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in one line what the first fault is and how many more there are.

    Examples
    --------
    >>> try:
    ...     ModelDefinition.model_validate({"model": "adult", "window": {"sise": "1h"}})
    ... except ValidationError as error:
    ...     print(explain(error, ModelDefinition))
    window.sise: unknown key, did you mean "size"? Expected size, grace, label_horizon, retention, idle_timeout
    """
    faults = error.errors(include_url=False)
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return _line(faults[0], model) + more


def _line(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    location: Sequence[str | int] = fault["loc"]
    key = ".".join(str(part) for part in location)
    kind, received = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        known = _keys(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f', did you mean "{close[0]}"?' if close else "."
        return f"{key}: unknown key{hint} Expected {', '.join(known)}"
    context = fault.get("ctx", {})
    if kind == "value_error":
        text = str(context["error"])
        return f"{key}: {text}" if key else text
    if kind == "missing":
        return f"{key}: {_EXPECTED[kind]}"
    if kind == "literal_error":
        return f"{key}: expected {context['expected']}, got {received!r}"
    if kind == "string_pattern_mismatch":
        return f"{key}: expected a string that matches {context['pattern']}, got {received!r}"
    expected = _EXPECTED.get(kind, str(fault["msg"]).replace("Input should be", "expected"))
    return f"{key}: {expected}, got {received!r}"


def _keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    fields: Any = model
    for part in location:
        if isinstance(part, str) and isinstance(fields, type) and issubclass(fields, BaseModel):
            fields = fields.model_fields[part].annotation
    return list(fields.model_fields) if isinstance(fields, type) and issubclass(fields, BaseModel) else []
