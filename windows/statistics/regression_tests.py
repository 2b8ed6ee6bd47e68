# SPDX-License-Identifier: Apache-2.0
"""One-sided tests: whether a regression's errors are larger in a window than in the baseline."""

from __future__ import annotations

import math

from scipy.special import ndtr, stdtr

from windows.statistics.regression_metrics import Errors, unskewed

REGRESSION_TWINS = {"rmse": "mse"}
"""Metrics that say the same as another; the same hypothesis is tested once."""


def regression_pvalue(metric: str, window: Errors | None, baseline: Errors | None) -> float | None:
    """Probability of a metric at least so bad in a window that is as good as the baseline.

    Parameters
    ----------
    metric : str
        `mae`, `mse` or `r2`; `rmse` is the twin of `mse`.
    window, baseline : Errors or None
        The two samples.

    Returns
    -------
    float or None
        None where a sample has fewer than two rows, or the metric is undefined in either.

    Notes
    -----
    **Method.** mae: Welch's t. mse: t of the difference with Hall's transform against the skewness of the squared
    errors. r2: z of the difference of ln(1 - r2), the larger p-value of Wald's test and the score test.

    **Error.** At most 1.25 times the level for Gaussian and Laplace errors, levels down to 0.002 and windows from 200
    rows on (tests/statistical/test_regression.py).

    References
    ----------
    .. [1] Welch (1947), Biometrika 34(1-2), 28-35.
    .. [2] Hall (1992), On the removal of skewness by transformation, J. R. Stat. Soc. B 54(1), 221-228.

    Examples
    --------
    >>> was = Errors(10_000, 0.8, 1.0, 0.36, 2.0, 8.0, 4.0, 0.0, 48.0, 0.0, 4.0)
    >>> now = was._replace(n=1_000, mae=0.9, mse=1.3)
    >>> regression_pvalue("mae", now, was) < 1e-5, round(regression_pvalue("mae", was, was), 6)
    (True, 0.5)
    """
    if window is None or baseline is None or min(window.n, baseline.n) < 2:
        return None
    return {"mae": _absolute, "mse": _square, "r2": _explained}[metric](window, baseline)


def _spread(variances: tuple[float, float], now: Errors, was: Errors) -> tuple[float, float]:
    """Variances of the two means."""
    return variances[0] / (now.n - 1), variances[1] / (was.n - 1)


def _absolute(now: Errors, was: Errors) -> float:
    u, v = _spread((now.absolute_variance, was.absolute_variance), now, was)
    if not u + v:
        return _certain(now.mae - was.mae)
    freedom = (u + v) ** 2 / (u**2 / (now.n - 1) + v**2 / (was.n - 1))
    return float(stdtr(freedom, (was.mae - now.mae) / math.sqrt(u + v)))


def _square(now: Errors, was: Errors) -> float:
    u, v = _spread((now.square_variance, was.square_variance), now, was)
    if not u + v:
        return _certain(now.mse - was.mse)
    t = (now.mse - was.mse) / math.sqrt(u + v)
    skew = (now.square_third / now.n**2 - was.square_third / was.n**2) / (u + v) ** 1.5
    return float(ndtr(-unskewed(t, skew)))


def _explained(now: Errors, was: Errors) -> float | None:
    """Upper tail of ln(1 - r2); each of the two deviations alone alarms too often in some populations."""
    if not now.label_variance or not was.label_variance or not was.mse:
        return None
    if not now.mse:
        return 1.0
    difference = math.log(now.mse / now.label_variance) - math.log(was.mse / was.label_variance)
    own, expected = (
        sum(_spread((variance, was.ratio_variance), now, was)) for variance in (now.ratio_variance, was.ratio_variance)
    )
    if not own or not expected:
        return _certain(difference)
    return max(float(ndtr(-difference / math.sqrt(variance))) for variance in (own, expected))


def _certain(difference: float) -> float:
    """The p-value where nothing varies."""
    return 0.0 if difference > 0.0 else 1.0
