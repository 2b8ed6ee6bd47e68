# SPDX-License-Identifier: Apache-2.0
"""How far numbers moved: the Wasserstein distance of two quantile sketches, clipped and in units of the baseline."""

from __future__ import annotations

import math

import numpy as np

from sketches.quantiles import QuantilesState
from windows.statistics.distances import Distance
from windows.statistics.ks import step_cdf

_ENDS_AND_QUARTILES = (0.005, 0.25, 0.75, 0.995)


def wasserstein(
    window: QuantilesState, baseline: QuantilesState, *, baseline_error_factor: float = 1.0
) -> Distance | None:
    """Compare two samples by the mean distance their values would have to move.

    Parameters
    ----------
    window, baseline : QuantilesState
        Neither empty; `k` may differ.
    baseline_error_factor : float
        Multiplies the baseline's stated rank error; 2 for sketches that another library compacted.

    Returns
    -------
    Distance or None
        In interquartile ranges of the baseline; None where that range is 0. Values beyond the baseline's 0.5 % and
        99.5 % quantiles count as these, so that no outlier decides.

    Notes
    -----
    **Error.** `error` is the sum of both rank errors times the clipped range: the distance is the area between two
    distribution functions, each within its rank error. `expected` takes their gap at each value as normal.

    References
    ----------
    .. [1] Vallender (1974), Theory Probab. Appl. 18(4), 784-786: the area between the distribution functions.

    Examples
    --------
    >>> from sketches.quantiles import QuantilesSpec
    >>> a, b = QuantilesSpec().empty(), QuantilesSpec().empty()
    >>> a.add(np.arange(1.0, 101.0) + 5.0)
    >>> b.add(np.arange(1.0, 101.0))
    >>> round(wasserstein(a, b).value, 3)
    0.097
    """
    low, first, third, high = baseline.quantile(_ENDS_AND_QUARTILES).tolist()
    if not third > first:
        return None
    (a, rank_a), (b, rank_b) = window.weighted(), baseline.weighted()
    # A stable sort merges what is sorted already.
    at = np.clip(np.sort(np.concatenate((a, b, (low, high))), kind="stable"), low, high)
    steps = np.diff(at)
    f, g = step_cdf(a, rank_a, at[:-1]), step_cdf(b, rank_b, at[:-1])
    pooled = (f * window.n + g * baseline.n) / (window.n + baseline.n)
    spread = np.sqrt(pooled * (1.0 - pooled) * (1.0 / window.n + 1.0 / baseline.n))
    error = (window.rank_error + baseline_error_factor * baseline.rank_error) * (high - low)
    area, without_drift = float((np.abs(f - g) * steps).sum()), math.sqrt(2.0 / math.pi) * float((spread * steps).sum())
    return Distance(*(amount / (third - first) for amount in (area, without_drift, error)))
