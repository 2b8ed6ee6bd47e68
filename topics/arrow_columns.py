# SPDX-License-Identifier: Apache-2.0
"""Columns of Arrow as `Values`, without a copy where there is nothing to convert."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from topics.batches import BOOLEAN, FLOAT, INTEGER, STRING, Values
from topics.fields import MAX_NAME_CHARACTERS
from topics.refusals import Refused
from topics.values import canonical_class

_TICKS_PER_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def storage(array: Any, /) -> Any:
    """Take the plain array out of one of an extension type, such as a UUID."""
    return array.storage if isinstance(array.type, pa.BaseExtensionType) else array


def is_text(kind: Any, /) -> bool:
    """Whether a type holds strings, plain or as a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: Any, /) -> bool:
    """Whether a type holds integers or floats."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def is_scalar(kind: Any, /) -> bool:
    """Whether a type may hold a feature."""
    return is_number(kind) or is_text(kind) or bool(pa.types.is_boolean(kind) or pa.types.is_null(kind))


def validity(array: Any, /) -> NDArray[np.bool_] | None:
    """Rows that are not null, None if all are."""
    return array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None


def scalars(array: Any, /) -> Values:
    """Read a feature or tag."""
    kind = array.type
    if pa.types.is_null(kind):
        return Values(FLOAT, np.full(len(array), np.nan), np.zeros(len(array), np.bool_))
    if pa.types.is_boolean(kind):
        valid = validity(array)
        array = array if valid is None else array.fill_null(fill_value=False)
        return Values(BOOLEAN, array.to_numpy(zero_copy_only=False), valid)
    if pa.types.is_integer(kind):
        valid = validity(array)
        values = (array if valid is None else array.fill_null(0)).to_numpy(zero_copy_only=False)
        if kind == pa.uint64() and len(values) and values.max() > np.iinfo(np.int64).max:
            return Values(FLOAT, values.astype(np.float64), valid)
        return Values(INTEGER, values.astype(np.int64, copy=False), valid)
    return strings(array) if is_text(kind) else numbers(array)


def numbers(array: Any, /) -> Values:
    """Read integers or floats as float64."""
    if pa.types.is_null(array.type):
        return scalars(array)
    valid = validity(array)
    return Values(FLOAT, array.to_numpy(zero_copy_only=False).astype(np.float64, copy=False), valid)


def strings(array: Any, /) -> Values:
    """Read strings as codes into their categories."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    categories = array.dictionary.to_pylist()
    if len(categories) > len(array) or None in categories or len(set(categories)) < len(categories):
        # Unused, null and repeated entries are legal in Arrow; categories have none.
        array = array.dictionary_decode().dictionary_encode()
        categories = array.dictionary.to_pylist()
    valid = validity(array)
    codes = (array.indices if valid is None else array.indices.fill_null(0)).to_numpy(zero_copy_only=False)
    return Values(STRING, codes.astype(np.int32, copy=False), valid, tuple(categories))


def classes(array: Any, /) -> Values:
    """Read class labels in their canonical form; what cannot be one becomes invalid."""
    if not is_text(array.type):
        if pa.types.is_null(array.type):
            return Values(STRING, np.zeros(len(array), np.int32), np.zeros(len(array), np.bool_))
        array = array.dictionary_encode()
    else:
        column = strings(array)
        return _bounded(column, column.categories)
    codes = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
    named = [canonical_class(value) if _is_class(value) else "" for value in array.dictionary.to_pylist()]
    places = {name: place for place, name in enumerate(dict.fromkeys(named))}
    recoded = np.array([places[name] for name in named] or [0], np.int32)[codes]
    return _bounded(Values(STRING, recoded, validity(array), tuple(places)), tuple(places))


def _is_class(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and value - value != 0.0)


def _bounded(column: Values, categories: tuple[str, ...]) -> Values:
    refused = np.array([not 0 < len(name) <= MAX_NAME_CHARACTERS for name in categories], np.bool_)
    if not refused.any():
        return column
    taken = ~refused[column.values]
    return column._replace(valid=taken if column.valid is None else column.valid & taken)


def times(array: Any, /) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Read times in milliseconds, with the rows that have one."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            raise Refused("bad_time", f"expected event_time as a timestamp in UTC or int64 milliseconds, got {kind}")
        valid = validity(array)
        values = array.view(pa.int64())
        ticks = (values if valid is None else values.fill_null(0)).to_numpy(zero_copy_only=False)
        if kind.unit == "s":
            # Seconds far outside any calendar must not wrap around into it.
            return np.clip(ticks, -(2**53), 2**53) * 1_000, valid
        return (ticks if kind.unit == "ms" else ticks // _TICKS_PER_MS[kind.unit]), valid
    if not pa.types.is_integer(kind):
        raise Refused("bad_time", f"expected event_time as a timestamp in UTC or int64 milliseconds, got {kind}")
    column = scalars(array)
    return np.minimum(column.values, 2**62).astype(np.int64), column.valid


def ids(array: Any, /) -> tuple[list[tuple[NDArray[np.int64] | None, NDArray[np.uint8]]], NDArray[np.int64]]:
    """Read ids grouped by their length.

    Returns
    -------
    groups : list of (rows, ids)
        Row numbers (None for all rows) and ids of one length, uint8 of shape (rows, length).
    lengths : ndarray of int64, shape (n,)
        Bytes of each id, 0 where it is null.
    """
    n, kind = len(array), array.type
    if pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        lengths = np.full(n, width, np.int64)
        if array.null_count:
            lengths[~array.is_valid().to_numpy(zero_copy_only=False)] = 0
        data = np.frombuffer(array.buffers()[1] or b"", np.uint8)
        return [(None, data[array.offset * width : (array.offset + n) * width].reshape(n, width))], lengths
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        offset_type: Any = np.int64
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        offset_type = np.int32
    else:
        raise Refused("bad_type", f"expected inference_id as utf8 or fixed-size binary, got {kind}")
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, offset_type)[array.offset : array.offset + n + 1].astype(np.int64)
    data = np.frombuffer(data_buffer or b"", np.uint8)
    lengths = np.diff(offsets)
    if array.null_count:
        lengths[~array.is_valid().to_numpy(zero_copy_only=False)] = 0
    distinct = np.unique(lengths)
    if len(distinct) == 1 and array.null_count == 0:
        length = int(distinct[0])
        return [(None, data[offsets[0] : offsets[-1]].reshape(n, length))], lengths
    groups: list[tuple[NDArray[np.int64] | None, NDArray[np.uint8]]] = []
    for length in distinct[(distinct > 0) & (distinct <= 256)].tolist():
        rows = np.flatnonzero(lengths == length)
        groups.append((rows, data[offsets[:-1][rows, None] + np.arange(length)]))
    return groups, lengths


def vectors(array: Any, /) -> NDArray[np.float32]:
    """Read a fixed-size list of numbers, NaN where it is null and infinite beyond float32; shape (n, dimensions)."""
    dimensions = array.type.list_size
    flat = pc.list_flatten(array.fill_null([0.0] * dimensions)) if array.null_count else array.flatten()
    with np.errstate(over="ignore"):
        made: NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).astype(np.float32)
    made = made.reshape(len(array), dimensions)
    valid = validity(array)
    if valid is not None:
        made[~valid] = np.nan
    return made
