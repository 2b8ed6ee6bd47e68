# SPDX-License-Identifier: Apache-2.0
"""Quality of a classification into many classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from windows.quality.absent_labels import count_absent_classes
from windows.quality.problem import NO_PREDICTION, Measured, Problem, constant_block, described
from windows.statistics.losses import LOSSES, calibration, mean_losses
from windows.statistics.multiclass_metrics import (
    MULTICLASS_METRICS,
    best_constant,
    bootstrap,
    closed_form,
    paper,
    per_class,
)
from windows.statistics.multiclass_tests import MULTICLASS_TWINS, multiclass_pvalue

_ENOUGH_LABELS = 2_000
_ENOUGH_OF_A_CLASS = 100
_FEW_CLASSES = 30
_NAMED = 3


def measure(quality: MulticlassQualityState, method: str, rng: np.random.Generator) -> Measured:
    """Estimate the metrics of all classes and of each, and the losses of the scores.

    Parameters
    ----------
    quality : MulticlassQualityState
        Labelled rows.
    method : str
        `closed`, `bootstrap` or `paper`, for the metrics of all classes.
    rng : numpy.random.Generator
        Source of the resamples.

    Returns
    -------
    Measured
        Metrics of one class are named such as `recall.cat`. `confusion_matrix` has actual classes as rows, predicted
        ones as columns; with more than thirty classes only the cells with rows. `per_class` has the classes with rows;
        `first_class_beyond_the_cap` is there where classes had to share `(other)`.

    Examples
    --------
    >>> state = MulticlassQualitySpec().empty()
    >>> state.add("cat", "cat", 3)
    >>> state.add("cat", "dog", 1)
    >>> measured = measure(state, "closed", np.random.default_rng(1))
    >>> measured.described["confusion_matrix"], measured.metrics["recall.cat"].value
    ({'cat': {'cat': 3, 'dog': 1}, 'dog': {'cat': 0, 'dog': 0}}, 0.75)
    """
    confusion, classes = quality.confusion, quality.classes
    resample = {"bootstrap": bootstrap, "paper": paper}.get(method)
    metrics = closed_form(confusion) if resample is None else resample(confusion, rng)
    losses = mean_losses(quality.losses)
    of_classes = per_class(confusion, classes)
    block: dict[str, Any] = {
        "confusion_matrix": _matrix(quality),
        **{name: described(estimate) for name, estimate in metrics.items()},
        **constant_block(best_constant(confusion)),
        **{name: described(estimate) for name, estimate in losses.items() if estimate.defined},
        **calibration(quality.losses),
        "per_class": {
            name: {metric: described(estimate) for metric, estimate in found.items()}
            for name, found in of_classes.items()
        },
    }
    if quality.bar is not None:
        block["first_class_beyond_the_cap"] = quality.bar
    named = {f"{metric}.{name}": one for name, found in of_classes.items() for metric, one in found.items()}
    return Measured({**metrics, **losses, **named}, block)


def _matrix(quality: MulticlassQualityState) -> dict[str, dict[str, int]]:
    classes = quality.classes
    shown = {name: dict.fromkeys(classes, 0) if len(classes) <= _FEW_CLASSES else {} for name in classes}
    for (actual, predicted), rows in quality.cells.items():
        shown[actual][predicted] = rows
    return shown


def too_few(quality: MulticlassQualityState) -> Iterable[str]:
    """Say what a baseline has too few labelled rows for."""
    by_class = dict(zip(quality.classes, quality.confusion.sum(1).tolist(), strict=True))
    n = sum(by_class.values())
    rare = sorted((rows, name) for name, rows in by_class.items() if rows < _ENOUGH_OF_A_CLASS)
    if n < _ENOUGH_LABELS or rare:
        rarest = "".join(f", {rows} of class {name!r}" for rows, name in rare[:3])
        yield (
            f"{n} labelled rows{rarest}: a fall in quality is hidden by the baseline's own error; "
            f"give {_ENOUGH_LABELS} rows, {_ENOUGH_OF_A_CLASS} of each class"
        )
    if quality.bar is not None:
        yield f"more than {quality.spec.max_classes} classes: those from {quality.bar!r} on are counted as one"


def lacking(quality: MulticlassQualityState) -> Iterable[str]:
    """Say which classes no label or no prediction is.

    Examples
    --------
    >>> state = MulticlassQualitySpec(("cat", "dog")).empty()
    >>> state.add("cat", "dog", 2)
    >>> list(lacking(state))
    ["no row has the label 'dog'", "no row is predicted 'cat'"]
    """
    for axis, what in ((1, "no row has the label"), (0, "no row is predicted")):
        rows = quality.confusion.sum(axis).tolist()
        names = [repr(name) for name, n in zip(quality.classes, rows, strict=True) if not n]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"{what} {' or '.join(names[:_NAMED])}{more}"


def _unpredicted(quality: MulticlassQualityState) -> str:
    if quality.spec.classes:
        return NO_PREDICTION
    return f"{NO_PREDICTION}; name `classes` in the definition to derive predictions from scores"


MULTICLASS = Problem(
    name="multiclass_classification",
    spec=MulticlassQualitySpec,
    suggested=(*MULTICLASS_METRICS, *LOSSES),
    twins=MULTICLASS_TWINS,
    measure=measure,
    pvalue=multiclass_pvalue,
    count=lambda quality: quality.n - quality.unpredicted,
    too_few=too_few,
    lacking=lacking,
    unpredicted=_unpredicted,
    count_absent=count_absent_classes,
)
