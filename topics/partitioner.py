# SPDX-License-Identifier: Apache-2.0
"""The partition of an inference id: the Java client's default, murmur2 over the id's bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_M = np.uint32(0x5BD1E995)
_SEED = 0x9747B28C


def murmur2(ids: NDArray[np.uint8], /) -> NDArray[np.uint32]:
    """Hash ids of one length as Kafka's `Utils.murmur2` does.

    Parameters
    ----------
    ids : ndarray of uint8, shape (n, length)
        One id a row.

    Returns
    -------
    ndarray of uint32, shape (n,)

    References
    ----------
    .. [1] Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2`.

    Examples
    --------
    >>> int(murmur2(np.frombuffer(b"inference-1", np.uint8)[None, :])[0]) & 0x7FFFFFFF
    1541551446
    """
    n, length = ids.shape
    whole = length // 4
    hashes = np.full(n, (_SEED ^ length) & 0xFFFFFFFF, np.uint32)
    words = np.ascontiguousarray(ids[:, : 4 * whole]).view("<u4").T if whole else ()
    for column in words:
        word = column * _M
        word ^= word >> np.uint32(24)
        word *= _M
        hashes *= _M
        hashes ^= word
    if length % 4:
        for place, byte in enumerate(ids[:, 4 * whole :].T):
            hashes ^= byte.astype(np.uint32) << np.uint32(8 * place)
        hashes *= _M
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes


def partition_of(ids: NDArray[np.uint8], partitions: int, /) -> NDArray[np.int32]:
    """Say on which of `partitions` partitions each id belongs.

    Parameters
    ----------
    ids : ndarray of uint8, shape (n, length)
        One id a row.
    partitions : int
        Partition count of the topic, at least 1.

    Returns
    -------
    ndarray of int32, shape (n,)

    Examples
    --------
    >>> partition_of(np.frombuffer("é".encode(), np.uint8)[None, :], 12).tolist()
    [3]
    """
    return ((murmur2(ids) & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)).astype(np.int32)
