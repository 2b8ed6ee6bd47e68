# SPDX-License-Identifier: Apache-2.0
"""Where numbers fail the checks of data quality, as edges of cells: a cell holds the numbers up to its edge."""

from __future__ import annotations

import math

from sketches.moments import MomentsState

NEGATIVE = math.nextafter(0.0, -1.0)
"""Every number up to it is negative, every one above it is not."""


def outlying(moments: MomentsState, z: float) -> tuple[float, float] | None:
    """Give the numbers between which one is within `z` standard deviations of the mean; None where nothing varies."""
    if not moments.std > 0.0:
        return None
    return moments.mean - z * moments.std, moments.mean + z * moments.std


def far_from(moments: MomentsState, z: float) -> tuple[float, float] | None:
    """Give the edges beyond which a number is more than `z` standard deviations from the mean.

    Parameters
    ----------
    moments : MomentsState
        Of the baseline.
    z : float

    Returns
    -------
    low, high : float
        Numbers up to `low` and above `high` are too far; None where nothing varies, or not in finite numbers.

    Examples
    --------
    >>> from sketches.moments import MomentsSpec
    >>> import numpy as np
    >>> state = MomentsSpec("x").empty()
    >>> state.add(np.array([-1.0, 1.0]))
    >>> [round(edge, 6) for edge in far_from(state, 6.0)]
    [-6.0, 6.0]
    """
    limits = outlying(moments, z)
    if limits is None or not all(map(math.isfinite, limits)):
        return None
    return math.nextafter(limits[0], -math.inf), limits[1]
