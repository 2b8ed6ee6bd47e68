# SPDX-License-Identifier: Apache-2.0
"""Evidence of drift inside an open window, which may be looked at after every slice of its time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, logsumexp

CUTS = tuple(decile / 10 for decile in range(1, 10))
"""Shares of the baseline at whose values the window is cut."""
KAPPA = 30.0
"""Rows that the mixture's prior weighs; larger values favour smaller shifts."""

Floats = NDArray[np.float64]


class Evidence(NamedTuple):
    """Logarithms of e-values by look (after each slice) and feature, and of their average over features.

    `by_feature` is of shape (looks, F), `of_all` of shape (looks,).
    """

    by_feature: Floats
    of_all: Floats


def evidence(
    below: ArrayLike, total: ArrayLike, shares: ArrayLike, radius: ArrayLike, *, slices: int, kappa: float = KAPPA
) -> Evidence:
    """Weigh the evidence against "the features are distributed as in the baseline", after each slice.

    Parameters
    ----------
    below : array_like of int, shape (looks, F, J)
        Numbers at or below each cut, by slice; the slices that are over, oldest first.
    total : array_like of int, shape (looks, F)
        Numbers by slice.
    shares : array_like of float, shape (F, J)
        The baseline's share at or below each cut; a cut at 0, 1 or NaN tells nothing and is left out.
    radius : array_like of float, shape (F,)
        How far the true share may lie from that of the baseline: its own deviation and its sketch's error.
    slices : int
        Of the whole window: evidence may begin at any of them.
    kappa : float
        Weight of the prior, in rows.

    Returns
    -------
    Evidence
        Warn once an e-value reaches 1 / alpha: without drift, the chance that it ever does is at most alpha (Ville).

    Notes
    -----
    **Method.** For each cut and each slice to start at, K of T numbers are below the cut: the e-value is the
    probability of the rows under a Beta mixture around the baseline's share, over the largest under a share within
    `radius`. The average of e-values is one, here over cuts, starts and features; starts to come count 0, which is on
    the safe side.

    **Error.** The level holds while every baseline share is within its radius of the truth. Rows are taken as
    independent.

    References
    ----------
    .. [1] Robbins (1970), Ann. Math. Stat. 41(5), 1397-1409.
    .. [2] Shin, Ramdas, Rinaldo (2024), E-detectors, arXiv:2203.03532.
    .. [3] Ville (1939), Étude critique de la notion de collectif.

    Examples
    --------
    >>> looks = evidence([[[80]], [[90]]], [[100], [100]], [[0.5]], [0.02], slices=2)
    >>> looks.of_all.round(1).tolist()
    [10.8, 38.8]
    """
    counts, totals = np.asarray(below, dtype=np.float64), np.asarray(total, dtype=np.float64)
    centre, margin = np.asarray(shares, dtype=np.float64), np.asarray(radius, dtype=np.float64)
    looks, features, cuts = counts.shape
    telling = (centre > 0.0) & (centre < 1.0)
    prior = np.where(telling, centre, 0.5)
    low = np.maximum(prior - margin[:, None], 1e-9)
    high = np.minimum(prior + margin[:, None], 1 - 1e-9)
    a, b = kappa * prior, kappa * (1.0 - prior)
    by_feature = np.full((looks, features), -np.inf)
    for look in range(looks):
        # Sums from every slice that evidence may start at up to this one.
        k = counts[look::-1].cumsum(axis=0)
        rest = totals[look::-1].cumsum(axis=0)[:, :, None] - k
        share = np.clip(k / np.maximum(k + rest, 1.0), low, high)
        logs = betaln(a + k, b + rest) - betaln(a, b) - k * np.log(share) - rest * np.log1p(-share)
        logs = np.where(telling, logs, -np.inf)
        if telling.any():
            by_feature[look] = logsumexp(logs, axis=(0, 2)) - math.log(slices * cuts)
    return Evidence(by_feature, logsumexp(by_feature, axis=1) - math.log(max(features, 1)))


def to_blame(logs: ArrayLike, alpha: float) -> list[int]:
    """Name the features whose evidence makes up a warning.

    Parameters
    ----------
    logs : array_like of float, shape (F,)
        Logarithms of the features' e-values at the look that warned.
    alpha : float
        Level of the warning.

    Returns
    -------
    list of int
        The k features of the largest e-values, as long as the k-th is at least F / (k alpha); the largest if none is.

    References
    ----------
    .. [1] Wang, Ramdas (2022), False discovery rate control with e-values, J. R. Stat. Soc. B 84(3), 822-852.

    Examples
    --------
    >>> to_blame([0.0, 12.0, 9.0], 0.01)
    [1, 2]
    """
    values = np.asarray(logs, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    needed = np.log(len(values) / (np.arange(1, len(values) + 1) * alpha))
    enough = np.flatnonzero(values[order] >= needed)
    return [int(at) for at in order[: int(enough[-1]) + 1 if len(enough) else 1]]
