# SPDX-License-Identifier: Apache-2.0
"""Binary quality against a plain loop over the rows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from sketches import BinaryQualitySpec, Block, Column, CorruptState, Kind, score_edges
from sketches.packing import pack
from sketches.score_losses import ScoreLosses
from tests.strategies import labelled_blocks


def rows_of(block: Block, name: str) -> list[object]:
    """Give a column's values, None where there is none."""
    if name not in block.columns:
        return [None] * block.n
    column = block.columns[name]
    values = column.values.tolist()
    if column.kind == Kind.STRING:
        values = [column.categories[code] for code in values]
    valid = [True] * block.n if column.valid is None else column.valid.tolist()
    return [value if ok else None for value, ok in zip(values, valid, strict=True)]


@settings(max_examples=300, deadline=None)
@given(labelled_blocks())
def test_cells_and_score_bins_are_those_of_a_loop(block: Block) -> None:
    state = BinaryQualitySpec("1").empty()
    state.update(block)
    cells, bins, unpredicted = Counter[tuple[bool, bool]](), Counter[tuple[bool, int]](), 0
    edges = score_edges().tolist()
    columns = (rows_of(block, name) for name in ("label", "prediction.label", "prediction.score"))
    for label, predicted, score in zip(*columns, strict=True):
        if label is None:
            continue
        if predicted is None:
            unpredicted += 1
        else:
            cells[label == "1", predicted == "1"] += 1
        if isinstance(score, float) and not math.isnan(score):
            bins[label == "1", min(bisect_right(edges, score) - 1, len(edges) - 2)] += 1
    assert state.cells == (cells[True, True], cells[True, False], cells[False, True], cells[False, False])
    assert state.unpredicted == unpredicted
    assert state.n == cells.total() + unpredicted
    for actual, counts in zip((False, True), state.score_counts, strict=True):
        assert {int(i): int(counts[i]) for i in np.flatnonzero(counts)} == {
            i: count for (kind, i), count in bins.items() if kind == actual
        }


def test_edges_span_the_scores_finely_in_the_middle_and_at_both_ends() -> None:
    edges = score_edges()
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    assert (np.diff(edges) > 0).all()
    assert np.diff(edges).max() <= 1 / 1023 + 1e-12
    inside = edges[(edges > 1e-6) & (edges < 1 - 1e-6)]
    assert np.diff(np.log(inside / (1 - inside))).max() <= 32 / 1023 + 1e-9
    with pytest.raises(ValueError, match="read-only"):
        edges[0] = 1.0


def test_a_correction_moves_a_row_from_one_cell_to_another() -> None:
    def block(label: int) -> Block:
        codes = np.array([label], dtype=np.int32)
        columns = {
            "label": Column(Kind.STRING, codes, None, ("0", "1")),
            "prediction.label": Column(Kind.STRING, np.array([1], dtype=np.int32), None, ("0", "1")),
            "prediction.score": Column(Kind.FLOAT, np.array([0.9])),
        }
        return Block(1, columns)

    corrected, direct = BinaryQualitySpec().empty(), BinaryQualitySpec().empty()
    corrected.update(block(0))
    corrected.update(block(0), sign=-1)
    corrected.update(block(1))
    direct.update(block(1))
    assert corrected.cells == (1, 0, 0, 0)
    assert corrected.to_bytes() == direct.to_bytes()


def test_a_repeated_category_is_the_positive_class_each_time() -> None:
    label = Column(Kind.STRING, np.array([0, 1, 2], dtype=np.int32), None, ("yes", "no", "yes"))
    state = BinaryQualitySpec("yes").empty()
    state.update(Block(3, {"label": label, "prediction.label": label}))
    assert state.cells == (2, 0, 0, 1)


def test_score_counts_that_do_not_fit_are_refused() -> None:
    cells, scores, losses = bytes(40), b"not zlib", ScoreLosses().to_bytes()
    with pytest.raises(CorruptState, match="expected zlib data"):
        BinaryQualitySpec().from_bytes(pack(cells, scores, losses))
