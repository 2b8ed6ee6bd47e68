# SPDX-License-Identifier: Apache-2.0
"""Packing: several byte strings in one, each behind its length, and numbers in little-endian order."""

from __future__ import annotations

import struct
from typing import Any

from sketches.errors import CorruptState

_LENGTH = struct.Struct("<I").unpack_from


def pack(*parts: bytes) -> bytes:
    """Join byte strings so that `unpack` can part them again.

    Examples
    --------
    >>> unpack(pack(b"a", b""), 2, "example")
    [b'a', b'']
    """
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def unpack(data: bytes, count: int | None, what: str) -> list[bytes]:
    """Part what `pack` joined.

    Parameters
    ----------
    data : bytes
        What `pack` returned.
    count : int or None
        How many parts there must be; None accepts any number.
    what : str
        What the bytes hold, for the error.

    Raises
    ------
    CorruptState
        If the lengths do not add up or the number of parts differs.
    """
    parts = []
    at, size = 0, len(data)
    while at < size:
        end = at + 4 + (_LENGTH(data, at)[0] if at + 4 <= size else 0)
        if end > size:
            msg = f"cannot read {what}: expected {end - at} more bytes at byte {at}, got {size - at}"
            raise CorruptState(msg)
        parts.append(data[at + 4 : end])
        at = end
    if count is not None and len(parts) != count:
        msg = f"cannot read {what}: expected {count} parts, got {len(parts)}"
        raise CorruptState(msg)
    return parts


def numbers(layout: str, data: bytes, what: str) -> tuple[Any, ...]:
    """Read numbers in a `struct` layout that must fill the bytes.

    Raises
    ------
    CorruptState
        If the length differs.
    """
    if len(data) != struct.calcsize(layout):
        msg = f"cannot read {what}: expected {struct.calcsize(layout)} bytes, got {len(data)}"
        raise CorruptState(msg)
    return struct.unpack(layout, data)


def text(data: bytes, what: str) -> str:
    """Read UTF-8 text.

    Raises
    ------
    CorruptState
        If the bytes are not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        msg = f"cannot read {what}: expected UTF-8, got {data[:40]!r}"
        raise CorruptState(msg) from error
