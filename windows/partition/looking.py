# SPDX-License-Identifier: Apache-2.0
"""Looks at an open window: when its counts for early warning are published, and of how many rows they are."""

from __future__ import annotations

from sketches.packing import pack
from sketches.sliced import SlicedState

LOOKS = 60
"""Of a window, evenly spread: one a minute of an hour."""
MOST_ROWS = 20_000
"""Counted of a slice in one partition. With as many the baseline's own deviation decides what can be seen; a busy model
would pay for more with the throughput of its worker."""


def looks_over(elapsed_ms: int, size_ms: int) -> int:
    """Count the looks that are due so long after a window's start.

    Examples
    --------
    >>> looks_over(0, 3_600_000), looks_over(61_000, 3_600_000), looks_over(9_000_000, 3_600_000)
    (0, 1, 60)
    """
    return max(0, min(LOOKS, elapsed_ms * LOOKS // size_ms))


def look_bytes(counts: SlicedState) -> bytes:
    """Write counts together with their edges: another partition may have others, if a baseline came in between."""
    return pack(counts.spec.binned.to_json(), counts.to_bytes())
