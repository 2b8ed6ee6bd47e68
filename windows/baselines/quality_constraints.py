# SPDX-License-Identifier: Apache-2.0
"""Constraints of model quality: `model_quality/constraints.json`."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

from windows.baselines.constraints import METHOD, Document, read_ours
from windows.errors import BaselineError

PROBLEMS = ("binary_classification", "multiclass_classification", "regression")
"""Types of problems as files name them."""
OPERATORS = ("LessThanThreshold", "GreaterThanThreshold")
INCREASING_IS_BAD = frozenset(
    {"false_positive_rate", "false_negative_rate", "log_loss", "brier_score", "mae", "mse", "rmse"}
)


OURS = frozenset({"log_loss", "brier_score"})
"""Metrics that the managed monitors' files do not have: their constraints stand in our own object of the file."""


@dataclass(frozen=True, slots=True)
class MetricConstraint:
    """A metric is in violation when it is on the `operator` side of `threshold`.

    `edited` is true where a person changed our suggestion, and for every metric of a file from elsewhere.
    """

    threshold: float
    operator: str
    edited: bool

    @property
    def sign(self) -> float:
        """1 where larger values are worse, else -1."""
        return 1.0 if self.operator == "GreaterThanThreshold" else -1.0


@dataclass(frozen=True, slots=True)
class QualityConstraints:
    """The constraint of each metric, whether we wrote the file, and the file."""

    metrics: Mapping[str, MetricConstraint]
    suggested: bool
    document: Document


def operator_of(metric: str) -> str:
    """Say on which side of its threshold a metric is bad.

    Examples
    --------
    >>> operator_of("recall"), operator_of("false_positive_rate")
    ('LessThanThreshold', 'GreaterThanThreshold')
    """
    return OPERATORS[metric in INCREASING_IS_BAD]


def read_quality_constraints(document: Document) -> QualityConstraints:
    """Understand a `constraints.json` of model quality, formats 1.7.

    Raises
    ------
    BaselineError
        Where a metric has no number as threshold or another operator than the two there are, or our object
        names an unknown method.

    Examples
    --------
    >>> document = quality_document("binary_classification", {"recall": 0.6})
    >>> read_quality_constraints(document).metrics["recall"]
    MetricConstraint(threshold=0.6, operator='LessThanThreshold', edited=False)
    """
    ours = read_ours(document)
    was = {} if ours is None else ours.get("suggested", {})
    entries = {name: entry for key in PROBLEMS for name, entry in document.get(f"{key}_constraints", {}).items()}
    entries |= {} if ours is None else ours.get("constraints", {})
    metrics = {}
    for name, entry in entries.items():
        try:
            threshold, operator = float(entry["threshold"]), str(entry["comparison_operator"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"constraint of metric {name!r}: expected a threshold and a comparison_operator, got {entry!r}"
            raise BaselineError(msg) from error
        if operator not in OPERATORS:
            msg = f"constraint of metric {name!r}: expected a comparison_operator of {OPERATORS}, got {operator!r}"
            raise BaselineError(msg)
        # What had no value on the baseline has the string "NaN" for a threshold: nothing is required of it.
        if not math.isnan(threshold):
            metrics[name] = MetricConstraint(threshold, operator, ours is None or entry != was.get(name))
    return QualityConstraints(metrics, ours is not None, document)


def quality_document(problem: str, thresholds: Mapping[str, float]) -> Document:
    """Write a suggestion: the baseline's own values as thresholds, kept beside to see what a person changes.

    Parameters
    ----------
    problem : str
        One of `PROBLEMS`.
    thresholds : mapping of str to float
        By metric.

    Examples
    --------
    >>> document = quality_document("binary_classification", {"recall": 0.6, "log_loss": 0.3})
    >>> list(document["binary_classification_constraints"]), list(document["sketchwatch"]["constraints"])
    (['recall'], ['log_loss'])
    """
    entries = {
        name: {"threshold": value, "comparison_operator": operator_of(name)} for name, value in thresholds.items()
    }
    theirs = {name: entry for name, entry in entries.items() if name not in OURS}
    own = {name: entry for name, entry in entries.items() if name in OURS}
    ours = {"method": METHOD, "suggested": copy.deepcopy(entries)} | ({"constraints": own} if own else {})
    return {"version": 0.0, f"{problem}_constraints": theirs, "sketchwatch": ours}
