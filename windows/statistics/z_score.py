# SPDX-License-Identifier: Apache-2.0
"""How far a window's statistics lie from those of the past windows, and how surprising that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Floats = NDArray[np.float64]

_NORMAL_MAD = 1.4826022185056018
_FAR = 5.0
_MOST_LEFT_OUT = 0.1


class ZScores(NamedTuple):
    """By statistic: the past windows' mean, the distance from it in predicted standard deviations, and its p-value."""

    expected: Floats
    z: Floats
    pvalue: Floats


def z_scores(values: Floats, errors: Floats, past: Floats, past_errors: Floats, sizes: Floats) -> ZScores:
    """Predict each statistic of a window from the past windows, and compare.

    Parameters
    ----------
    values, errors : ndarray of float64, shape (s,)
        The window's statistics, and what each would be off by chance (one standard deviation).
    past, past_errors : ndarray of float64, shape (m, s)
        The same of the past windows; NaN where a window lacks a statistic. At least two of each column are numbers.
    sizes : ndarray of float64, shape (m,)
        Rows of each past window, over those of this one.

    Returns
    -------
    ZScores
        Each of shape (s,). A statistic that never varied and has no error of its own has z 0 or infinite; one whose
        squares exceed float64 has z 0.

    Notes
    -----
    **Method.** Windows vary by chance and by themselves. The past's variance less the mean of their chance variances,
    at least 0, is their own; with the window's chance variance and the variance of the past mean it predicts the
    window, whether it has as many rows as the others or not. The chance variance is the larger of the window's own,
    which is an estimate from it alone, and of what the past's would be at its size. `z` is held against Student's t
    with m - 1 degrees of freedom: it stands for the variance's own uncertainty in a short past.

    **Robustness.** Past values further than five robust standard deviations (1.48 MAD, and no less than the chance
    error) from the median are left out, but never more than a tenth of the past: one incident does not hide the next,
    and what lasts becomes the new normal. A normal past loses one in a million values by it.

    References
    ----------
    .. [1] Higgins, Thompson, Spiegelhalter (2009), J. R. Stat. Soc. A 172(1), 137-159: prediction of a new effect.
    .. [2] Rousseeuw, Croux (1993), J. Am. Stat. Assoc. 88(424), 1273-1283: the median absolute deviation.

    Examples
    --------
    >>> past = np.array([[9.0], [10.0], [11.0], [10.0]])
    >>> found = z_scores(np.array([14.0]), np.zeros(1), past, np.zeros((4, 1)), np.ones(4))
    >>> found.expected.tolist(), found.z.round(2).tolist(), found.pvalue.round(3).tolist()
    ([10.0], [4.38], [0.022])
    """
    kept = _without_incidents(past, past_errors)
    m = (~np.isnan(kept)).sum(0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        mean = np.nanmean(kept, axis=0)
        variance = np.nanvar(kept, axis=0, ddof=1)
        squares = np.where(np.isnan(kept), np.nan, past_errors**2)
        own = np.maximum(variance - np.nanmean(squares, axis=0), 0.0)
        chance = np.maximum(errors**2, np.nanmean(squares * sizes[:, None], axis=0))
        z = (values - mean) / np.sqrt(own + chance + variance / m)
    # 0 / 0: what never varied is as it was.
    z = np.where(np.isnan(z), 0.0, z)
    return ZScores(mean, z, np.asarray(2.0 * stdtr(m - 1.0, -np.abs(z))))


def _without_incidents(past: Floats, past_errors: Floats) -> Floats:
    """Make NaN of the values that are far from all others."""
    away = np.abs(past - ranked(past, 0.5))
    limit = _FAR * np.maximum(_NORMAL_MAD * ranked(away, 0.5), np.nanmean(past_errors, axis=0))
    far = (away > limit).any(axis=0)
    limit[far] = np.maximum(limit[far], ranked(away[:, far], 1.0 - _MOST_LEFT_OUT))
    return np.where(away > limit, np.nan, past)


def ranked(table: Floats, share: float) -> Floats:
    """Give the smallest value of each column that so large a share of its numbers does not exceed.

    Parameters
    ----------
    table : ndarray of float64, shape (m, s)
        NaN where there is no number; each column has one.
    share : float
        In (0, 1].

    Examples
    --------
    >>> ranked(np.array([[3.0, np.nan], [1.0, 5.0], [2.0, 4.0]]), 0.5).tolist()
    [2.0, 4.0]
    """
    numbers = table.shape[0] - np.isnan(table).sum(0)
    at = np.ceil(share * numbers).astype(np.intp) - 1
    # NaN counts as the largest.
    arranged = np.partition(table.T, np.unique(at), axis=1)
    return np.asarray(arranged[np.arange(len(arranged)), at])
