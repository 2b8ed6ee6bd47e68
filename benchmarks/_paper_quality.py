# SPDX-License-Identifier: Apache-2.0
"""Appendix B of the paper and the constraints of its blog post: metrics and deviations of a few rows."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.figures import Reproduced
from sketches.block import Block, Column, Kind
from sketches.regression import RegressionQualitySpec
from windows.statistics.binary_metrics import Cells, closed_form
from windows.statistics.paper_procedure import paper_estimate
from windows.statistics.regression_metrics import closed_form as regression_metrics
from windows.statistics.regression_metrics import errors_of

_TOLERANCE = 1e-9
# The only set of five resamples of the four rows that gives the published deviations.
_RESAMPLED_MAE = (1 / 3, 1 / 2, 1 / 2, 1 / 2, 1.0)


def appendix_b() -> list[Reproduced]:
    """Metrics and deviations of four rows, whose errors are 0, 0, 1 and 1."""
    labels, predictions = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0])
    state = RegressionQualitySpec().empty()
    columns = {"label": Column(Kind.FLOAT, labels), "prediction.value": Column(Kind.FLOAT, predictions)}
    state.update(Block(len(labels), columns))
    errors = errors_of(state)
    metrics = regression_metrics(errors)
    said = {"mae": 0.5, "mse": 0.5000000000000001, "rmse": 0.7071067811865476, "r2": -1.6666666666666674}
    found = [Reproduced(f"paper.appendix_b.{name}", metrics[name].value, said[name], _TOLERANCE) for name in said]
    mae = paper_estimate(0.5, _RESAMPLED_MAE, 4).sd
    rmse = paper_estimate(math.sqrt(0.5), np.sqrt(_RESAMPLED_MAE), 4).sd
    return [
        *found,
        Reproduced("paper.appendix_b.mae.sd", mae, 0.2260776661041756, _TOLERANCE),
        Reproduced("paper.appendix_b.mse.sd", mae, 0.2260776661041756, _TOLERANCE),
        Reproduced("paper.appendix_b.rmse.sd", rmse, 0.13949944301704126, _TOLERANCE),
    ]


def blog_constraints() -> list[Reproduced]:
    """The baseline constraints of the blog: the only confusion matrix of up to 400 rows that has them."""
    metrics = closed_form(Cells(16, 12, 0, 173))
    said = {
        "recall": 0.5714285714285714,
        "precision": 1.0,
        "accuracy": 0.9402985074626866,
        "true_positive_rate": 0.5714285714285714,
        "true_negative_rate": 1.0,
        "false_positive_rate": 0.0,
        "false_negative_rate": 0.4285714285714286,
        "f0_5": 0.8695652173913043,
        "f1": 0.7272727272727273,
        "f2": 0.625,
    }
    return [Reproduced(f"paper.blog.{name}", metrics[name].value, value, 1e-12) for name, value in said.items()]
