# SPDX-License-Identifier: Apache-2.0
"""The partitioner agrees with the Java client's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.partitioner import murmur2, partition_of

GOLDEN = [
    ("a", 584102524, 0, 4),
    ("inference-1", 1541551446, 2, 6),
    ("00000000-0000-0000-0000-000000000000", 713427837, 1, 9),
    ("é", 186971271, 3, 3),
    ("x" * 256, 807806990, 2, 2),
]


def rows(ids: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(len(ids), -1)


def scalar_murmur2(data: bytes) -> int:
    """Kafka's Utils.murmur2, one byte string at a time."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for place in range(0, whole, 4):
        k = int.from_bytes(data[place : place + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


@pytest.mark.parametrize(("inference_id", "positive", "of_four", "of_twelve"), GOLDEN)
def test_the_published_vectors_hold(inference_id: str, positive: int, of_four: int, of_twelve: int) -> None:
    ids = rows([inference_id.encode()])
    assert int(murmur2(ids)[0]) & 0x7FFFFFFF == positive
    assert partition_of(ids, 4).tolist() == [of_four]
    assert partition_of(ids, 12).tolist() == [of_twelve]


@given(st.integers(1, 40).flatmap(lambda n: st.lists(st.binary(min_size=n, max_size=n), min_size=1, max_size=20)))
def test_all_rows_at_once_hash_as_one_by_one(ids: list[bytes]) -> None:
    assert murmur2(rows(ids)).tolist() == [scalar_murmur2(data) for data in ids]


def test_ids_that_are_a_strided_view_hash_alike() -> None:
    ids = np.random.default_rng(0).integers(0, 256, (50, 24), np.uint8)
    assert np.array_equal(murmur2(ids[::2, 3:20]), murmur2(np.ascontiguousarray(ids[::2, 3:20])))
