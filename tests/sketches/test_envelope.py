# SPDX-License-Identifier: Apache-2.0
"""An envelope gives back what was sealed, or says what is wrong with it."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketches import CorruptState, Envelope, seal, unseal

GOLDEN = bytes.fromhex("534b573101030200000004000000040000006630306402000000763307000000736b657463686512e3cd06")


@given(
    payload=st.binary(max_size=50),
    fingerprint=st.text(max_size=20).filter(lambda text: text.isprintable()),
    revision=st.integers(0, 2**32 - 1),
    features_closed=st.booleans(),
    labels_closed=st.booleans(),
    partitions=st.integers(0, 2**32 - 1),
    definition=st.text(alphabet="abc.-_0é", max_size=20),
)
def test_unsealing_gives_back_everything_sealed(payload: bytes, **marks: object) -> None:
    assert unseal(seal(payload, **marks)) == Envelope(payload, **marks)  # type: ignore[arg-type]


@given(position=st.integers(0, len(GOLDEN) - 1), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed(position: int, flip: int) -> None:
    damaged = bytearray(GOLDEN)
    damaged[position] ^= flip
    with pytest.raises(CorruptState, match=r"expected .*got"):
        unseal(bytes(damaged))


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_cut_envelope_is_noticed(length: int) -> None:
    with pytest.raises(CorruptState, match=r"expected .*got"):
        unseal(GOLDEN[:length])


def test_version_1_stays_readable() -> None:
    expected = Envelope(b"sketche", "f00d", 2, features_closed=True, labels_closed=True, partitions=4, definition="v3")
    assert unseal(GOLDEN) == expected


def test_a_newer_version_says_so() -> None:
    body = GOLDEN[:4] + b"\x02" + GOLDEN[5:-4]
    with pytest.raises(CorruptState, match="expected version 1, got 2"):
        unseal(body + zlib.crc32(body).to_bytes(4, "little"))
