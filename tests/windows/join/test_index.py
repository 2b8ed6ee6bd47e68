# SPDX-License-Identifier: Apache-2.0
"""The index is a dict from id to the row of its first arrival, whatever collides and whenever it is rebuilt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windows.join.ids import IdHash, as_keys, stable_hash
from windows.join.index import IdIndex

LENGTH = 3


class Held:
    """Ids beside an index, as a row table keeps them."""

    def __init__(self, hash_bits):
        self.index, self.hash, self.hash_bits = IdIndex(), IdHash(np.random.default_rng(5)), hash_bits
        self.ids = np.zeros((0, LENGTH), np.uint8)
        self.dead = set()

    def hashes(self, ids):
        return self.hash(ids) >> np.uint32(32 - self.hash_bits) << np.uint32(32 - self.hash_bits)

    def alive(self, rows):
        return np.array([int(r) not in self.dead for r in rows], bool)

    def confirm(self, stored, ids):
        keys, wanted = as_keys(stored), as_keys(ids)
        return lambda rows, which: (keys[rows] == wanted[which]) & self.alive(rows)

    def insert(self, ids):
        first = len(self.ids)
        confirm = self.confirm(np.concatenate([self.ids, ids]), ids)
        held = self.index.insert(self.hashes(ids), first, confirm, self.alive)
        self.ids = np.concatenate([self.ids, ids[held < 0]])
        return held

    def find(self, ids):
        return self.index.find(self.hashes(ids), self.confirm(self.ids, ids))


blocks = st.lists(
    st.lists(st.tuples(*[st.integers(0, 5)] * LENGTH), min_size=0, max_size=700).map(
        lambda rows: np.array(rows, np.uint8).reshape(-1, LENGTH)
    ),
    max_size=5,
)


@settings(deadline=None)
@given(blocks=blocks, hash_bits=st.sampled_from([1, 4, 32]))
def test_the_index_equals_a_dict(blocks, hash_bits):
    held, oracle = Held(hash_bits), {}
    for ids in blocks:
        expected = []
        for row in map(bytes, ids):
            expected.append(oracle.get(row, -1))
            oracle.setdefault(row, len(oracle))
        assert held.insert(ids).tolist() == expected
    asked = np.array([(a, b, c) for a in range(7) for b in range(7) for c in range(7)], np.uint8)
    assert held.find(asked).tolist() == [oracle.get(bytes(row), -1) for row in asked]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_expired_rows_are_gone_and_the_others_stay_through_rebuilds(seed, rounds):
    rng = np.random.default_rng(seed)
    held, oracle = Held(32), {}
    for _ in range(rounds):
        ids = rng.integers(0, 256, (200, LENGTH)).astype(np.uint8)
        for row, where in zip(ids, held.insert(ids), strict=True):
            assert int(where) == oracle.get(bytes(row), -1) or where >= len(held.ids) - 200
            oracle.setdefault(bytes(row), len(oracle))
        oracle = {bytes(row): i for i, row in enumerate(held.ids) if i not in held.dead}
        held.dead |= {int(r) for r in rng.integers(0, len(held.ids), 20)}
        oracle = {row: i for row, i in oracle.items() if i not in held.dead}
        if len(held.ids) > 600:
            held.index.drop(300)
            held.ids = held.ids[300:]
            held.dead = {r - 300 for r in held.dead if r >= 300}
            oracle = {row: i - 300 for row, i in oracle.items() if i >= 300}
    every = np.array([list(row) for row in oracle], np.uint8).reshape(-1, LENGTH)
    assert held.find(every).tolist() == list(oracle.values())


def test_the_index_holds_a_row_in_at_most_43_bytes_once_it_is_large():
    held = IdIndex()
    hashes = np.random.default_rng(1).integers(0, 2**32, 300_000, dtype=np.uint32)
    worst = 0.0
    for first in range(0, 300_000, 1_000):
        held.insert(hashes[first : first + 1_000], first, lambda rows, which: rows < 0, lambda rows: rows >= 0)
        worst = max(worst, held.nbytes / (first + 1_000)) if first > 100_000 else 0.0
    assert worst <= 43


@pytest.mark.parametrize("length", [1, 16, 36, 256])
def test_ids_of_every_length_hash_by_all_their_bytes(length):
    ids = np.zeros((length + 1, length), np.uint8)
    ids[np.arange(length), np.arange(length)] = 1
    hashes = IdHash(np.random.default_rng(2))(ids)
    assert len(np.unique(hashes)) == length + 1


def test_two_secrets_hash_apart():
    ids = np.arange(64, dtype=np.uint8).reshape(16, 4)
    assert not np.array_equal(IdHash(np.random.default_rng(1))(ids), IdHash(np.random.default_rng(2))(ids))


def xxh64(data):
    """XXH64 without a seed, of fewer than 32 bytes filled up to whole words, one word at a time."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5, mask = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5, 2**64 - 1

    def rotated(word, bits):
        return (word << bits | word >> (64 - bits)) & mask

    h = p5 + len(data) & mask
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little")
        h ^= rotated(word * p2 & mask, 31) * p1 & mask
        h = (rotated(h, 27) * p1 + p4) & mask
    h = (h ^ h >> 33) * p2 & mask
    h = (h ^ h >> 29) * p3 & mask
    return h ^ h >> 32


def test_the_hash_that_stays_is_that_of_xxhash():
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert stable_hash(np.zeros((1, 0), np.uint8)).tolist() == [0xEF46DB3751D8E999 >> 1]


@pytest.mark.parametrize("length", [1, 7, 8, 16, 24, 36, 256])
def test_the_hash_that_stays_needs_no_secret_and_is_spread_evenly(length):
    ids = np.random.default_rng(3).integers(0, 256, (2_000, length), dtype=np.uint8)
    hashes = stable_hash(ids)
    assert hashes.tolist() == [xxh64(row.tobytes()) >> 1 for row in ids]
    counted = np.zeros((256, 8), np.uint8)
    counted[:, 0] = np.arange(256)
    tops = np.bincount(stable_hash(counted) >> 60, minlength=8)
    assert ((tops > 12) & (tops < 60)).all()
