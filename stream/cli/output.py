# SPDX-License-Identifier: Apache-2.0
"""Where output goes: data to stdout, as a table or as one JSON object a line; messages to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from topics.records import to_json


class Exit(IntEnum):
    """Exit codes of every command."""

    FINE = 0
    VIOLATIONS = 1
    USAGE = 2
    INFRASTRUCTURE = 3


def messages() -> Console:
    """The console for people: progress, warnings, what was done."""
    return Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Write a message to stderr."""
    messages().print(text)


def print_json(record: Mapping[str, Any]) -> None:
    """Write one record to stdout as one line of JSON."""
    sys.stdout.write(to_json(record).decode() + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows to stdout as a table, a tuple as lines; values are shown as they are, never as markup."""
    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def print_records(records: Sequence[Mapping[str, Any]], *, as_json: bool, title: str = "") -> None:
    """Write records of the same keys: a line of JSON each, or a table."""
    if as_json:
        for record in records:
            print_json(record)
    elif records:
        print_table(title, list(records[0]), [list(record.values()) for record in records])


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout as they are, without escape sequences."""
    for line in lines:
        sys.stdout.write(_shown(line) + "\n")
    sys.stdout.flush()


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return (", " if isinstance(value, list) else "\n").join(_shown(item) for item in value)
    # Names and categories come from topics: no escape sequence of theirs may reach the terminal.
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in str(value))
