# SPDX-License-Identifier: Apache-2.0
"""The paper's own deviation of a metric: the spread of five resamples, to which every row belongs by chance.

Each resample takes each row with probability 0.8, independently; the deviation is that of the five values, divided by
five. It estimates half the standard error, with a scatter of a third. Counts are thinned by binomial draws, which is
the same as thinning their rows; sums by normal draws of the same mean and covariance.

Nigenda et al. (2022), arXiv:2111.13657, section 6.1 and appendix B, whose figures only this reading gives.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from windows.statistics.intervals import UNDEFINED, Estimate, Z

RESAMPLES = 5
SHARE = 0.8


def thinned_counts(counts: ArrayLike, rng: np.random.Generator) -> NDArray[np.int64]:
    """Resample rows that are told apart by their cells only.

    Parameters
    ----------
    counts : array_like of int, any shape
        Rows of each cell; ones for rows that stand for themselves.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    ndarray of int64, shape (RESAMPLES, *counts.shape)
        Rows of each cell in each resample.

    Examples
    --------
    >>> thinned_counts([1_000, 0], np.random.default_rng(1)).shape
    (5, 2)
    """
    cells = np.asarray(counts, np.int64)
    return rng.binomial(cells, SHARE, size=(RESAMPLES, *cells.shape))


def thinned_sums(sums: ArrayLike, products: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """Resample rows of which sums are known.

    Parameters
    ----------
    sums : array_like of float, shape (k,)
        Sums over the rows of k values each; make one value 1 to have the resamples' rows counted.
    products : array_like of float, shape (k, k)
        Sums over the rows of the products of every two values.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    ndarray of float64, shape (RESAMPLES, k)
        The sums over each resample.

    Notes
    -----
    **Error.** Mean and covariance are those of thinned rows; the distribution is theirs in the limit of many rows.

    Examples
    --------
    >>> drawn = thinned_sums([100.0, 0.0], [[100.0, 0.0], [0.0, 100.0]], np.random.default_rng(1))
    >>> drawn.shape, bool((abs(drawn[:, 0] - 80) < 16).all())
    ((5, 2), True)
    """
    mean, covariance = SHARE * np.asarray(sums, float), SHARE * (1.0 - SHARE) * np.asarray(products, float)
    # Divided by their deviations: sums of squares and of numbers differ by orders of magnitude.
    scale = np.sqrt(np.where(np.diag(covariance) > 0.0, np.diag(covariance), 1.0))
    root = covariance / np.outer(scale, scale)
    drawn = rng.multivariate_normal(np.zeros(len(mean)), root, size=RESAMPLES, check_valid="ignore", method="eigh")
    resampled: NDArray[np.float64] = mean + scale * drawn
    return resampled


def paper_estimate(value: float, resampled: ArrayLike, n: int) -> Estimate:
    """Sum up the values of one metric over the resamples.

    Parameters
    ----------
    value : float
        The metric of all rows.
    resampled : array_like of float, shape (RESAMPLES,)
        The metric of each resample, NaN where it is undefined.
    n : int
        All rows.

    Returns
    -------
    Estimate
        Its interval is normal; without deviation and interval (NaN) where a resample has no value.

    Examples
    --------
    >>> paper_estimate(0.5, [1 / 3, 1 / 2, 1 / 2, 1 / 2, 1.0], 4).sd
    0.22607766610417562
    """
    if math.isnan(value):
        return UNDEFINED
    # Like the paper's, which has no deviation of r2 where one resample has only equal labels.
    sd = float(np.asarray(resampled, float).std())
    return Estimate(value, sd, value - Z * sd, value + Z * sd, n)
