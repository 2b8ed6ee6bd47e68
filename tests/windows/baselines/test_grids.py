# SPDX-License-Identifier: Apache-2.0
"""A grid parts each feature of a baseline into cells of about equal shares."""

from __future__ import annotations

import numpy as np

from sketches.block import Block
from tests.windows.build import baseline_of, block, column
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.grids import grid_of
from windows.baselines.suggest import suggest
from windows.grid import Grid
from windows.statistics.limits import NEGATIVE, far_from

RNG = np.random.default_rng(1)
N = 20_000
ROWS = block(
    x=RNG.normal(size=N),
    count=RNG.poisson(1.0, N),
    constant=np.full(N, 7.0),
    job=RNG.choice([f"job {number:02}" for number in range(60)], N),
)


def test_deciles_and_quantiles_part_numbers_into_equal_shares() -> None:
    baseline = baseline_of(ROWS)
    grid, far = grid_of(baseline), far_from(baseline.features["x"].moments, 6.0)
    values = ROWS.columns["x"].values
    for spec, cells in ((grid.deciles, 10), (grid.cells, 32)):
        edges = [edge for edge in dict(spec.edges)["x"] if edge not in far]
        assert len(edges) == cells - 1
        shares = np.histogram(values, [-np.inf, *edges, np.inf])[0] / N
        # The sketch's ranks are within 0.0014 of n (99 %), a cell has two of them.
        assert np.abs(shares - 1 / cells).max() < 4 * 0.0014


def test_a_value_of_several_shares_is_one_edge_and_the_largest_is_none() -> None:
    edges = dict(grid_of(baseline_of(ROWS)).deciles.edges)
    assert edges["count"] == (0.0, 1.0, 2.0)
    assert edges["constant"] == ()


def test_cells_end_where_checks_of_data_quality_begin_to_fail() -> None:
    baseline = baseline_of(ROWS)
    edges = dict(grid_of(baseline).cells.edges)
    assert set(far_from(baseline.features["x"].moments, 6.0)) <= set(edges["x"])
    assert NEGATIVE in edges["count"]
    assert NEGATIVE not in edges["x"]
    assert far_from(baseline.features["constant"].moments, 6.0) is None
    assert not NEGATIVE < -5e-324
    assert NEGATIVE < -0.0


def test_the_most_frequent_categories_have_a_cell() -> None:
    grid = grid_of(baseline_of(ROWS))
    values = ROWS.columns["job"]
    counts = np.bincount(values.values, minlength=60)
    cells = dict(grid.cells.categories)["job"]
    assert len(cells) == 31
    least = min(counts[values.categories.index(name)] for name in cells)
    assert all(count <= least for name, count in zip(values.categories, counts, strict=True) if name not in cells)
    assert "job" not in grid.deciles.features


def test_hashed_columns_have_no_cells() -> None:
    grid = grid_of(suggest([ROWS], model="m", hashed=("job", "x")).baseline)
    assert set(grid.cells.features) == {"count", "constant"}


def test_the_grid_of_a_published_baseline_is_that_of_the_suggested_one() -> None:
    baseline = baseline_of(ROWS)
    again = baseline_from_records(dict(baseline_records(baseline)))
    assert grid_of(again) == grid_of(baseline)


def test_a_grid_comes_back_from_its_bytes() -> None:
    grid = grid_of(baseline_of(ROWS))
    assert Grid.from_bytes(grid.to_bytes()) == grid


def test_a_column_without_numbers_has_no_deciles() -> None:
    nothing = Block(3, {"x": column([None, None, None])})
    assert grid_of(baseline_of(nothing)).deciles.features == ()
