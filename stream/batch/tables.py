# SPDX-License-Identifier: Apache-2.0
"""Files of a job that are tables: CSV with or without a header, Parquet."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from stream.batch.job import Format
from stream.commands.tables import TableError
from stream.imports.selectors import Selector
from stream.imports.unread import UnreadLines


def files_of(source: Path) -> list[Path]:
    """Find a job's files, whatever they are called; raises `TableError` if the folder is not there.

    Examples
    --------
    >>> files_of(Path("no-such-folder"))
    Traceback (most recent call last):
        ...
    stream.commands.tables.TableError: no-such-folder: no such file or folder
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise TableError(f"{source}: no such file or folder")
    return sorted(file for file in source.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))


def names_by_position(columns: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Name columns without a header by the baseline's, as far as it goes.

    Examples
    --------
    >>> names_by_position(("age",), 2)
    ('age', '_c1')
    """
    return tuple(columns[place] if place < len(columns) else f"_c{place}" for place in range(count))


def read_file(
    file: Path, form: Format, columns: tuple[str, ...], texts: frozenset[str], unread: UnreadLines
) -> pa.Table:
    """Read one file.

    Parameters
    ----------
    file : Path
        CSV, also gzip, or Parquet.
    form : Format
        Which of these, and whether it has a header.
    columns : tuple of str
        Names where it has none.
    texts : frozenset of str
        Columns whose values are text whatever they spell.
    unread : UnreadLines
        Told of lines with more or fewer columns than the first.

    Raises
    ------
    TableError
        In one line with the file and what was expected.
    """
    try:
        table = pyarrow.parquet.read_table(file) if form.kind == "parquet" else _csv(file, form, columns, texts, unread)
    except (OSError, pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"{file}: expected {form.kind}, got an error: {str(error).splitlines()[0]}") from None
    for place, one in enumerate(table.schema):
        if pa.types.is_temporal(one.type):
            table = table.set_column(place, one.name, table.column(place).cast(pa.string()))
    return table


def _csv(file: Path, form: Format, columns: tuple[str, ...], texts: frozenset[str], unread: UnreadLines) -> pa.Table:
    def skip(row: pyarrow.csv.InvalidRow) -> Literal["skip"]:
        unread.add(file, row.number, f"expected {row.expected_columns} columns, got {row.actual_columns}")
        return "skip"

    convert = pyarrow.csv.ConvertOptions(
        strings_can_be_null=True, null_values=[""], column_types=dict.fromkeys(texts, pa.string())
    )
    names = None if form.header else list(names_by_position(columns, _width(file)))
    with _opened(file) as opened:
        # Threads know no numbers of lines.
        read = pyarrow.csv.ReadOptions(column_names=names, use_threads=False)
        parse = pyarrow.csv.ParseOptions(invalid_row_handler=skip)
        return pyarrow.csv.read_csv(opened, read_options=read, parse_options=parse, convert_options=convert)


def _width(file: Path) -> int:
    """Count the columns of the first line."""
    with _opened(file) as opened:
        first = opened.read(1 << 20).decode(errors="replace").splitlines()[:1]
    return len(next(csv.reader(first), []))


def _opened(file: Path) -> pa.NativeFile:
    with file.open("rb") as opened:
        zipped = opened.read(2) == b"\x1f\x8b"
    return pa.input_stream(file, compression="gzip" if zipped else None)


def column_of(selector: Selector, names: list[str]) -> str:
    """Name the column that an attribute is of, by name or by position; raises `TableError`.

    Examples
    --------
    >>> column_of(Selector.parse("-1"), ["age", "score"]), column_of(Selector.parse("age"), ["age", "score"])
    ('score', 'age')
    """
    if selector.text in names:
        return selector.text
    step = selector.steps[0]
    if len(selector.steps) == 1 and isinstance(step, int) and -len(names) <= step < len(names):
        return names[step]
    raise TableError(f"attribute {selector.text}: expected one of the columns {', '.join(names)}")
