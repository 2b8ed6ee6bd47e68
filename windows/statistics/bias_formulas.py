# SPDX-License-Identifier: Apache-2.0
"""Formulas of bias metrics: functions of counts, of the facet d and its complement a.

Every formula takes arrays whose last axes hold one window's counts, so that one definition gives the value, its
derivatives (by a complex step) and resampled values. 0 / 0 is 0, x / 0 is infinite, and a difference of two infinities
is 0, as in the managed monitor's library.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[Any]
"""Real, or complex where a derivative is taken."""


class Labels(NamedTuple):
    """Rows by side (d, a), and by group if it matters, with a negative and with a positive label."""

    negative: Counts
    positive: Counts

    @classmethod
    def of(cls, counts: Counts) -> Labels:
        """View counts of shape (..., 2): negative, positive."""
        return cls(counts[..., 0], counts[..., 1])

    @property
    def n(self) -> Counts:
        """All rows."""
        return self.negative + self.positive


class Outcomes(NamedTuple):
    """Rows by side (d, a), actual and predicted label."""

    tp: Counts
    fn: Counts
    fp: Counts
    tn: Counts

    @classmethod
    def of(cls, counts: Counts) -> Outcomes:
        """View counts of shape (..., 2, 2): actual negative and positive, predicted negative and positive."""
        return cls(counts[..., 1, 1], counts[..., 1, 0], counts[..., 0, 1], counts[..., 0, 0])

    @property
    def n(self) -> Counts:
        """All rows."""
        return self.tp + self.fn + self.fp + self.tn

    @property
    def positive(self) -> Counts:
        """Rows with a positive label."""
        return self.tp + self.fn

    @property
    def negative(self) -> Counts:
        """Rows with a negative label."""
        return self.fp + self.tn

    @property
    def accepted(self) -> Counts:
        """Rows predicted positive."""
        return self.tp + self.fp

    @property
    def rejected(self) -> Counts:
        """Rows predicted negative."""
        return self.fn + self.tn


def divide(x: Counts, y: Counts) -> Counts:
    """Divide counts: 0 / 0 is 0, x / 0 is infinite.

    Examples
    --------
    >>> divide(np.array([0, 1, 1]), np.array([0, 0, 2])).tolist()
    [0.0, inf, 0.5]
    """
    nothing = y == 0
    if not nothing.any():
        return np.asarray(x / y)
    return np.where(nothing, np.where(x == 0, 0.0, np.inf), x / np.where(nothing, 1, y))


def a_minus_d(x: Counts, y: Counts) -> Counts:
    """Ratio x / y of the complement minus that of the facet, sides on the last axis.

    Examples
    --------
    >>> float(a_minus_d(np.array([1, 1]), np.array([2, 4]))), float(a_minus_d(np.array([1, 1]), np.array([0, 0])))
    (-0.25, 0.0)
    """
    ratio = divide(x, y)
    d, a = ratio[..., 0], ratio[..., 1]
    if np.isfinite(ratio).all():
        return np.asarray(a - d)
    both = np.isinf(a) & np.isinf(d)
    return np.where(both, 0.0, np.where(both, 0.0, a) - np.where(both, 0.0, d))


def d_minus_a(x: Counts, y: Counts) -> Counts:
    """Ratio x / y of the facet minus that of the complement."""
    return a_minus_d(x[..., ::-1], y[..., ::-1])


def class_imbalance(counts: Counts) -> Counts:
    """(n_a - n_d) / (n_a + n_d), of counts of labels by side."""
    n = Labels.of(counts).n
    return divide(n[..., 1] - n[..., 0], n[..., 1] + n[..., 0])


def shares(counts: Counts) -> tuple[Counts, Counts]:
    """Share of each label in the complement and in the facet."""
    share = divide(counts, counts.sum(axis=-1, keepdims=True))
    return share[..., 1, :], share[..., 0, :]


def difference_in_proportions(counts: Counts) -> Counts:
    """DPL and DPPL: the complement's share of positive labels minus the facet's."""
    labels = Labels.of(counts)
    return a_minus_d(labels.positive, labels.n)


def disparate_impact(counts: Counts) -> Counts:
    """DI: the facet's share of positive predictions divided by the complement's."""
    labels = Labels.of(counts)
    share = divide(labels.positive, labels.n)
    return divide(share[..., 0], share[..., 1])


def conditional_disparity(counts: Counts) -> Counts:
    """CDDL and CDDPL: the facet's share of the rejected minus its share of the accepted, averaged over groups.

    Parameters
    ----------
    counts : ndarray, shape (..., 2, G, 2)
        By side, group and label; groups weigh as their rows, a share of nobody is 0.
    """
    labels = Labels.of(counts)
    rejected, accepted = (
        divide(side[..., 0, :], side[..., 0, :] + side[..., 1, :]) for side in (labels.negative, labels.positive)
    )
    n = labels.n.sum(axis=-2)
    return divide((n * (rejected - accepted)).sum(axis=-1), n.sum(axis=-1))


def generalized_entropy(counts: Counts) -> Counts:
    """GE with alpha 2 of the benefit b = predicted - actual + 1, over all rows: half its squared variation coefficient.

    Speicher et al. (2018), A unified approach to quantifying algorithmic unfairness, doi:10.1145/3219819.3220046.
    """
    cells = Outcomes.of(counts.sum(axis=-3))
    mean = divide(cells.n - cells.fn + cells.fp, cells.n)
    square = divide(cells.n - cells.fn + 3 * cells.fp, cells.n)
    return (divide(square, mean**2) - 1.0) / 2.0
