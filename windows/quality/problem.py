# SPDX-License-Identifier: Apache-2.0
"""What a type of problem is to the quality of predictions: its metrics, their tests and how both are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sketches.profile import ProfileState
from windows.statistics.intervals import Estimate


class Measured(NamedTuple):
    """What a window's labelled rows say: every metric by name, and the block of `statistics.json`, formats 1.7."""

    metrics: Mapping[str, Estimate]
    described: dict[str, Any]


NO_PREDICTION = "no labelled row has a prediction"


@dataclass(frozen=True, slots=True)
class Problem:
    """One type of problem; its functions take the state of its spec.

    Parameters
    ----------
    name : str
        Names the blocks of files: `<name>_metrics`, `<name>_constraints`.
    spec : type
        Of the states it judges.
    suggested : tuple of str
        Metrics that a baseline has constraints of, in their order.
    twins : mapping of str to str
        Metrics that say the same as another: one hypothesis is tested once.
    measure : callable
        Estimates every metric from a state; `method` is `closed` or one that draws from the generator.
    pvalue : callable
        Probability of a metric at least so bad in a window that is as good as the baseline, from the states of both;
        None where it cannot be said. Not asked of twins.
    count : callable
        Labelled rows with a prediction.
    too_few : callable
        Says of a baseline's state what it has too few rows for.
    undefined : str
        Why a metric may have no value of rows that lack nothing.
    lacking : callable
        Says which labels and predictions no row of a state with predictions has.
    unpredicted : callable
        Says of a state without any prediction why it may have none.
    count_absent : callable, optional
        Counts rows without a label as rows of one class, from the profile of all rows.
    """

    name: str
    spec: type[Any]
    suggested: tuple[str, ...]
    twins: Mapping[str, str]
    measure: Callable[[Any, str, np.random.Generator], Measured]
    pvalue: Callable[[str, Any, Any], float | None]
    count: Callable[[Any], int]
    too_few: Callable[[Any], Iterable[str]]
    undefined: str = "too few rows of a class, or rows have no score"
    lacking: Callable[[Any], Iterable[str]] = lambda _: ()
    unpredicted: Callable[[Any], str] = lambda _: NO_PREDICTION
    count_absent: Callable[[Any, ProfileState, str], Any] | None = None

    def why_undefined(self, window: Any, baseline: Any = None) -> str:
        """Say why a metric of a window, or its test against a baseline, has no value: what is absent, and where."""
        samples = {"window": window} if baseline is None else {"window": window, "baseline": baseline}
        absent = [
            f"{name}: {said}"
            for name, quality in samples.items()
            for said in (self.lacking(quality) if self.count(quality) else (self.unpredicted(quality),))
        ]
        return ", ".join(absent) or self.undefined


def described(estimate: Estimate) -> dict[str, Any]:
    """Tell a metric as `statistics.json` does, with its 95 % interval and rows; undefined numbers are NaN.

    Examples
    --------
    >>> described(Estimate(0.5, 0.1, 0.3, 0.7, 25))
    {'value': 0.5, 'standard_deviation': 0.1, 'interval': [0.3, 0.7], 'n': 25}
    """
    return {
        "value": estimate.value,
        "standard_deviation": estimate.sd,
        "interval": [estimate.low, estimate.high],
        "n": estimate.n,
    }


def constant_block(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Tell the metrics of the best constant classifier.

    Examples
    --------
    >>> constant_block({"recall": Estimate(1.0, 0.0, 1.0, 1.0, 25)})
    {'recall_best_constant_classifier': {'value': 1.0, 'standard_deviation': 0.0}}
    """
    return {
        f"{name}_best_constant_classifier": {"value": estimate.value, "standard_deviation": estimate.sd}
        for name, estimate in estimates.items()
    }
