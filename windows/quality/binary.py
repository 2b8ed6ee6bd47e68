# SPDX-License-Identifier: Apache-2.0
"""Quality of a binary classification."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from windows.quality.absent_labels import count_absent_labels
from windows.quality.problem import Measured, Problem, constant_block, described
from windows.statistics.auc import auc, bootstrap_auc, curves, paper_auc
from windows.statistics.binary_metrics import CELL_METRICS, Cells, best_constant, bootstrap, closed_form, paper
from windows.statistics.losses import LOSSES, calibration, mean_losses
from windows.statistics.quality_tests import TWINS, quality_pvalue

_ENOUGH_LABELS = 2_000


def measure(quality: BinaryQualityState, method: str, rng: np.random.Generator) -> Measured:
    """Estimate the cell metrics, the area under the ROC curve and the losses of the scores, and draw the curves.

    Parameters
    ----------
    quality : BinaryQualityState
        Labelled rows.
    method : str
        `closed`, `bootstrap` or `paper`, for all but the losses.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Measured
        `confusion_matrix` has actual classes as rows, predicted ones as columns.

    Examples
    --------
    >>> state = BinaryQualitySpec().empty()
    >>> state.tp, state.fp, state.tn = 1, 2, 1
    >>> measure(state, "closed", np.random.default_rng(1)).described["confusion_matrix"]
    {'0': {'0': 1, '1': 2}, '1': {'0': 0, '1': 1}}
    """
    cells, counts = Cells(*quality.cells), quality.score_counts
    match method:
        case "bootstrap":
            area, metrics = bootstrap_auc(*counts, rng), bootstrap(cells, rng)
        case "paper":
            area, metrics = paper_auc(*counts, rng), paper(cells, rng)
        case _:
            area, metrics = auc(*counts), closed_form(cells)
    metrics |= {"auc": area.estimate}
    losses = mean_losses(quality.losses)
    block: dict[str, Any] = {
        "confusion_matrix": {"0": {"0": cells.tn, "1": cells.fp}, "1": {"0": cells.fn, "1": cells.tp}},
        **{name: described(estimate) for name, estimate in metrics.items()},
        **constant_block(best_constant(cells)),
        **{name: described(estimate) for name, estimate in losses.items() if estimate.defined},
        **calibration(quality.losses),
        **curves(*counts),
    }
    block["auc"]["grid_width"] = area.grid_width
    return Measured({**metrics, **losses}, block)


def too_few(quality: BinaryQualityState) -> Iterable[str]:
    """Say what a baseline has too few labelled rows for."""
    tp, fn, fp, tn = quality.cells
    if tp + fn + fp + tn < _ENOUGH_LABELS or min(tp + fn, fp + tn) < _ENOUGH_LABELS // 10:
        yield (
            f"{tp + fn} positive and {fp + tn} negative labelled rows: a fall in quality is "
            f"hidden by the baseline's own error; give {_ENOUGH_LABELS} rows, {_ENOUGH_LABELS // 10} of each class"
        )


def lacking(quality: BinaryQualityState) -> Iterable[str]:
    """Say which class no label or no prediction is."""
    tp, fn, fp, tn = quality.cells
    positive = repr(quality.spec.positive)
    for rows, what in (
        (tp + fn, f"no row has the label {positive}"),
        (fp + tn, f"every row has the label {positive}"),
        (tp + fp, f"no row is predicted {positive}"),
        (fn + tn, f"every row is predicted {positive}"),
    ):
        if not rows:
            yield what


BINARY = Problem(
    name="binary_classification",
    spec=BinaryQualitySpec,
    suggested=(*CELL_METRICS[:-3], "auc", *CELL_METRICS[-3:], *LOSSES),
    twins=TWINS,
    measure=measure,
    pvalue=quality_pvalue,
    count=lambda quality: Cells(*quality.cells).n,
    too_few=too_few,
    lacking=lacking,
    count_absent=count_absent_labels,
)
