# SPDX-License-Identifier: Apache-2.0
"""Log-loss, Brier score and calibration of a classifier's scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtr, stdtrit

from sketches.score_losses import ScoreLosses
from windows.statistics.intervals import UNDEFINED, Estimate

LOSSES = {"log_loss": "log_loss", "brier_score": "brier"}
"""Metrics that are means of a loss, with the sum each is made of."""


def mean_losses(losses: ScoreLosses) -> dict[str, Estimate]:
    """Estimate log-loss and Brier score with their standard deviations and intervals.

    Parameters
    ----------
    losses : ScoreLosses
        Labelled rows with scores.

    Returns
    -------
    dict of str to Estimate
        `log_loss` in nats a row, `brier_score` in [0, 1] of a binary and [0, 2] of a multiclass classifier; undefined
        without rows, of one row a value alone.

    Notes
    -----
    **Method.** Student's t.

    **Error.** Coverage 93-97 % from 200 rows on for a classifier whose probabilities are not all near 0 and 1; a
    log-loss that rests on a few confident mistakes has less (tests/statistical/test_loss_intervals.py).

    Examples
    --------
    >>> losses = ScoreLosses()
    >>> score, hit = np.array([0.9, 0.8, 0.3]), np.array([True, True, False])
    >>> losses.add(np.where(hit, score, 1 - score), (score - hit) ** 2, score, hit, 1)
    >>> {name: round(estimate.value, 6) for name, estimate in mean_losses(losses).items()}
    {'log_loss': 0.228393, 'brier_score': 0.046667}
    """
    return {name: _mean(losses, total) for name, total in LOSSES.items()}


def _mean(losses: ScoreLosses, name: str) -> Estimate:
    n = losses.n
    if n <= 0:
        return UNDEFINED
    mean, variance = _moments(losses, name)
    if n == 1:
        return Estimate(mean, math.nan, math.nan, math.nan, n)
    sd = math.sqrt(variance / n)
    half = float(stdtrit(n - 1, 0.975)) * sd
    return Estimate(mean, sd, max(0.0, mean - half), mean + half, n)


def _moments(losses: ScoreLosses, name: str) -> tuple[float, float]:
    """Mean and unbiased variance of a loss; the sums are exact, so nothing cancels but the squares' own rounding."""
    n = losses.n
    total, squares = losses.sum(name), losses.sum(f"{name}2")
    return float(total / n), max(0.0, float((squares - total * total / n) / max(n - 1, 1)))


def loss_pvalue(metric: str, window: ScoreLosses, baseline: ScoreLosses) -> float | None:
    """Probability of a loss at least so large in a window that is as good as the baseline.

    Parameters
    ----------
    metric : str
        One of `LOSSES`.
    window, baseline : ScoreLosses
        The two samples.

    Returns
    -------
    float or None
        None where a sample has fewer than two rows.

    Notes
    -----
    **Method.** The larger p-value of Welch's t and of the score test, whose window varies as the baseline's rows do.

    **Error.** At most 1.25 times the level (tests/statistical/test_loss_intervals.py): the mean of a skewed loss is
    large when its variance is, so Welch's t is late at the upper tail, and the score test is early.

    References
    ----------
    .. [1] Welch (1947), Biometrika 34(1-2), 28-35.

    Examples
    --------
    >>> losses = ScoreLosses()
    >>> score = np.linspace(0.6, 0.9, 100)
    >>> losses.add(score, (1 - score) ** 2, score, score < 2, 1)
    >>> round(loss_pvalue("log_loss", losses, losses), 6)
    0.5
    """
    n, m = window.n, baseline.n
    if min(n, m) < 2:
        return None
    (mean, variance), (was, baseline_variance) = (_moments(sample, LOSSES[metric]) for sample in (window, baseline))
    own, of_baseline = variance / n, baseline_variance / m
    if not own + of_baseline:
        return 0.0 if mean > was else 1.0
    freedom = (own + of_baseline) ** 2 / (own**2 / (n - 1) + of_baseline**2 / (m - 1))
    welch = float(stdtr(freedom, (was - mean) / math.sqrt(own + of_baseline)))
    expected = baseline_variance / n + of_baseline
    return max(welch, float(ndtr((was - mean) / math.sqrt(expected)))) if expected else welch


def calibration(losses: ScoreLosses) -> dict[str, Any]:
    """Compare confidence with the share that came true, bin by bin.

    Parameters
    ----------
    losses : ScoreLosses
        Labelled rows with scores.

    Returns
    -------
    dict
        `calibration_error`: mean distance of both over the rows, without deviation and interval (NaN), and
        `expected_if_calibrated`, about what it would be without any miscalibration; `calibration_curve`: rows, mean
        confidence and share that came true of each bin with rows. Empty without rows.

    Notes
    -----
    **Error.** The calibration error is biased upwards, by chance alone: the more, the fewer rows. So it has no
    verdict; read it beside `expected_if_calibrated`, which takes the noise of each bin as normal.

    References
    ----------
    .. [1] Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML, section 2.
    .. [2] Bröcker, Smith (2007), Weather and Forecasting 22(3), 651-661: what a calibrated model's diagram looks like.

    Examples
    --------
    >>> losses = ScoreLosses()
    >>> score, hit = np.array([0.7, 0.7, 0.7, 0.7]), np.array([True, True, False, False])
    >>> losses.add(np.where(hit, score, 1 - score), (score - hit) ** 2, score, hit, 1)
    >>> described = calibration(losses)
    >>> round(described["calibration_error"]["value"], 6), described["calibration_curve"]["shares"]
    (0.2, [0.5])
    """
    if losses.n <= 0:
        return {}
    used = losses.rows > 0
    rows = losses.rows[used]
    mean, share = losses.mean_confidence[used], losses.hits[used] / rows
    noise = np.sqrt(2.0 / math.pi * mean * (1.0 - mean) / rows)
    return {
        "calibration_error": {
            "value": float(rows @ np.abs(mean - share)) / losses.n,
            "standard_deviation": math.nan,
            "expected_if_calibrated": float(rows @ noise) / losses.n,
        },
        "calibration_curve": {"rows": rows.tolist(), "confidences": mean.tolist(), "shares": share.tolist()},
    }
