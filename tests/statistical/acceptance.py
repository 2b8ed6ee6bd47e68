# SPDX-License-Identifier: Apache-2.0
"""Acceptance regions of counts over seeded replicates, so that a claim fails for a reason.

Seeds are fixed: a region that holds today holds tomorrow, so it may be narrow. What a wrong claim must not do is pass.
"""

from __future__ import annotations

from scipy.stats import binom

FALSE_FAILURE = 1e-3
"""Chance that one comparison fails though its claim just holds, for a seed nobody has tried."""


def at_most(count: int, n: int, rate: float) -> bool:
    """Whether `count` of `n` is no evidence against a rate of at most `rate`."""
    return count <= binom.isf(FALSE_FAILURE, n, rate)


def at_least(count: int, n: int, rate: float) -> bool:
    """Whether `count` of `n` is no evidence against a rate of at least `rate`."""
    return count >= binom.ppf(FALSE_FAILURE, n, rate)
