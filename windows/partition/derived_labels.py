# SPDX-License-Identifier: Apache-2.0
"""Predicted classes that events leave to their scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Kind
from windows.definition import ModelDefinition
from windows.outputs import SCORE, SCORES
from windows.partition.model_state import ModelState, VersionState
from windows.partition.relabel import by_window

Rows = NDArray[np.int64]
Codes = NDArray[np.int16]


def derive_labels(
    predicted: Codes, block: Block, starts_ms: Rows, model: ModelState, version: VersionState
) -> NDArray[np.bool_]:
    """Derive classes that are missing beside scores, by the definition of each row's window.

    With one score it is the positive class above the threshold, else the negative one; with a score of every declared
    class the highest, the first declared of equal ones.

    Parameters
    ----------
    predicted : ndarray of int16, shape (n,)
        Codes of the predicted classes, negative where there is none: those are changed in place.
    block : Block
        The rows.
    starts_ms : ndarray of int64, shape (n,)
        Start of each row's window.
    model, version : ModelState, VersionState
        What they are of.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a class was derived.
    """
    before = predicted < 0
    missing = np.flatnonzero(before)
    for start_ms, of_window in by_window(starts_ms[missing]):
        rows = missing if of_window is None else missing[of_window]
        definition = version.timeline.at(start_ms)
        if definition.problem_type == "MulticlassClassification":
            _highest(predicted, block, rows, definition, model)
        else:
            _above_threshold(predicted, block, rows, definition, model)
    return before & (predicted >= 0)


def _above_threshold(
    predicted: Codes, block: Block, rows: Rows, definition: ModelDefinition, model: ModelState
) -> None:
    score = numbers_of(block, SCORE)[rows]
    scored = np.flatnonzero(~np.isnan(score))
    if len(scored):
        positive, negative = (
            model.classes.reserve(name) for name in (definition.positive_class, definition.negative_class)
        )
        predicted[rows[scored]] = np.where(score[scored] > definition.probability_threshold, positive, negative)


def _highest(predicted: Codes, block: Block, rows: Rows, definition: ModelDefinition, model: ModelState) -> None:
    names = [SCORES + name for name in definition.classes]
    if not names or not block.columns.keys() >= set(names):
        return
    scores = np.stack([numbers_of(block, name)[rows] for name in names], axis=1)
    scored = np.flatnonzero(~np.isnan(scores).any(axis=1))
    codes = np.array([model.classes.reserve(name) for name in definition.classes], np.int16)
    predicted[rows[scored]] = codes[scores[scored].argmax(axis=1)]


def numbers_of(block: Block, name: str) -> NDArray[np.float64]:
    """Give the numbers of a column, NaN where there is none.

    Examples
    --------
    >>> numbers_of(Block(2), "prediction.score")
    array([nan, nan])
    """
    column = block.columns.get(name)
    if column is None or column.kind not in (Kind.FLOAT, Kind.INTEGER):
        return np.full(block.n, np.nan)
    numbers = column.values.astype(np.float64)
    if column.valid is not None:
        numbers[~column.valid] = np.nan
    return numbers
