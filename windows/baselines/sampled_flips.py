# SPDX-License-Identifier: Apache-2.0
"""The flip test of a sample of rows: the one bias metric that counts cannot tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.groups import ID_HASH
from windows.definition import ModelDefinition
from windows.join.carried import Carried
from windows.outputs import LABEL, VALUE
from windows.statistics.bias_statistics import FacetValue
from windows.statistics.flip_test import flip_test
from windows.statistics.intervals import Estimate

_NUMBERS = frozenset({Kind.FLOAT, Kind.INTEGER})
_NO_FEATURES = ("prediction.", "tags.", ID_HASH)


def measure_flips(sample: Block, definition: ModelDefinition, value: FacetValue) -> Estimate | str:
    """Compare the facet's predictions with those of its neighbours, by the numeric features.

    Parameters
    ----------
    sample : Block
        Rows of a window or data set with features and outputs.
    definition : ModelDefinition
        Its favourable classes, and how the facet is cut.
    value : FacetValue
        The facet d.

    Returns
    -------
    Estimate or str
        Or why there is no value. Rows without a prediction, a value of the facet or a numeric feature are left out.
    """
    facet = next(facet for facet in definition.monitors.bias.facets if facet.name == value.facet)
    texts = Carried(facet.name, facet.above).column(sample)
    known, accepted = _accepted(sample, definition)
    numbers = {
        name: column
        for name, column in sample.columns.items()
        if column.kind in _NUMBERS and name != facet.name and not name.startswith(_NO_FEATURES)
    }
    if not numbers:
        return "no numeric features in the sample"
    points = np.column_stack([_floats(column) for column in numbers.values()])
    rows = known & _valid(texts) & np.isfinite(points).all(axis=1)
    inside = np.isin(texts.values, [code for code, text in enumerate(texts.categories) if text in value.values])
    try:
        return flip_test(points[rows], accepted[rows], inside[rows])
    except ValueError as error:
        return str(error)


def _accepted(sample: Block, definition: ModelDefinition) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows have a prediction, and which a favourable one."""
    bias = definition.monitors.bias
    column = sample.columns.get(LABEL if bias.label_above is None else VALUE)
    if column is None:
        return np.zeros(sample.n, bool), np.zeros(sample.n, bool)
    if bias.label_above is not None:
        numbers = _floats(column)
        return np.isfinite(numbers), numbers > bias.label_above
    classes = Carried(LABEL).column(sample)
    favourable = bias.positive_labels or (definition.positive_class,)
    codes = [code for code, name in enumerate(classes.categories) if name in favourable]
    return _valid(classes), np.isin(classes.values, codes)


def _valid(column: Column) -> NDArray[np.bool_]:
    return np.ones(len(column.values), bool) if column.valid is None else column.valid


def _floats(column: Column) -> NDArray[np.float64]:
    """Numbers of a column, NaN where there is none."""
    return np.where(_valid(column), column.values, np.nan).astype(float)
