# SPDX-License-Identifier: Apache-2.0
"""Inference ids as fixed-length keys, hashed with a secret so that nobody can craft collisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORD = 4
_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)


def as_keys(ids: NDArray[np.uint8]) -> NDArray[np.void]:
    """View ids of one length as one opaque value each, comparable by `==`.

    Parameters
    ----------
    ids : ndarray of uint8, shape (n, length)

    Returns
    -------
    ndarray of void, shape (n,)

    Examples
    --------
    >>> keys = as_keys(np.array([[1, 0], [1, 2], [1, 0]], dtype=np.uint8))
    >>> (keys == keys[0]).tolist()
    [True, False, True]
    """
    return np.ascontiguousarray(ids).view(f"V{ids.shape[1]}").reshape(len(ids))


class IdHash:
    """Keyed multilinear hashing of ids to 32 bits, strongly universal for ids of one length.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the secret; a worker that cannot be guessed seeds it from the system.

    Notes
    -----
    **Method.** The high half of `m_0 + sum m_i w_i mod 2**64` over the id's 32-bit words. The bijective finalizer after
    it keeps the property and breaks the arithmetic progressions that counting ids would leave for linear probing.

    References
    ----------
    .. [1] Lemire, Kaser (2014), Strongly universal string hashing is fast, The Computer Journal 57(11), equation 3.
    .. [2] Appleby, MurmurHash3, `fmix32`.

    Examples
    --------
    >>> ids = np.frombuffer(b"aaaabbbbaaaa", np.uint8).reshape(3, 4)
    >>> a, b, c = IdHash(np.random.default_rng(1))(ids)
    >>> bool(a == c), bool(a == b)
    (True, False)
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._multipliers = np.zeros(0, np.uint64)

    def __call__(self, ids: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Hash ids, uint8 of shape (n, length), to uint32 of shape (n,)."""
        words = _words(ids)
        m = self._keys(words.shape[1] + 1)
        h: NDArray[np.uint32] = ((words @ m[1:] + m[0]) >> np.uint64(32)).astype(np.uint32)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            h ^= h >> np.uint32(shift)
            h *= np.uint32(factor)
        h ^= h >> np.uint32(16)
        return h

    def _keys(self, count: int) -> NDArray[np.uint64]:
        missing = count - len(self._multipliers)
        if missing > 0:
            fresh = self._rng.integers(0, 2**64, missing, dtype=np.uint64, endpoint=False)
            self._multipliers = np.concatenate([self._multipliers, fresh])
        return self._multipliers[:count]


def _words(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return _padded(ids, _WORD).view(np.uint32).astype(np.uint64)


def stable_hash(ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Hash ids without a secret, so that a row is in or out of a sample for good, whoever sees it and how often.

    Parameters
    ----------
    ids : ndarray of uint8, shape (n, length)

    Returns
    -------
    ndarray of int64, shape (n,)
        Uniform in [0, 2**63).

    Notes
    -----
    **Method.** The rounds for words of 64 bits and the end of XXH64, whose upper 63 bits these are for ids of 8, 16 and
    24 bytes; the last word is filled up with zeros. Ids can be crafted to come out as somebody likes.

    References
    ----------
    .. [1] Collet, xxHash fast digest algorithm, section XXH64.

    Examples
    --------
    >>> ids = np.frombuffer(b"aaaaaaaabbbbbbbb", np.uint8).reshape(2, 8)
    >>> bool((stable_hash(ids) == stable_hash(ids.copy())).all()), len(set(stable_hash(ids).tolist()))
    (True, 2)
    """
    h = np.full(len(ids), _P5 + np.uint64(ids.shape[1]))
    for word in _padded(ids, 8).view(np.uint64).T:
        h ^= _rotated(word * _P2, 31) * _P1
        h = _rotated(h, 27) * _P1 + _P4
    for shift, factor in ((33, _P2), (29, _P3)):
        h ^= h >> np.uint64(shift)
        h *= factor
    h ^= h >> np.uint64(32)
    return (h >> np.uint64(1)).astype(np.int64)


def _rotated(words: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return words << np.uint64(bits) | words >> np.uint64(64 - bits)


def _padded(ids: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Fill ids up with zeros to whole words."""
    n, length = ids.shape
    short = -length % width
    if short:
        ids = np.concatenate([ids, np.zeros((n, short), np.uint8)], axis=1)
    return np.ascontiguousarray(ids)
