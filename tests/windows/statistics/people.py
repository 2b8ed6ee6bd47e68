# SPDX-License-Identifier: Apache-2.0
"""Counts of people for tests of bias, through the state that windows hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sketches import Block, Column, ContingencySpec, ContingencyState, Kind

FACETS = tuple("MFFMFMFFMMFF")
ACTUAL = (0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0)
PREDICTED = (1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0)
"""The twelve people of the managed monitor's own tests (smclarify/tests/unit/bias/metrics/test_metrics.py)."""


def words(values: Sequence[Any]) -> Column:
    """A column of texts."""
    categories, codes = np.unique([str(value) for value in values], return_inverse=True)
    return Column(Kind.STRING, codes.astype(np.int32), categories=tuple(categories.tolist()))


def counted(
    facet: Sequence[Any],
    actual: Sequence[Any],
    predicted: Sequence[Any] | None = None,
    group: Sequence[Any] | None = None,
) -> ContingencyState:
    """Counts of people by facet `sex` and group `region`."""
    columns = {"sex": facet, "label": actual, "prediction.label": predicted, "region": group}
    block = Block(len(facet), {name: words(values) for name, values in columns.items() if values is not None})
    state = ContingencySpec(("sex",), None if group is None else "region").empty()
    state.update(block)
    return state


def sides(value: str, *people: Any) -> np.ndarray:
    """One facet value against its complement."""
    return counted(*people).table("sex").sides(value)
