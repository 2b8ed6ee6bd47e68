# SPDX-License-Identifier: Apache-2.0
"""Tables of a caller, whatever library they come from, as one Arrow IPC stream in the columns of the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

MAX_BATCH_ROWS = 65_536


def arrow_table(data: Any, /) -> Any:
    """Make an Arrow table of a mapping of arrays, or of a table of pandas, Polars or Arrow.

    Parameters
    ----------
    data : mapping, DataFrame, Table or RecordBatch
        Columns by name, all of one length. NaN in pandas is missing, in all others a number.

    Raises
    ------
    TypeError
        If it is none of these.

    Examples
    --------
    >>> arrow_table({"age": np.array([39, 50])}).column_names
    ['age']
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, Mapping):
        return pa.table({str(name): arrow_array(values) for name, values in data.items()})
    if type(data).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(data, preserve_index=False)
    if hasattr(data, "__arrow_c_stream__"):
        return _plain(pa.table(data))
    msg = f"expected a mapping of arrays or a table of pandas, Polars or Arrow, got {type(data).__name__}"
    raise TypeError(msg)


def _plain(table: Any) -> Any:
    # Polars hands out string views, which the contract does not have.
    views = {"string_view": pa.large_string(), "binary_view": pa.large_binary()}
    fields = [pa.field(f.name, views.get(str(f.type), f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def arrow_array(values: Any, /) -> Any:
    """Make an Arrow array of one column: a sequence, or an array of any of the libraries.

    A uint8 array of shape (n, length) becomes n fixed-size binaries.
    """
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if type(values).__module__.partition(".")[0] == "pandas":
        return pa.Array.from_pandas(values)
    if hasattr(values, "__arrow_c_stream__"):
        return _plain(pa.table({"": pa.chunked_array(values)})).column(0)
    return _from_numpy(values) if isinstance(values, np.ndarray) else pa.array(values)


def vector_array(vectors: Any, /) -> Any:
    """Make an Arrow array of vectors of one length, one a row; shape (n, dimensions)."""
    with np.errstate(over="ignore"):
        matrix = np.ascontiguousarray(np.asarray(vectors), np.float32)
    if matrix.ndim != 2:
        msg = f"expected vectors as an array of shape (n, dimensions), got shape {matrix.shape}"
        raise ValueError(msg)
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])


def attribution_tables(attributions: Any, /) -> dict[str, Any]:
    """Part attributions into tables by the beginning of their columns' names: one, or one for each class.

    Examples
    --------
    >>> list(attribution_tables({"age": [0.5]})), list(attribution_tables({"yes": {"age": [0.5]}}))
    (['attributions'], ['attributions.yes'])
    """
    if isinstance(attributions, Mapping):
        nested = {name: data for name, data in attributions.items() if isinstance(data, Mapping)}
        flat = {name: data for name, data in attributions.items() if name not in nested}
        tables = {f"attributions.{name}": data for name, data in nested.items()}
        return tables | ({"attributions": flat} if flat else {})
    return {"attributions": attributions}


def _from_numpy(array: np.ndarray[Any, Any]) -> Any:
    if array.ndim == 2 and array.dtype == np.uint8:
        data = pa.py_buffer(np.ascontiguousarray(array))
        return pa.FixedSizeBinaryArray.from_buffers(pa.binary(array.shape[1]), len(array), [None, data])
    return pa.array(array.tolist(), pa.binary()) if array.dtype.kind == "S" else pa.array(array)


def time_column(times: Any, n: int, now_ms: int, /) -> Any:
    """Make a column of times of one time or one a row: integers in ms, aware datetimes, or datetime64 in UTC."""
    if times is None:
        times = now_ms
    if isinstance(times, datetime):
        times = epoch_ms(times)
    if isinstance(times, (int, np.integer)):
        return pa.array(np.full(n, int(times), np.int64))
    array = arrow_array(times)
    if pa.types.is_timestamp(array.type) and array.type.tz is None:
        return array.cast(pa.timestamp(array.type.unit, "UTC"))
    return array


def epoch_ms(time: datetime, /) -> int:
    """Milliseconds since the epoch of an aware datetime.

    Raises
    ------
    ValueError
        If it is naive: which zone it means would be a guess.
    """
    if time.tzinfo is None:
        msg = f"expected a datetime with a time zone, got {time!r}"
        raise ValueError(msg)
    return int(time.timestamp() * 1_000 + 0.5)


def ipc_bytes(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Copy columns of one length into an IPC stream."""
    arrays: Sequence[Any] = list(columns.values())
    table = pa.table(dict(zip(columns, arrays, strict=True))).replace_schema_metadata(dict(metadata))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=MAX_BATCH_ROWS)
    data: bytes = sink.getvalue().to_pybytes()
    return data
