# SPDX-License-Identifier: Apache-2.0
"""The bias metrics: what each is called, which counts it reads, its formula, and when it has no value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from windows.statistics import label_distributions as distance
from windows.statistics.bias_formulas import (
    Counts,
    Labels,
    Outcomes,
    a_minus_d,
    class_imbalance,
    conditional_disparity,
    d_minus_a,
    difference_in_proportions,
    disparate_impact,
    generalized_entropy,
    shares,
)

FLIP_TEST = "FT"
FLIP_TEST_DESCRIPTION = "Flip Test (FT)"
ALIASES = {"equal_opportunity": "RD", "statistical_parity": "DPPL"}
"""Names under which two of the metrics are known elsewhere."""

Stage = Literal["pre_training", "post_training"]
Reads = Literal["observed", "predicted", "both"]


@dataclass(frozen=True, slots=True)
class BiasMetric:
    """One metric of a facet value d against its complement a.

    Parameters
    ----------
    name, description : str
        As the managed monitor writes them.
    stage : {"pre_training", "post_training"}
        Whether it is of the labels alone.
    reads : {"observed", "predicted", "both"}
        Labels, predicted labels, or rows by both.
    formula : callable
        Of counts of shape (..., 2, 2): side (d, a), label; (..., 2, 2, 2) if it reads both: side, actual, predicted;
        (..., 2, G, 2) if it is conditional: side, group, label.
    denominators : callable
        The counts it divides by, whose size tells whether the metric can be judged: of both sides, or of each side, on
        the last axis.
    undefined : callable
        Why counts have no value, None if they have one.
    conditional : bool
        Whether it needs a group variable.
    ratio : bool
        Whether parity is 1 and differences are of logarithms.
    twin : str, optional
        The metric that decides, as this one says nothing else.
    bounds : tuple of float
        The least and the largest value there is.
    of_everybody : bool
        Whether it is of all rows, whatever the facet.
    """

    name: str
    description: str
    stage: Stage
    reads: Reads
    formula: Callable[[Counts], Counts]
    denominators: Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], ...]]
    undefined: Callable[[NDArray[np.int64]], str | None]
    conditional: bool = False
    ratio: bool = False
    twin: str | None = None
    bounds: tuple[float, float] = (-1.0, 1.0)
    of_everybody: bool = False

    @property
    def axes(self) -> int:
        """Axes of the counts that the formula takes."""
        return 3 if self.conditional or self.reads == "both" else 2

    def counts(self, sides: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum up what the metric reads.

        Parameters
        ----------
        sides : ndarray of int64, shape (..., 2, G, 2, 3)
            Rows by side (d, a), group, actual label and predicted label (negative, positive, none), as
            `sketches.Contingency.sides` gives them. Rows without a prediction count before training only.
        """
        if self.reads == "observed":
            kept = sides.sum(axis=-1)
        else:
            kept = sides[..., :2] if self.reads == "both" else sides[..., :2].sum(axis=-2)
        if not self.conditional:
            return np.asarray(kept.sum(axis=-3 if self.reads == "both" else -2))
        return np.asarray(kept[..., kept.any(axis=(*range(kept.ndim - 2), -1)), :])


def _one_side_empty(counts: NDArray[np.int64]) -> str | None:
    d, a = counts.reshape(2, -1).sum(axis=1).tolist()
    if not d:
        return "the facet is empty"
    return None if a else "the complement of the facet is empty"


def _nothing_shared(counts: NDArray[np.int64]) -> str | None:
    return None if (counts > 0).all(axis=0).any() else "no label came in the facet and in its complement"


def _no_disparity(counts: NDArray[np.int64]) -> str | None:
    if (empty := _one_side_empty(counts)) is not None:
        return empty
    negative, positive = counts.sum(axis=(0, 1)).tolist()
    if not positive:
        return "no positive labels"
    return None if negative else "no negative labels"


def _no_benefit(counts: NDArray[np.int64]) -> str | None:
    cells = Outcomes.of(counts.sum(axis=0))
    if not cells.n:
        return "no rows"
    return "all predictions are false negatives" if cells.fn == cells.n else None


def _nobody_accepted(counts: NDArray[np.int64]) -> str | None:
    if (empty := _one_side_empty(counts)) is not None:
        return empty
    return None if Labels.of(counts).positive.any() else "no predicted positives"


def _rows(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return (Labels.of(counts).n,)


def _rows_and_accepted_others(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    labels = Labels.of(counts)
    return labels.n, labels.positive[..., 1:]


def _rows_and_labels(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return counts.sum(axis=(-2, -1)), counts.sum(axis=(-3, -2))


def _everybody(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    return (Outcomes.of(counts.sum(axis=-3)).n[..., None],)


def _labels(name: str, description: str, formula: Callable[[Counts], Counts]) -> BiasMetric:
    return BiasMetric(name, description, "pre_training", "observed", formula, _rows, _one_side_empty)


def _distance(name: str, description: str, of: Callable[[Counts, Counts], Counts], *bounds: float) -> BiasMetric:
    return BiasMetric(
        name,
        description,
        "pre_training",
        "observed",
        lambda counts: of(*shares(counts)),
        _rows,
        _nothing_shared,
        twin="DPL",
        bounds=(bounds[0], bounds[1]),
    )


def _outcomes(
    name: str,
    description: str,
    formula: Callable[[Outcomes], Counts],
    denominator: Callable[[Outcomes], Counts],
    *,
    bounded: bool = True,
) -> BiasMetric:
    return BiasMetric(
        name,
        description,
        "post_training",
        "both",
        lambda counts: formula(Outcomes.of(counts)),
        lambda counts: (denominator(Outcomes.of(counts)),),
        _one_side_empty,
        bounds=(-1.0, 1.0) if bounded else (-math.inf, math.inf),
    )


_ALL = (
    _labels("CI", "Class Imbalance (CI)", class_imbalance),
    _labels("DPL", "Difference in Positive Proportions in Labels (DPL)", difference_in_proportions),
    _distance("KL", "Kullback-Liebler Divergence (KL)", distance.kullback_leibler, -math.inf, math.inf),
    _distance("JS", "Jensen-Shannon Divergence (JS)", distance.jensen_shannon, 0.0, math.log(2.0)),
    _distance("LP", "L-p Norm (LP)", distance.l_p, 0.0, math.sqrt(2.0)),
    _distance("TVD", "Total Variation Distance (TVD)", distance.total_variation, 0.0, 1.0),
    _distance("KS", "Kolmogorov-Smirnov Distance (KS)", distance.largest_difference, 0.0, 1.0),
    BiasMetric(
        "CDDL",
        "Conditional Demographic Disparity in Labels (CDDL)",
        "pre_training",
        "observed",
        conditional_disparity,
        _rows_and_labels,
        _no_disparity,
        conditional=True,
    ),
    BiasMetric(
        "DPPL",
        "Difference in Positive Proportions in Predicted Labels (DPPL)",
        "post_training",
        "predicted",
        difference_in_proportions,
        _rows,
        _one_side_empty,
    ),
    BiasMetric(
        "DI",
        "Disparate Impact (DI)",
        "post_training",
        "predicted",
        disparate_impact,
        _rows_and_accepted_others,
        _nobody_accepted,
        ratio=True,
        bounds=(0.0, math.inf),
    ),
    _outcomes(
        "DCA",
        "Difference in Conditional Acceptance (DCA)",
        lambda c: a_minus_d(c.positive, c.accepted),
        lambda c: c.accepted,
        bounded=False,
    ),
    _outcomes(
        "DCR",
        "Difference in Conditional Rejection (DCR)",
        lambda c: d_minus_a(c.negative, c.rejected),
        lambda c: c.rejected,
        bounded=False,
    ),
    _outcomes("RD", "Recall Difference (RD)", lambda c: a_minus_d(c.tp, c.positive), lambda c: c.positive),
    _outcomes("SD", "Specificity Difference (SD)", lambda c: d_minus_a(c.tn, c.negative), lambda c: c.negative),
    _outcomes(
        "DAR", "Difference in Acceptance Rates (DAR)", lambda c: a_minus_d(c.tp, c.accepted), lambda c: c.accepted
    ),
    _outcomes(
        "DRR", "Difference in Rejection Rates (DRR)", lambda c: d_minus_a(c.tn, c.rejected), lambda c: c.rejected
    ),
    _outcomes(
        "AD",
        "Accuracy Difference (AD)",
        lambda c: a_minus_d(c.tp + c.tn, c.n),
        lambda c: c.n,
    ),
    _outcomes("TE", "Treatment Equality (TE)", lambda c: d_minus_a(c.fn, c.fp), lambda c: c.fp, bounded=False),
    BiasMetric(
        "CDDPL",
        "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
        "post_training",
        "predicted",
        conditional_disparity,
        _rows_and_labels,
        _no_disparity,
        conditional=True,
    ),
    BiasMetric(
        "GE",
        "Generalized Entropy (GE)",
        "post_training",
        "both",
        generalized_entropy,
        _everybody,
        _no_benefit,
        bounds=(0.0, math.inf),
        of_everybody=True,
    ),
)
BIAS_METRICS = {metric.name: metric for metric in sorted(_ALL, key=lambda metric: metric.name)}
"""All metrics of counts by name, in the order of reports; the flip test needs rows (`windows.statistics.flip_test`)."""


def bias_value(metric: BiasMetric, sides: NDArray[np.int64]) -> float:
    """Compute one metric of one facet value.

    Parameters
    ----------
    metric : BiasMetric
        Of `BIAS_METRICS`.
    sides : ndarray of int64, shape (2, G, 2, 3)
        Rows by side (d, a), group, actual and predicted label.

    Raises
    ------
    ValueError
        Saying why, if the counts have no value.

    References
    ----------
    .. [1] aws/amazon-sagemaker-clarify, smclarify/bias/metrics (Apache-2.0): definitions, signs and edge cases.

    Examples
    --------
    >>> sides = np.zeros((2, 1, 2, 3), np.int64)
    >>> sides[:, 0, 1, 1], sides[:, 0, 0, 0] = (30, 60), (70, 40)
    >>> bias_value(BIAS_METRICS["DPL"], sides), bias_value(BIAS_METRICS["DI"], sides)
    (0.3, 0.5)
    """
    counts = metric.counts(sides)
    if (reason := metric.undefined(counts)) is not None:
        raise ValueError(reason)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(metric.formula(counts))


def bias_metric_name(name: str) -> str:
    """Give a metric that a person named its own name.

    Raises
    ------
    ValueError
        If there is no such metric.

    Examples
    --------
    >>> bias_metric_name("equal_opportunity")
    'RD'
    """
    known = ALIASES.get(name, name)
    if known not in BIAS_METRICS and known != FLIP_TEST:
        msg = f"expected one of {sorted([*BIAS_METRICS, FLIP_TEST, *ALIASES])}, got {name!r}"
        raise ValueError(msg)
    return known
