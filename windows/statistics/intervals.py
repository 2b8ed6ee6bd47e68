# SPDX-License-Identifier: Apache-2.0
"""Estimates: a value with its standard deviation and 95 % interval."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import expit, logit

Z = 1.959963984540054


class Estimate(NamedTuple):
    """A metric of `n` rows; NaN where it is undefined."""

    value: float
    sd: float
    low: float
    high: float
    n: int

    @property
    def defined(self) -> bool:
        """Whether the metric has a value."""
        return not math.isnan(self.value)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval, None where undefined."""
        return None if math.isnan(self.low) else (self.low, self.high)


UNDEFINED = Estimate(math.nan, math.nan, math.nan, math.nan, 0)


def proportion(successes: int, n: int) -> Estimate:
    """Estimate a rate with its binomial standard error and Wilson's interval.

    Parameters
    ----------
    successes, n : int
        Rows that count and all rows.

    Returns
    -------
    Estimate
        Undefined for no rows.

    References
    ----------
    .. [1] Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.

    Examples
    --------
    >>> estimate = proportion(90, 100)
    >>> estimate.value, round(estimate.low, 4), round(estimate.high, 4)
    (0.9, 0.8256, 0.9448)
    """
    if n <= 0:
        return UNDEFINED
    p = successes / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(p, math.sqrt(p * (1 - p) / n), low, high, n)


def on_logit_scale(value: float, sd: float, n: int) -> Estimate:
    """Give a metric in (0, 1) an interval that is symmetric on the logit scale, and so stays within (0, 1).

    Parameters
    ----------
    value, sd : float
        Strictly between 0 and 1; the standard deviation on the metric's own scale.
    n : int
        Rows.

    Examples
    --------
    >>> estimate = on_logit_scale(0.9, 0.02, 500)
    >>> round(estimate.low, 4), round(estimate.high, 4)
    (0.8534, 0.9329)
    """
    centre, half = float(logit(value)), Z * sd / (value * (1.0 - value))
    return Estimate(value, sd, float(expit(centre - half)), float(expit(centre + half)), n)
