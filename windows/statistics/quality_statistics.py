# SPDX-License-Identifier: Apache-2.0
"""Statistics of a binary classifier in the managed monitors' form, formats 1.7, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windows.statistics.auc import Auc, Counts, curves
from windows.statistics.binary_metrics import Cells, best_constant
from windows.statistics.intervals import Estimate


def quality_statistics(
    cells: Cells, counts: tuple[Counts, Counts], metrics: Mapping[str, Estimate], area: Auc, dataset: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe the quality of predictions.

    Parameters
    ----------
    cells : Cells
        Confusion cells.
    counts : pair of ndarray of int64
        Score counts of negatives and positives.
    metrics : mapping of str to Estimate
        Every metric, `auc` too.
    area : Auc
        For the width of the score grid.
    dataset : mapping
        `item_count` and what else is known of the rows.

    Returns
    -------
    dict
        `confusion_matrix` has actual classes as rows, predicted ones as columns; each metric has `value`,
        `standard_deviation`, `interval` (95 %) and `n`. Undefined numbers are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from windows.statistics.auc import auc
    >>> from windows.statistics.binary_metrics import closed_form
    >>> cells, counts = Cells(1, 0, 2, 1), (np.array([1, 2]), np.array([0, 1]))
    >>> area = auc(*counts)
    >>> metrics = closed_form(cells) | {"auc": area.estimate}
    >>> described = quality_statistics(cells, counts, metrics, area, {"item_count": 4})
    >>> described["binary_classification_metrics"]["confusion_matrix"]
    {'0': {'0': 1, '1': 2}, '1': {'0': 0, '1': 1}}
    """
    block: dict[str, Any] = {
        "confusion_matrix": {"0": {"0": cells.tn, "1": cells.fp}, "1": {"0": cells.fn, "1": cells.tp}},
        **{name: _metric(estimate) for name, estimate in metrics.items()},
        **{
            f"{name}_best_constant_classifier": {"value": value, "standard_deviation": float("nan")}
            for name, value in best_constant(cells).items()
        },
        **curves(*counts),
    }
    block["auc"]["grid_width"] = area.grid_width
    return {"version": 0.0, "dataset": dict(dataset), "binary_classification_metrics": block}


def _metric(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "standard_deviation": estimate.sd,
        "interval": [estimate.low, estimate.high],
        "n": estimate.n,
    }
