# SPDX-License-Identifier: Apache-2.0
"""The random cut forest against its definition, cut by cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from windows.statistics.random_cut_forest import cut_forest_scores


def naive_displacements(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One tree by definition 1 of Guha et al., and each point's largest ratio over the parts that hold it."""
    largest = np.zeros(len(points))

    def cut(held: np.ndarray) -> None:
        low, sides = points[held].min(0), np.ptp(points[held], axis=0)
        if len(held) == 1 or not sides.sum():
            return
        along = rng.choice(points.shape[1], p=sides / sides.sum())
        below = points[held, along] <= rng.uniform(low[along], low[along] + sides[along])
        for part, rest in ((held[below], held[~below]), (held[~below], held[below])):
            largest[part] = np.maximum(largest[part], len(rest) / len(part))
            cut(part)

    cut(np.arange(len(points)))
    return largest


def clusters() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.vstack((rng.normal(size=(40, 4)), rng.normal(6.0, 1.0, size=(8, 4)), [[20.0, 0.0, 0.0, 0.0]]))


def test_scores_are_those_of_the_definition():
    points, rng = clusters(), np.random.default_rng(2)
    trees = np.array([naive_displacements(points, rng) for _ in range(400)])
    found = cut_forest_scores(points, rng, rounds=400)
    standard_error = np.sqrt(2.0 * trees.var(0) / len(trees)) + 1e-9
    assert np.abs((found - trees.mean(0)) / standard_error).max() < 5.0


def test_an_outlier_has_the_highest_score_and_outliers_that_came_together_do_not_hide_each_other():
    scores = cut_forest_scores(clusters(), np.random.default_rng(3), rounds=50)
    assert np.argmax(scores) == 48
    assert scores[40:48].min() > np.median(scores[:40])


@pytest.mark.parametrize("n", [2, 25, 300])
def test_many_points_are_parted_into_trees_and_each_is_in_one_tree_a_round(n):
    points = np.random.default_rng(4).normal(size=(n, 100))
    scores = cut_forest_scores(points, np.random.default_rng(5), rounds=3, most=64)
    assert scores.shape == (n,)
    assert (scores > 0).all()
    assert scores.max() <= min(n, 64) - 1


def test_equal_points_have_equal_scores_and_points_that_are_all_equal_none():
    points = np.vstack((np.ones((20, 3)), [[5.0, 1.0, 1.0]]))
    scores = cut_forest_scores(points, np.random.default_rng(6))
    assert scores[:20].tolist() == pytest.approx([1 / 20] * 20)
    assert scores[20] == 20.0
    assert cut_forest_scores(np.ones((9, 2)), np.random.default_rng(6)).tolist() == [0.0] * 9


@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)),
    st.integers(0, 2**32),
)
def test_the_same_seed_gives_the_same_scores_whatever_the_unit(points, seed):
    scores = cut_forest_scores(points, np.random.default_rng(seed))
    assert np.isfinite(scores).all()
    assert (cut_forest_scores(points, np.random.default_rng(seed)) == scores).all()
    assert (cut_forest_scores(points * 4.0, np.random.default_rng(seed)) == scores).all()


def test_every_point_is_as_likely_as_any_to_be_the_highest():
    rng = np.random.default_rng(7)
    ranks = []
    for _ in range(400):
        scores = cut_forest_scores(rng.standard_t(2, size=(20, 3)), rng, rounds=4)
        ranks.append((scores >= scores[-1]).sum())
    counts = np.bincount(ranks, minlength=21)[1:]
    assert counts.max() < 400 / 20 + 5 * np.sqrt(400 / 20)
    assert counts.min() > 400 / 20 - 4.3 * np.sqrt(400 / 20)
