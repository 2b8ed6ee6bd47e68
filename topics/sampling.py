# SPDX-License-Identifier: Apache-2.0
"""Sampling by hash of the inference id, so that events and labels are sampled alike."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def sampled(inference_id: bytes, sample_rate: float, /) -> bool:
    """Say whether a client that samples sends this id.

    Parameters
    ----------
    inference_id : bytes
        The id, UTF-8 if it is text.
    sample_rate : float
        Share of ids to send, in [0, 1].

    Notes
    -----
    **Method.** The first 64 bits of BLAKE2b(id, 8 bytes) as a big-endian number, divided by 2^64, are below the rate.

    Examples
    --------
    >>> sampled(b"a", 1.0), sampled(b"a", 0.0)
    (True, False)
    >>> sum(sampled(str(n).encode(), 0.25) for n in range(1_000))
    227
    """
    return int.from_bytes(blake2b(inference_id, digest_size=8).digest(), "big") < sample_rate * 2.0**64


def sampled_rows(ids: NDArray[np.uint8], sample_rate: float, /) -> NDArray[np.bool_]:
    """Say for each row of uint8 ids, shape (n, length), whether it is sent."""
    return np.fromiter((sampled(row.tobytes(), sample_rate) for row in ids), np.bool_, len(ids))
