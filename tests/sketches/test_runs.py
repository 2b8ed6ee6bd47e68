# SPDX-License-Identifier: Apache-2.0
"""A compacted run keeps its weight, and ranks within what KLL states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches.kll_layout import capacity
from sketches.runs import compact, shortest_run


@settings(max_examples=80, deadline=None)
@given(
    k=st.sampled_from([8, 64, 200, 400, 512, 513, 2048, 4096]),
    doublings=st.integers(0, 6),
    coins=st.integers(0, 2**32 - 1),
    distinct=st.sampled_from([1, 2, 100, 10**9]),
    seed=st.integers(0, 2**32),
)
def test_what_is_kept_is_ascending_fits_a_sketch_and_weighs_what_came(
    k: int, doublings: int, coins: int, distinct: int, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, distinct, shortest_run(k) << doublings).astype(float)
    kept, level = compact(values.copy(), k, coins)
    assert len(kept) << level == len(values)
    assert len(kept) <= capacity(k, level + 1)
    assert (np.diff(kept) >= 0).all()
    assert np.isin(kept, values).all()


@pytest.mark.parametrize("column", ["sorted", "reversed", "shuffled", "alternating", "repeated"])
@pytest.mark.parametrize("k", [200, 512, 2048])
def test_over_the_coins_the_mean_rank_is_the_true_one(k: int, column: str) -> None:
    n = 8 * shortest_run(k)
    values = {
        "sorted": np.arange(n, dtype=float),
        "reversed": np.arange(n, dtype=float)[::-1],
        "shuffled": np.random.default_rng(1).permutation(n).astype(float),
        "alternating": np.where(np.arange(n) % 2, np.arange(n), n - np.arange(n)).astype(float),
        "repeated": np.tile(np.arange(256.0), n // 256),
    }[column]
    points = np.quantile(values, [0.1, 0.37, 0.5, 0.81])
    true = np.searchsorted(np.sort(values), points, side="right") / n
    ranks = []
    for coins in np.random.default_rng(2).integers(0, 2**32, 400):
        kept, _ = compact(values.copy(), k, int(coins))
        ranks.append(np.searchsorted(kept, points, side="right") / len(kept))
    spread = np.std(ranks, axis=0)
    # Seven standard errors of the mean: a false failure in 1e-11.
    assert (np.abs(np.mean(ranks, axis=0) - true) <= 7 * spread / 20 + 1e-12).all()
    assert spread.max() < 0.5 * 2.3 / k**0.9


def test_the_errors_of_equal_rows_cancel() -> None:
    values = np.tile(np.arange(256.0), 64)
    for coins in range(32):
        kept, _ = compact(values.copy(), 512, coins)
        ranks = np.searchsorted(kept, np.arange(256.0), side="right") / len(kept)
        assert ranks.tolist() == (np.arange(1, 257) / 256).tolist()
