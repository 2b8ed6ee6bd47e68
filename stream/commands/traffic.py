# SPDX-License-Identifier: Apache-2.0
"""A model's history as a table: which rows are events, and when which label became known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sketches.block import Column
from stream.commands.tables import Roles, TableError, column_of
from topics.batches import FLOAT, Values
from windows.baselines.roles import classes


@dataclass(frozen=True, slots=True)
class Traffic:
    """Inferences in the order they happened, and their labels in the order they arrived.

    Parameters
    ----------
    ids : tuple of bytes, length n
        Inference ids, UTF-8.
    event_time_ms : ndarray of int64, shape (n,)
        When each inference happened, ascending, UTC.
    columns : dict of str to Values, n rows each
        Features under their own names, and the outputs `prediction.label`, `prediction.score` and
        `prediction.scores.<class>`, or of a regression `prediction.value`.
    tags : dict of str to Values, n rows each
        What describes a row without being an input.
    label : Values, m rows
        Classes that became known, of a regression numbers.
    label_row, label_time_ms : ndarray of int64, shape (m,)
        The row of each label, and when it arrived, ascending.
    attributions : dict of str to Values, n rows each
        Columns called `attributions.<feature>`, or `attributions.<class>.<feature>`, without that beginning.
    embeddings : dict of str to ndarray of float32, shape (n, dimensions)
        Columns called `embeddings.<name>`, without that beginning.
    """

    ids: tuple[bytes, ...]
    event_time_ms: NDArray[np.int64]
    columns: dict[str, Values]
    tags: dict[str, Values]
    label: Values | None
    label_row: NDArray[np.int64]
    label_time_ms: NDArray[np.int64]
    attributions: dict[str, Values] = field(default_factory=dict)
    embeddings: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def traffic_of(table: pa.Table, roles: Roles, *, name: str, label_delay_ms: int = 0, numeric: bool = False) -> Traffic:
    """Read a table as traffic.

    Parameters
    ----------
    table : pyarrow.Table
        One row an inference.
    roles : Roles
        What its columns are; `event_time` is required.
    name : str
        Beginning of the inference ids where no column holds them.
    label_delay_ms : int
        How long after its event a label arrives where no column says when.
    numeric : bool
        Whether it is a regression: predictions and labels are numbers.

    Raises
    ------
    TableError
        Naming the option, the column and what was expected.
    """
    features = roles.features(table)
    if roles.event_time is None:
        raise TableError("expected --event-time COLUMN: when each inference happened")
    times = _times_ms(table, roles.event_time)
    order = np.argsort(times, kind="stable")
    table, times = table.take(pa.array(order)), times[order]
    attributed, embedded = (_section(features, section) for section in ("attributions", "embeddings"))
    inputs = [feature for feature in features if feature not in attributed and feature not in embedded]
    columns = {feature: _values(table, feature) for feature in inputs}
    if roles.prediction is not None and numeric:
        columns["prediction.value"] = _number(table, "prediction", roles.prediction)
    elif roles.prediction is not None:
        columns["prediction.label"] = _classes(table, roles.prediction)
    if roles.score is not None:
        columns["prediction.score"] = _number(table, "score", roles.score)
    columns |= {output: _number(table, "scores", name) for name, output in roles.of_classes(table).items()}
    label, rows, known = None, np.zeros(0, np.int64), np.zeros(0, np.int64)
    if roles.label is not None:
        whole = _number(table, "label", roles.label) if numeric else _classes(table, roles.label)
        rows = np.arange(len(table)) if whole.valid is None else np.flatnonzero(whole.valid)
        known = times + label_delay_ms if roles.label_time is None else _times_ms(table, roles.label_time, rows)
        rows = rows[np.argsort(known[rows], kind="stable")]
        label, known = whole.take(rows)._replace(valid=None), known[rows]
    tags = {tag: _values(table, tag) for tag in roles.tags}
    attributions = {name: _values(table, column) for column, name in attributed.items()}
    embeddings = {name: _vectors(table, column) for column, name in embedded.items()}
    ids = _ids(table, roles, name, order)
    return Traffic(ids, times, columns, tags, label, rows, known, attributions, embeddings)


def _section(features: list[str], section: str) -> dict[str, str]:
    """Names within a section of events, such as `attributions`, by the columns that hold them."""
    return {name: name.removeprefix(f"{section}.") for name in features if name.startswith(f"{section}.")}


def _values(table: pa.Table, name: str) -> Values:
    return _as_values(column_of(table, name))


def _classes(table: pa.Table, name: str) -> Values:
    return _as_values(classes(column_of(table, name)))


def _vectors(table: pa.Table, name: str) -> NDArray[np.float32]:
    column = column_of(table, name)
    if column.valid is not None:
        missing = np.count_nonzero(~column.valid)
        raise TableError(f"column {name}: expected a vector in every row, got none in {missing}")
    return column.values


def _as_values(column: Column) -> Values:
    return Values(int(column.kind), column.values, column.valid, column.categories)


def _number(table: pa.Table, option: str, name: str) -> Values:
    values = _values(table, name)
    if values.categories:
        raise TableError(f"--{option} {name}: expected numbers, got strings such as {values.categories[0]!r}")
    return Values(FLOAT, values.values.astype(np.float64), values.valid)


def _times_ms(table: pa.Table, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Read times, where `rows` says that only those need one."""
    column = table[name]
    missing = column.null_count if rows is None else column.take(pa.array(rows)).null_count
    if missing:
        raise TableError(f"column {name}: expected a time in every row, got none in {missing}")
    kind = column.type
    if pa.types.is_string(kind):
        try:
            column = pc.cast(column, pa.timestamp("ms", "UTC"))
        except pa.ArrowInvalid:
            raise TableError(f"column {name}: expected ISO 8601 times, got such as {column[0].as_py()!r}") from None
    elif pa.types.is_timestamp(kind):
        column = pc.cast(column, pa.timestamp("ms", kind.tz), safe=False)
    elif not pa.types.is_integer(kind):
        raise TableError(f"column {name}: expected times or integer milliseconds since the epoch, got {kind}")
    return np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0))


def _ids(table: pa.Table, roles: Roles, name: str, order: NDArray[np.int64]) -> tuple[bytes, ...]:
    if roles.inference_id is None:
        return tuple(f"{name}-{row:09d}".encode() for row in order.tolist())
    ids = tuple(str(value).encode() for value in table[roles.inference_id].to_pylist())
    wrong = next((value for value in ids if not 1 <= len(value) <= 256), None)
    if wrong is not None:
        raise TableError(f"--inference-id {roles.inference_id}: expected 1 to 256 bytes, got {len(wrong)}")
    return ids
