# SPDX-License-Identifier: Apache-2.0
"""Kolmogorov-Smirnov distance of two quantile sketches, and how surprising it is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import kolmogorov

from sketches.quantiles import QuantilesState


class KsDistance(NamedTuple):
    """The largest gap between two distribution functions, the part sketching may have added, and where it is."""

    value: float
    error: float
    location: float


def ks_distance(window: QuantilesState, baseline: QuantilesState, *, baseline_error_factor: float = 1.0) -> KsDistance:
    """Compare two distributions by the largest gap between their CDFs.

    Parameters
    ----------
    window, baseline : QuantilesState
        Neither empty; `k` may differ.
    baseline_error_factor : float
        Multiplies the baseline's stated rank error; 2 for sketches that another library compacted.

    Returns
    -------
    KsDistance
        `value` in [0, 1]; `error`, the sum of both rank errors, 0 while both sketches are exact; `location` in the
        feature's unit.

    Notes
    -----
    **Error.** `|value - exact| <= error`; each sketch's rank error is the library's empirical 99 % bound (the largest
    deviation seen in simulations was 0.86 of it). The gap is a maximum over noise, so without drift it errs upwards.

    **Method.** Both CDFs are steps, so the largest gap is reached just at or just below a retained value of either
    side: the ranks up to and including every value of the union cover both limits, repeated values too.

    References
    ----------
    .. [1] Karnin, Lang, Liberty (2016), FOCS, arXiv:1603.05346.

    Examples
    --------
    >>> from sketches.quantiles import QuantilesSpec
    >>> a, b = QuantilesSpec().empty(), QuantilesSpec().empty()
    >>> a.add(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> b.add(np.array([2.0, 3.0, 4.0, 5.0]))
    >>> ks_distance(a, b)
    KsDistance(value=0.25, error=0.0, location=1.0)
    """
    if not window.n or not baseline.n:
        msg = f"expected values on both sides, got {window.n} in the window and {baseline.n} in the baseline"
        raise ValueError(msg)
    (a, rank_a), (b, rank_b) = (_distinct(*side.weighted()) for side in (window, baseline))
    at = np.concatenate((a, b))
    # Each side's own ranks are known; only those of the other side's values are looked up.
    of_a = np.concatenate((rank_a / rank_a[-1], step_cdf(a, rank_a, b)))
    of_b = np.concatenate((step_cdf(b, rank_b, a), rank_b / rank_b[-1]))
    gaps = np.abs(of_a - of_b)
    largest = int(np.argmax(gaps))
    error = window.rank_error + baseline_error_factor * baseline.rank_error
    return KsDistance(float(gaps[largest]), error, float(at[largest]))


def _distinct(values: np.ndarray, cumulative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep repeated values once, with the weight up to and including all of them."""
    last = np.append(values[1:] != values[:-1], True)
    return values[last], cumulative[last]


def step_cdf(values: np.ndarray, cumulative: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Give the share of the weight at or below each of `at`, of what `QuantilesState.weighted` gave.

    Examples
    --------
    >>> step_cdf(np.array([1.0, 2.0]), np.array([1.0, 4.0]), np.array([0.0, 1.5, 2.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    ranks = np.concatenate(([0.0], cumulative)) / float(cumulative[-1])
    return ranks[np.searchsorted(values, at, side="right")]


def baseline_radius(m: int, tests: int) -> float:
    """Half-width of a band that holds the true CDF of every baseline feature with probability 0.99.

    Parameters
    ----------
    m : int
        Rows of the baseline.
    tests : int
        Features tested together.

    References
    ----------
    .. [1] Massart (1990), Ann. Probab. 18(3), 1269-1283, with a union bound.

    Examples
    --------
    >>> round(baseline_radius(32_561, 14), 4)
    0.011
    """
    return math.sqrt(math.log(2.0 * tests / 0.01) / (2.0 * m))


def conditional_pvalue(distance: KsDistance, n: int, m: int, tests: int) -> float:
    """Probability of so large a distance given this very baseline.

    Parameters
    ----------
    distance : KsDistance
        The distance and its sketch error.
    n, m : int
        Values in the window and in the baseline.
    tests : int
        Features tested together.

    Returns
    -------
    float
        `2 exp(-2 n (D - e - r_m)^2)`, at most 1: holds for any n, with ties, for any distribution.

    Notes
    -----
    **Error.** One unlucky baseline does not alarm for ever: its own deviation is covered by `baseline_radius`.

    References
    ----------
    .. [1] Massart (1990), Ann. Probab. 18(3), 1269-1283.

    Examples
    --------
    >>> conditional_pvalue(KsDistance(0.02, 0.0, 0.0), 1_000, 32_561, 14)
    1.0
    """
    excess = max(0.0, distance.value - distance.error - baseline_radius(m, tests))
    return min(1.0, 2.0 * math.exp(-2.0 * n * excess**2))


def two_sample_pvalue(distance: KsDistance, n: int, m: int) -> float:
    """Probability of so large a distance between two samples of one distribution.

    For baselines too small for `conditional_pvalue`; an unlucky baseline alarms again and again.

    Parameters
    ----------
    distance : KsDistance
        The distance and its sketch error.
    n, m : int
        Values in the window and in the baseline.

    Returns
    -------
    float
        Asymptotic tail of Kolmogorov's distribution at `sqrt(n m / (n + m)) (D - e)`; conservative under ties.

    References
    ----------
    .. [1] Smirnov (1948), Ann. Math. Stat. 19(2), 279-281.

    Examples
    --------
    >>> round(two_sample_pvalue(KsDistance(0.25, 0.0, 0.0), 100, 1_000), 6)
    2.3e-05
    """
    return float(kolmogorov(math.sqrt(n * m / (n + m)) * max(0.0, distance.value - distance.error)))


def distance_interval(distance: KsDistance, n: int, m: int) -> tuple[float, float]:
    """Bound the true distance of the two distributions with at least 95 % confidence.

    Examples
    --------
    >>> low, high = distance_interval(KsDistance(0.3, 0.01, 0.0), 1_000, 10_000)
    >>> round(low, 3), round(high, 3)
    (0.228, 0.372)
    """
    radius = distance.error + sum(math.sqrt(math.log(2.0 / 0.025) / (2.0 * rows)) for rows in (n, m))
    return max(0.0, distance.value - radius), min(1.0, distance.value + radius)
