# SPDX-License-Identifier: Apache-2.0
"""The envelope around a state's bytes, in changelogs and profiles alike: what it is, how far, and a checksum.

Layout, little-endian: magic `SKW1`, version u8, flags u8 (1 features closed, 2 labels closed), revision u32,
partitions u32, three byte strings behind their u32 lengths (fingerprint, definition, payload), CRC-32 of all before.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from sketches.errors import CorruptState
from sketches.packing import pack, text, unpack

MAGIC = b"SKW1"
VERSION = 1
_HEAD = struct.Struct("<4sBBII")
_CHECKSUM = struct.Struct("<I")
_FEATURES_CLOSED, _LABELS_CLOSED = 1, 2


@dataclass(frozen=True, slots=True)
class Envelope:
    """What `unseal` reads: the payload and the marks it was sealed with."""

    payload: bytes
    fingerprint: str
    revision: int = 0
    features_closed: bool = False
    labels_closed: bool = False
    partitions: int = 0
    definition: str = ""


def seal(
    payload: bytes,
    *,
    fingerprint: str,
    revision: int = 0,
    features_closed: bool = False,
    labels_closed: bool = False,
    partitions: int = 0,
    definition: str = "",
) -> bytes:
    """Put a state's bytes into an envelope.

    Parameters
    ----------
    payload : bytes
        What `to_bytes` returned.
    fingerprint : str
        Of the state's spec: a reader takes another fingerprint for another state, not for damage.
    revision, partitions : int
        In [0, 2**32): how often the partial was corrected; how many partitions the source topic has.
    features_closed, labels_closed : bool
        Whether the window is closed to events, to labels.
    definition : str
        Version of the model's definition.

    Examples
    --------
    >>> unseal(seal(b"state", fingerprint="f00d", revision=2)).revision
    2
    """
    flags = _FEATURES_CLOSED * features_closed | _LABELS_CLOSED * labels_closed
    head = _HEAD.pack(MAGIC, VERSION, flags, revision, partitions)
    body = head + pack(fingerprint.encode(), definition.encode(), payload)
    return body + _CHECKSUM.pack(zlib.crc32(body))


def unseal(data: bytes) -> Envelope:
    """Open an envelope.

    Raises
    ------
    CorruptState
        If the magic, version, checksum or length is not what it should be.
    """
    if len(data) < _HEAD.size + _CHECKSUM.size:
        msg = f"cannot open envelope: expected at least {_HEAD.size + _CHECKSUM.size} bytes, got {len(data)}"
        raise CorruptState(msg)
    body, (expected,) = data[: -_CHECKSUM.size], _CHECKSUM.unpack(data[-_CHECKSUM.size :])
    magic, version, flags, revision, partitions = _HEAD.unpack_from(body)
    if magic != MAGIC:
        msg = f"cannot open envelope: expected magic {MAGIC!r}, got {magic!r}"
        raise CorruptState(msg)
    if (received := zlib.crc32(body)) != expected:
        msg = f"cannot open envelope: expected CRC-32 {expected:08x}, got {received:08x} over {len(body)} bytes"
        raise CorruptState(msg)
    if version != VERSION:
        msg = f"cannot open envelope: expected version {VERSION}, got {version}; read it with a newer release"
        raise CorruptState(msg)
    fingerprint, definition, payload = unpack(body[_HEAD.size :], 3, "envelope")
    return Envelope(
        payload,
        text(fingerprint, "fingerprint"),
        revision,
        bool(flags & _FEATURES_CLOSED),
        bool(flags & _LABELS_CLOSED),
        partitions,
        text(definition, "definition"),
    )
