# SPDX-License-Identifier: Apache-2.0
"""A look at an Arrow IPC stream's framing before Arrow reads it: how large it will get, and where its schema ends.

Arrow allocates what a compressed buffer claims to hold, so the claims are added up first.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from topics.refusals import Refused

CONTINUATION = b"\xff\xff\xff\xff"
MAX_PARTS = 1_024
MAX_GROWTH = 32
FREE_BYTES = 64 * 1024

_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_U16, _I32, _U32, _I64 = (struct.Struct(form) for form in ("<H", "<i", "<I", "<q"))


class Framing(NamedTuple):
    """Where the schema message ends and how many bytes all buffers have once decompressed."""

    schema_end: int
    decoded_bytes: int


class _Table:
    """A table of a FlatBuffer, read by field number."""

    def __init__(self, data: memoryview, place: int) -> None:
        self.data = data
        self.place = place
        self.fields = place - int(_I32.unpack_from(data, place)[0])
        self.size = int(_U16.unpack_from(data, self.fields)[0])

    def at(self, field: int) -> int | None:
        """Where a field's value stands, None if it has its default."""
        slot = 4 + 2 * field
        offset = int(_U16.unpack_from(self.data, self.fields + slot)[0]) if slot < self.size else 0
        return self.place + offset if offset else None

    def target(self, field: int) -> int | None:
        """Where the table or vector a field points to stands."""
        place = self.at(field)
        return None if place is None else place + int(_U32.unpack_from(self.data, place)[0])


def check_framing(value: bytes, /) -> Framing:
    """Walk over an IPC stream's messages.

    Parameters
    ----------
    value : bytes
        The stream.

    Raises
    ------
    Refused
        If it is no such stream, has too many parts, or claims to grow beyond `MAX_GROWTH` times its size.

    References
    ----------
    .. [1] Apache Arrow, Columnar Format, "Encapsulated message format" and `format/Message.fbs`.
    """
    try:
        return _walk(memoryview(value))
    except (struct.error, IndexError, ValueError) as error:
        raise Refused("undecodable", f"expected an Arrow IPC stream, got broken framing: {error}") from None


def _walk(data: memoryview) -> Framing:
    place = parts = schema_end = decoded = 0
    most = FREE_BYTES + MAX_GROWTH * len(data)
    while place < len(data):
        if data[place : place + 4] != CONTINUATION:
            raise Refused("undecodable", f"expected an Arrow IPC message at byte {place}, got something else")
        size = int(_I32.unpack_from(data, place + 4)[0])
        place += 8
        if size == 0:
            break
        if not 0 < size <= len(data) - place:
            raise Refused("undecodable", f"expected at most {len(data) - place} bytes of metadata, got {size}")
        metadata = data[place : place + size]
        message = _Table(metadata, int(_U32.unpack_from(metadata, 0)[0]))
        body = _number(message, 3)
        start = place + size
        if not 0 <= body <= len(data) - start:
            raise Refused("undecodable", f"expected a body of at most {len(data) - start} bytes, got {body}")
        decoded += _decoded_bytes(message, data[start : start + body])
        place = start + body
        schema_end = schema_end or place
        parts += 1
        if parts > MAX_PARTS or decoded > most:
            text = f"expected at most {MAX_PARTS} parts and {most} bytes decompressed, got {parts} and {decoded}"
            raise Refused("too_large", text + "; let Kafka compress (compression.type)")
    if schema_end == 0:
        raise Refused("undecodable", "expected an Arrow IPC stream with a schema, got an empty one")
    return Framing(schema_end, decoded)


def _number(table: _Table, field: int) -> int:
    place = table.at(field)
    return 0 if place is None else int(_I64.unpack_from(table.data, place)[0])


def _decoded_bytes(message: _Table, body: memoryview) -> int:
    kind = message.at(1)
    header = message.target(2)
    if kind is None or header is None or message.data[kind] not in (_DICTIONARY, _BATCH):
        return len(body)
    batch = _Table(message.data, header)
    if message.data[kind] == _DICTIONARY:
        inner = batch.target(1)
        if inner is None:
            return len(body)
        batch = _Table(message.data, inner)
    buffers = batch.target(2)
    if batch.at(3) is None or buffers is None:
        return len(body)
    total = 0
    for number in range(int(_U32.unpack_from(message.data, buffers)[0])):
        offset, length = struct.unpack_from("<qq", message.data, buffers + 4 + 16 * number)
        if length > 0:
            # A compressed buffer starts with its decompressed length, -1 if it was left as it is.
            claimed = int(_I64.unpack_from(body, offset)[0])
            total += length if claimed == -1 else max(0, claimed)
    return total
