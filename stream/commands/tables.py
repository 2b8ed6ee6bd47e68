# SPDX-License-Identifier: Apache-2.0
"""Files of rows, CSV or Parquet, and the roles of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from sketches.block import Block, Column, Kind
from stream.errors import StreamError


class TableError(StreamError):
    """A file of rows is not what it should be; the message is one line."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are not features.

    Parameters
    ----------
    label, prediction, score : str, optional
        The class that became known, the class predicted, and the probability of the positive class.
    inference_id, event_time, label_time : str, optional
        Identity and times of a row, for a replay.
    tags, ignore : tuple of str
        Columns that describe a row without being inputs, and columns to leave out.
    scores : str, optional
        Beginning of the names of the columns that hold the probability of each of many classes, whose names follow it.
    """

    label: str | None = None
    prediction: str | None = None
    score: str | None = None
    inference_id: str | None = None
    event_time: str | None = None
    label_time: str | None = None
    tags: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    scores: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Option name to column name, of the roles that are filled."""
        single = ("label", "prediction", "score", "inference_id", "event_time", "label_time")
        return {role.replace("_", "-"): name for role in single if (name := getattr(self, role)) is not None}

    def of_classes(self, table: pa.Table) -> dict[str, str]:
        """Names that the columns of class scores have in events, by column.

        Raises
        ------
        TableError
            If no column begins as the role says.
        """
        if self.scores is None:
            return {}
        begin = self.scores
        found = {
            name: f"prediction.scores.{name[len(begin) :]}" for name in table.column_names if name.startswith(begin)
        }
        if not found:
            msg = f"--scores {begin}: no column begins so; expected some of {', '.join(table.column_names)}"
            raise TableError(msg)
        return found

    def features(self, table: pa.Table) -> list[str]:
        """Names of the columns left over: the features.

        Raises
        ------
        TableError
            If a role names a column that the table does not have, or two roles of a prediction name the same.
        """
        named = self.named
        of: dict[str, str] = {}
        for role in ("label", "prediction", "score"):
            if (name := named.get(role)) is not None and of.setdefault(name, role) != role:
                raise TableError(f"--{role} {name}: expected another column than that of --{of[name]}")
        others = [("tag", name) for name in self.tags] + [("ignore", name) for name in self.ignore]
        for role, name in [*named.items(), *others]:
            if name not in table.column_names:
                msg = f"--{role} {name}: no such column; expected one of {', '.join(table.column_names)}"
                raise TableError(msg)
        taken = {*named.values(), *self.tags, *self.ignore, *self.of_classes(table)}
        return [name for name in table.column_names if name not in taken]


def read_table(path: Path) -> pa.Table:
    """Read a CSV (also `.csv.gz`) or Parquet file; an empty CSV field is a missing value.

    Raises
    ------
    TableError
        In one line with the file and what was expected.
    """
    if not path.is_file():
        raise TableError(f"{path}: no such file")
    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
        elif path.suffixes[-2:] == [".csv", ".gz"] or path.suffix == ".csv":
            convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True, null_values=[""])
            table = pyarrow.csv.read_csv(path, convert_options=convert)
        else:
            raise TableError(f"{path}: expected a file named .csv, .csv.gz or .parquet")
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or _first_line(error)}") from None
    except pa.ArrowInvalid as error:
        raise TableError(f"{path}: expected rows of columns, got an error: {_first_line(error)}") from None
    if not len(table):
        raise TableError(f"{path}: expected rows, got none")
    return table


def to_column(values: pa.ChunkedArray) -> Column:
    """Take an Arrow column as a block's: integers, floats, booleans or strings.

    Raises
    ------
    TableError
        If its type is none of these.
    """
    kind = values.type
    valid = None if not values.null_count else np.asarray(values.is_valid())
    if pa.types.is_null(kind):
        return Column(Kind.FLOAT, np.zeros(len(values)), np.zeros(len(values), bool))
    if pa.types.is_boolean(kind):
        return Column(Kind.BOOLEAN, np.asarray(pc.fill_null(values, fill_value=False)), valid)
    if pa.types.is_integer(kind):
        return Column(Kind.INTEGER, np.asarray(pc.fill_null(values, 0)).astype(np.int64), valid)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(Kind.FLOAT, np.asarray(pc.fill_null(values.cast(pa.float64()), 0.0)), valid)
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        values = values.cast(pa.string())
        kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded: Any = values.combine_chunks().dictionary_encode()
        codes = np.asarray(pc.fill_null(coded.indices, 0)).astype(np.int32)
        return Column(Kind.STRING, codes, valid, tuple(coded.dictionary.to_pylist()))
    raise TableError(f"expected numbers, booleans or strings, got a column of {kind}")


def to_vectors(values: pa.ChunkedArray) -> Column:
    """Take an Arrow column of lists as a block's vectors.

    Raises
    ------
    TableError
        If it does not hold lists of numbers, all of one length.
    """
    kind = values.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise TableError(f"expected lists of numbers, got a column of {kind}")
    array = values.combine_chunks()
    known = np.asarray(array.is_valid())
    held = array.drop_null()
    lengths = sorted(pc.unique(pc.list_value_length(held)).to_pylist())
    if len(lengths) > 1:
        raise TableError(f"expected vectors of one length, got lengths {', '.join(map(str, lengths[:5]))}")
    vectors = np.zeros((len(array), lengths[0] if lengths else 0), np.float32)
    numbers = pc.fill_null(held.flatten().cast(pa.float32(), safe=False), np.float32("nan"))
    vectors[known] = np.asarray(numbers).reshape(len(held), vectors.shape[1])
    return Column(Kind.VECTOR, vectors, None if known.all() else known)


def column_of(table: pa.Table, name: str) -> Column:
    """Take one of a table's columns, vectors if it is called `embeddings.*`; raises `TableError` naming it."""
    try:
        return to_vectors(table[name]) if name.startswith("embeddings.") else to_column(table[name])
    except TableError as error:
        raise TableError(f"column {name}: {error}") from None


def to_block(table: pa.Table, names: list[str]) -> Block:
    """Take some of a table's columns as a block; raises `TableError` naming the column."""
    return Block(len(table), {name: column_of(table, name) for name in names})


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
