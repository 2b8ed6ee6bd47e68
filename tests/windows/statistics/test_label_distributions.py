# SPDX-License-Identifier: Apache-2.0
"""Distances of label distributions: golden vectors, SciPy where all labels are shared, and the support rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from windows.statistics.label_distributions import (
    jensen_shannon,
    kullback_leibler,
    l_p,
    largest_difference,
    total_variation,
)

ALL = (kullback_leibler, jensen_shannon, l_p, total_variation, largest_difference)
COUNTS = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=1, max_size=8)


def test_the_librarys_examples():
    # Labels 1 1 1 0 0 0, the facet is the first row; then the same with a facet of one 1 and one 0.
    some, none = ([0.4, 0.6], [1.0, 0.0]), ([0.5, 0.5], [0.5, 0.5])
    assert kullback_leibler(*some) == pytest.approx(-0.366516, abs=5e-7)
    assert jensen_shannon(*some) == pytest.approx(0.06641431438228168, rel=1e-12)
    assert l_p(*some) == pytest.approx(0.6, rel=1e-12)
    assert [float(of(*none)) for of in ALL] == [0.0] * 5
    assert largest_difference([0.5, 0.5], [1 / 3, 2 / 3]) == pytest.approx(1 / 6, rel=1e-12)


@given(COUNTS)
def test_shared_labels_have_scipys_distances(counts):
    p_a, p_d = (np.array(side, float) / sum(side) for side in zip(*counts, strict=True))
    assert kullback_leibler(p_a, p_d) == pytest.approx(entropy(p_a, p_d), rel=1e-9, abs=1e-12)
    assert jensen_shannon(p_a, p_d) == pytest.approx(jensenshannon(p_a, p_d) ** 2, rel=1e-6, abs=1e-12)
    for order, of, factor in ((2, l_p, 1.0), (1, total_variation, 0.5), (np.inf, largest_difference, 1.0)):
        assert of(p_a, p_d) == pytest.approx(factor * np.linalg.norm(p_a - p_d, order), rel=1e-12)


def test_a_label_of_one_group_only_is_left_out_and_the_others_not_scaled():
    p_a, p_d = [0.2, 0.3, 0.5], [0.4, 0.6, 0.0]
    assert kullback_leibler(p_a, p_d) == pytest.approx(0.5 * math.log(0.5))
    assert total_variation(p_a, p_d) == pytest.approx(0.25)
    assert largest_difference(p_a, p_d) == pytest.approx(0.3)


def test_no_shared_label_has_no_distance():
    assert all(math.isnan(of([1.0, 0.0], [0.0, 1.0])) for of in ALL)


def test_many_windows_are_computed_at_once():
    p_a, p_d = np.array([[0.4, 0.6], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.5, 0.5]])
    for of in ALL:
        assert of(p_a, p_d).tolist() == [float(of(a, d)) for a, d in zip(p_a, p_d, strict=True)]
