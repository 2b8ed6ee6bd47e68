# SPDX-License-Identifier: Apache-2.0
"""Labels that mean something by not arriving: a fraud nobody reported is no fraud."""

from __future__ import annotations

import numpy as np

from sketches.binary import BinaryQualityState
from sketches.profile import ProfileState
from windows.statistics.inferred_type import LABEL


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
        A state of its own. It has no score counts: scores of unlabelled rows are known as quantiles only, so AUC is
        undefined.

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
    counted.scores = np.zeros_like(counted.scores)
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
