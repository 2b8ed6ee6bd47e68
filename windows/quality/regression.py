# SPDX-License-Identifier: Apache-2.0
"""Quality of a regression."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sketches.regression import RegressionQualitySpec, RegressionQualityState
from windows.quality.problem import Measured, Problem, described
from windows.statistics.regression_metrics import HEAVY_TAILS, REGRESSION_METRICS, closed_form, errors_of, paper
from windows.statistics.regression_tests import REGRESSION_TWINS, regression_pvalue

_ENOUGH_LABELS = 2_000
_FAR = 100.0


def measure(quality: RegressionQualityState, method: str, rng: np.random.Generator) -> Measured:
    """Estimate mae, mse, rmse and r2.

    Parameters
    ----------
    quality : RegressionQualityState
        Labelled rows.
    method : str
        `closed` or `paper`.
    rng : numpy.random.Generator
        Source of the paper's resamples.

    Returns
    -------
    Measured
        `heavy_tailed` says of each metric that its interval may cover less than 95 %.

    Examples
    --------
    >>> from sketches import Block, Column, Kind
    >>> columns = {"label": np.array([1.0, 2.0, 4.0]), "prediction.value": np.array([1.0, 3.0, 4.0])}
    >>> state = RegressionQualitySpec().empty()
    >>> state.update(Block(3, {name: Column(Kind.FLOAT, values) for name, values in columns.items()}))
    >>> round(measure(state, "closed", np.random.default_rng(1)).metrics["r2"].value, 6)
    0.785714
    """
    errors = errors_of(quality)
    metrics = paper(errors, rng) if method == "paper" else closed_form(errors)
    heavy = errors is not None and errors.kurtosis > HEAVY_TAILS
    return Measured(metrics, {name: {**described(found), "heavy_tailed": heavy} for name, found in metrics.items()})


def too_few(quality: RegressionQualityState) -> Iterable[str]:
    """Say what a baseline has too few labelled rows for, and whether its labels lie too far from the center."""
    errors = errors_of(quality)
    n = 0 if errors is None else errors.n
    if n < _ENOUGH_LABELS:
        yield (
            f"{n} labelled rows with a prediction: a rise of the errors is hidden by the baseline's own error; "
            f"give {_ENOUGH_LABELS} rows"
        )
    if errors is None:
        return
    offset = float(quality.sum("y") / n)
    if offset**2 > _FAR**2 * errors.label_variance:
        mean, deviation = f"{quality.spec.center + offset:.6g}", f"{errors.label_variance**0.5:.6g}"
        yield (
            f"labels vary by {deviation} about {mean}, too little for an exact r2: "
            f"set monitors.model_quality.label_center = {mean}, if they vary at all"
        )


REGRESSION = Problem(
    name="regression",
    spec=RegressionQualitySpec,
    suggested=REGRESSION_METRICS,
    twins=REGRESSION_TWINS,
    measure=measure,
    pvalue=lambda metric, window, baseline: regression_pvalue(metric, errors_of(window), errors_of(baseline)),
    count=lambda quality: quality.predicted,
    too_few=too_few,
    undefined="the labels do not vary, or predictions are absent",
)
