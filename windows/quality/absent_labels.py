# SPDX-License-Identifier: Apache-2.0
"""Labels that mean something by not arriving: a fraud nobody reported is no fraud."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sketches.binary import BinaryQualityState
from sketches.multiclass import OTHER, MulticlassQualityState
from sketches.profile import ProfileState
from sketches.score_losses import ScoreLosses
from windows.outputs import LABEL


def count_absent_labels(quality: BinaryQualityState, profile: ProfileState, absent_label: str) -> BinaryQualityState:
    """Count the rows without a label as rows of one class.

    Parameters
    ----------
    quality : BinaryQualityState
        Labelled rows.
    profile : ProfileState
        All rows; its counts of `prediction.label` say how the others were predicted.
    absent_label : str
        Class meant when no label arrived.

    Returns
    -------
    BinaryQualityState
        A state of its own. It has no score counts and losses: scores of unlabelled rows are known as quantiles only, so
        AUC is undefined.

    Examples
    --------
    >>> from sketches.binary import BinaryQualitySpec
    >>> from sketches.block import Block, Column, Kind
    >>> from sketches.profile import ProfileSpec
    >>> predicted = Column(Kind.STRING, np.array([0, 1, 1], np.int32), categories=("0", "1"))
    >>> profile, quality = ProfileSpec().empty(), BinaryQualitySpec().empty()
    >>> profile.update(Block(3, {"prediction.label": predicted}))
    >>> count_absent_labels(quality, profile, "0").cells
    (0, 0, 2, 1)
    """
    counted = quality.spec.from_bytes(quality.to_bytes())
    counted.scores, counted.losses = np.zeros_like(counted.scores), ScoreLosses()
    if (predictions := profile.features.get(LABEL)) is None:
        return counted
    positive = predictions.categories.counts().get(quality.spec.positive, 0)
    tp, fn, fp, tn = quality.cells
    unlabelled_positive = max(0, positive - tp - fp)
    unlabelled_negative = max(0, predictions.categories.n - positive - fn - tn)
    if absent_label == quality.spec.positive:
        counted.tp += unlabelled_positive
        counted.fn += unlabelled_negative
    else:
        counted.fp += unlabelled_positive
        counted.tn += unlabelled_negative
    return counted


def count_absent_classes(
    quality: MulticlassQualityState, profile: ProfileState, absent_label: str
) -> MulticlassQualityState:
    """Count the rows without a label as rows of one of many classes.

    Parameters
    ----------
    quality : MulticlassQualityState
        Labelled rows.
    profile : ProfileState
        All rows; its counts of `prediction.label` say how the others were predicted.
    absent_label : str
        Class meant when no label arrived.

    Returns
    -------
    MulticlassQualityState
        A state of its own, without losses.

    Examples
    --------
    >>> from sketches.block import Block, Column, Kind
    >>> from sketches.multiclass import MulticlassQualitySpec
    >>> from sketches.profile import ProfileSpec
    >>> predicted = Column(Kind.STRING, np.array([0, 1, 2], np.int32), categories=("a", "b", "c"))
    >>> profile, quality = ProfileSpec().empty(), MulticlassQualitySpec().empty()
    >>> profile.update(Block(3, {"prediction.label": predicted}))
    >>> quality.add("b", "b", 1)
    >>> count_absent_classes(quality, profile, "a").cells
    {('b', 'b'): 1, ('a', 'a'): 1, ('a', 'c'): 1}
    """
    counted = quality.spec.from_bytes(quality.to_bytes())
    counted.losses = ScoreLosses()
    if (predictions := profile.features.get(LABEL)) is None:
        return counted
    unlabelled = Counter[str]()
    for name, rows in predictions.categories.counts().items():
        unlabelled[OTHER if quality.beyond(name) else name] += rows
    for (_, predicted), rows in quality.cells.items():
        unlabelled[OTHER if quality.beyond(predicted) else predicted] -= rows
    for name, rows in unlabelled.items():
        counted.add(absent_label, name, max(0, rows))
    return counted
