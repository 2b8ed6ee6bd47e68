# SPDX-License-Identifier: Apache-2.0
"""Files in folders by hour, `yyyy/mm/dd/hh`, and their lines, plain or gzip."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

from stream.commands.tables import TableError

_NAMES = (".jsonl", ".json", ".out", ".csv")
_HOUR = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/(\d\d)/")
_GZIP = b"\x1f\x8b"
LONGEST_LINE = 64 << 20


class Source(NamedTuple):
    """A file, and the hour that it lies under, in milliseconds UTC."""

    hour_ms: int | None
    path: Path


class Line(NamedTuple):
    """One line, or what is wrong with the rest of its file."""

    number: int
    content: bytes
    error: str | None = None


def hours_of(paths: Iterable[Path]) -> list[tuple[int | None, list[Source]]]:
    """Find files and put them in order of time: all of one hour together, those of no hour first.

    Parameters
    ----------
    paths : iterable of Path
        Files, whatever they are called, and folders: of these all files named .jsonl, .json, .out or .csv, also .gz.

    Raises
    ------
    TableError
        If a path is not there, or there is no file.
    """
    sources = sorted(
        {Source(hour_of(file), file) for path in paths for file in _files(path)},
        key=lambda source: (source.hour_ms is not None, source.hour_ms or 0, source.path),
    )
    return [(hour, list(files)) for hour, files in groupby(sources, key=lambda source: source.hour_ms)]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TableError(f"{path}: no such file or folder")
    named = [
        file
        for file in path.rglob("*")
        if file.name.removesuffix(".gz").endswith(_NAMES) and not file.name.startswith(".") and file.is_file()
    ]
    if not named:
        raise TableError(f"{path}: expected files named {', '.join(_NAMES)} (or so and .gz) in this folder, got none")
    return named


def hour_of(path: Path) -> int | None:
    """Give the hour whose folder a file lies in.

    Examples
    --------
    >>> hour_of(Path("churn/AllTraffic/1970/01/01/02/a.jsonl")), hour_of(Path("a.jsonl"))
    (7200000, None)
    """
    found = _HOUR.findall(path.absolute().as_posix())
    try:
        year, month, day, hour = map(int, found[-1])
        return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1_000)
    except (IndexError, ValueError):
        return None


def lines_of(path: Path) -> Iterator[Line]:
    """Read a file line by line, empty ones left out; what cannot be read ends it with an error."""
    number = 0
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            file: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if zipped else raw
            while content := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(content) > LONGEST_LINE:
                    yield Line(number, b"", f"expected lines of at most {LONGEST_LINE} bytes; the rest is left out")
                    return
                if content.strip():
                    yield Line(number, content)
    except (OSError, EOFError, zlib.error) as error:
        yield Line(number + 1, b"", f"cannot be read further: {error}")
