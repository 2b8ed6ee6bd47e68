# SPDX-License-Identifier: Apache-2.0
"""Roles of a data set's columns: label, prediction and score get the names they have in events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sketches.block import Block, Column, Kind
from windows.definition import negative_class
from windows.errors import BaselineError
from windows.outputs import LABEL, SCORE, SCORES, VALUE

EXTRA = ("tags.", "attributions.", "embeddings.")


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are what.

    Parameters
    ----------
    label, prediction, score : str, optional
        Columns of the true class, the predicted class and the probability of the positive class; of a regression the
        first two are numbers, and there is no third.
    ignored : tuple of str
        Columns that are no model inputs: ids, times, tags.
    positive_class : str
        Canonical name of the positive class.
    probability_threshold : float
        Scores above it are the positive class where no prediction is given.
    numeric : bool
        Whether it is a regression.
    classes : tuple of str
        Declared classes of many: their scores are the columns `prediction.scores.<class>`, and the highest is the
        predicted class where no prediction is given.
    """

    label: str | None = None
    prediction: str | None = None
    score: str | None = None
    ignored: tuple[str, ...] = ()
    positive_class: str = "1"
    probability_threshold: float = 0.5
    numeric: bool = False
    classes: tuple[str, ...] = ()

    def of_scores(self, block: Block) -> tuple[str, ...]:
        """Names of the columns that hold a score of each declared class; none unless all are there."""
        names = tuple(SCORES + name for name in self.classes)
        return names if block.columns.keys() >= set(names) else ()


NO_ROLES = Roles()


def by_role(block: Block, roles: Roles) -> tuple[Block, Block, Block]:
    """Part a block into what events hold, what they say beside it, and what quality is counted from.

    Parameters
    ----------
    block : Block
        Rows of a data set.
    roles : Roles
        Names of its columns.

    Returns
    -------
    monitored : Block
        Inputs under their own names, outputs as `prediction.label`, `prediction.score` and
        `prediction.scores.<class>`, or `prediction.value`.
    extra : Block
        Columns named `tags.*`, `attributions.*` and `embeddings.*`.
    judged : Block
        The outputs and `label`.

    Raises
    ------
    BaselineError
        If a named column is not there, a score is not in [0, 1], or a regression's column holds no numbers.

    Examples
    --------
    >>> score = Column(Kind.FLOAT, np.array([0.2, 0.9]))
    >>> monitored, _, judged = by_role(Block(2, {"p": score, "age": score}), Roles(score="p"))
    >>> list(monitored.columns), judged.columns["prediction.label"].values.tolist()
    (['age', 'prediction.score', 'prediction.label'], [0, 1])
    """
    named = [name for name in (roles.label, roles.prediction, roles.score) if name is not None]
    if missing := [name for name in (*named, *roles.ignored) if name not in block.columns]:
        msg = f"expected columns {missing}, got {sorted(block.columns)}"
        raise BaselineError(msg)
    outputs, labels = _of_numbers(block, roles) if roles.numeric else _of_classes(block, roles)
    apart = {*named, *roles.ignored, *outputs}
    rest = {name: column for name, column in block.columns.items() if name not in apart}
    extra = {name: column for name, column in rest.items() if name.startswith(EXTRA)}
    inputs = {name: column for name, column in rest.items() if name not in extra}
    return Block(block.n, inputs | outputs), Block(block.n, extra), Block(block.n, outputs | labels)


def _of_numbers(block: Block, roles: Roles) -> tuple[dict[str, Column], dict[str, Column]]:
    """Prediction and label of a regression."""
    if roles.score is not None:
        msg = f"expected no score column for a regression, got {roles.score!r}"
        raise BaselineError(msg)
    value, label = (
        {} if name is None else {event_name: _numbers(block.columns[name], role, name)}
        for event_name, role, name in ((VALUE, "prediction", roles.prediction), ("label", "label", roles.label))
    )
    return value, label


def _of_classes(block: Block, roles: Roles) -> tuple[dict[str, Column], dict[str, Column]]:
    """Outputs and label of a classification."""
    outputs: dict[str, Column] = {}
    if roles.score is not None:
        outputs[SCORE] = _scores(block.columns[roles.score], roles.score)
    outputs |= {name: _scores(block.columns[name], name) for name in roles.of_scores(block)}
    if roles.prediction is not None:
        outputs[LABEL] = classes(block.columns[roles.prediction])
    elif roles.score is not None:
        outputs[LABEL] = _above(outputs[SCORE], roles)
    elif roles.of_scores(block):
        outputs[LABEL] = _highest([outputs[name] for name in roles.of_scores(block)], roles.classes)
    return outputs, {} if roles.label is None else {"label": classes(block.columns[roles.label])}


def classes(column: Column) -> Column:
    """Give class names their one canonical form: 1, 1.0, true and "1" are the class "1".

    Examples
    --------
    >>> classes(Column(Kind.FLOAT, np.array([1.0, 0.0]))).categories
    ('0', '1')
    """
    if column.kind == Kind.STRING:
        return column
    values = column.values.tolist()
    valid = np.ones(len(values), bool) if column.valid is None else column.valid.copy()
    names = [_class_name(value) if known else None for value, known in zip(values, valid, strict=True)]
    valid &= np.array([name is not None for name in names], bool)
    categories = tuple(sorted({name for name in names if name is not None}))
    code = {name: i for i, name in enumerate(categories)}
    codes = np.array([code.get(name, 0) if name is not None else 0 for name in names], np.int32)
    return Column(Kind.STRING, codes, valid, categories, column.absent)


def _class_name(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not value.is_integer():
        return None if np.isnan(value) else repr(value)
    return str(int(value))


def _numbers(column: Column, role: str, name: str) -> Column:
    if column.kind not in {Kind.FLOAT, Kind.INTEGER, Kind.BOOLEAN}:
        msg = f"expected numbers in {role} column {name!r}, got {column.kind.name}"
        raise BaselineError(msg)
    values = column.values.astype(np.float64)
    valid = ~np.isnan(values) if column.valid is None else column.valid & ~np.isnan(values)
    return Column(Kind.FLOAT, values, valid)


def _scores(column: Column, name: str) -> Column:
    numbers = _numbers(column, "score", name)
    values, valid = numbers.values, numbers.valid
    if ((values < 0.0) | (values > 1.0))[valid].any():
        msg = f"expected scores from 0 to 1 in column {name!r}, got {values[valid].min()} to {values[valid].max()}"
        raise BaselineError(msg)
    return numbers


def _above(score: Column, roles: Roles) -> Column:
    """Predict the class by the threshold, as windows do for events without a label."""
    codes = (score.values > roles.probability_threshold).astype(np.int32)
    return Column(Kind.STRING, codes, score.valid, (negative_class(roles.positive_class), roles.positive_class))


def _highest(scores: list[Column], names: tuple[str, ...]) -> Column:
    """Predict the class with the highest score, as windows do for events without a label."""
    valid = np.logical_and.reduce([column.valid for column in scores if column.valid is not None])
    codes = np.stack([column.values for column in scores]).argmax(axis=0).astype(np.int32)
    return Column(Kind.STRING, codes, valid, names)
