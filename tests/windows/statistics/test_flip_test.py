# SPDX-License-Identifier: Apache-2.0
"""The flip test: golden vectors, scikit-learn's neighbours, and rows that cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from windows.statistics.flip_test import flip_test

LARGE = """0000111 1000101 1010101 0000011 1001101 0010111 1000111 1100111 0010111 1011110 1000110 1010111
           1000011 0000111 0010101 0010111 0101001 1000011 0010011 1000110 1010011 0100011 1010101 0001110"""
SMALL = """0000111 1000101 1010101 1001101 1000111 1100111 1011110 1000110 1010111 1000011 1000011 0010011
           1000110 1010011 1010101 0001110"""


@pytest.mark.parametrize(
    ("rows", "predicted", "expected"),
    [(LARGE, "111011111111011100110011", -3 / 13), (SMALL, "1110111111110111", -2 / 13)],
)
def test_the_librarys_examples(rows, predicted, expected):
    points = np.array([list(map(int, row)) for row in rows.split()], float)
    accepted = np.array(list(map(int, predicted))) == 1
    assert flip_test(points, accepted, points[:, 0] == 1).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [4, 12, 60, 300])
def test_the_neighbours_are_scikit_learns(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        points, accepted = rng.normal(size=(n, 3)), rng.random(n) < 0.5
        facet = np.arange(n) < rng.integers(1, n)
        others = KNeighborsClassifier(5 if np.count_nonzero(~facet) > 9 else 1).fit(points[~facet], accepted[~facet])
        flips = accepted[facet].astype(int) - others.predict(points[facet]).astype(int)
        estimate = flip_test(points, accepted, facet)
        assert estimate.value == pytest.approx(flips.mean(), abs=1e-12)
        assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0


def test_a_facet_that_is_accepted_where_its_neighbours_are_rejected_is_positive():
    points = np.linspace(0.0, 1.0, 40)[:, None]
    facet = np.arange(40) % 2 == 0
    assert flip_test(points, facet, facet).value == 1.0
    assert flip_test(points, ~facet, facet).value == -1.0


def test_rows_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="the facet is empty"):
        flip_test([[0.0], [1.0]], [True, False], [False, False])
    with pytest.raises(ValueError, match="the complement of the facet is empty"):
        flip_test([[0.0], [1.0]], [True, False], [True, True])
    with pytest.raises(ValueError, match="expected finite numbers"):
        flip_test([[0.0], [np.nan]], [True, False], [True, False])
