# SPDX-License-Identifier: Apache-2.0
"""Rows of 20 features: normal, integer, heavy-tailed and categorical columns."""

from __future__ import annotations

import numpy as np

from sketches.block import Block, Column, Kind

SHIFTED = "normal_0"
_NORMAL, _COUNTS, _TAILS, _ZEROS = 8, 4, 3, 2
_CATEGORIES = (2, 5, 40)


def draw(rng: np.random.Generator, n: int) -> Block:
    """Draw rows without drift."""
    columns = {f"normal_{i}": Column(Kind.FLOAT, rng.standard_normal(n)) for i in range(_NORMAL)}
    columns |= {f"count_{i}": Column(Kind.INTEGER, rng.poisson(2.0, n)) for i in range(_COUNTS)}
    columns |= {f"tail_{i}": Column(Kind.FLOAT, rng.standard_t(2, n)) for i in range(_TAILS)}
    for i in range(_ZEROS):
        values = np.where(rng.random(n) < 0.9, 0.0, np.exp(2.0 * rng.standard_normal(n)))
        columns[f"zeros_{i}"] = Column(Kind.FLOAT, values)
    for most in _CATEGORIES:
        # Ever rarer values: the last are seen a few times in a baseline, or never.
        weights = 1.0 / np.arange(1, most + 1) ** 1.5
        codes = rng.choice(most, n, p=weights / weights.sum()).astype(np.int32)
        columns[f"category_{most}"] = Column(Kind.STRING, codes, categories=tuple(f"c{i}" for i in range(most)))
    return Block(n, columns)


def shifted(rows: Block, shift: float) -> Block:
    """Move one normal column by so many standard deviations; the other columns are left out."""
    return Block(rows.n, {SHIFTED: Column(Kind.FLOAT, rows.columns[SHIFTED].values + shift)})
