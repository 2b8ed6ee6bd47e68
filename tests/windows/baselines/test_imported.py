# SPDX-License-Identifier: Apache-2.0
"""What a managed monitor's statistics tell is taken over exactly, and nothing is made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sketches.quantiles import QuantilesSpec
from windows.baselines.imported import imported_features
from windows.errors import BaselineError
from windows.statistics.feature_statistics import feature_statistics
from windows.statistics.ks import ks_distance


def numeric(levels, *, kind="Fractional", k=2048.0, **more):
    present = sum(len(level) << i for i, level in enumerate(levels))
    statistics = {
        "common": {"num_present": present, "num_missing": 3},
        "distribution": {"kll": {"buckets": [], "sketch": {"parameters": {"c": 0.64, "k": k}, "data": levels}}},
    }
    return {"name": "x", "inferred_type": kind, "numerical_statistics": statistics | more}


def levels_like_deequ(rng):
    """The level sizes of a genuine file of 23,432 rows (formats 1.4)."""
    return [np.sort(rng.integers(0, 50, size)).astype(float).tolist() for size in (266, 1093, 2127, 1, 779)]


def test_every_item_keeps_its_level_and_weight():
    levels = levels_like_deequ(np.random.default_rng(1))
    state = imported_features([numeric(levels)])["x"]
    assert state.quantiles.levels() == levels
    assert state.quantiles.n == state.numbers == 23_432
    values = np.concatenate(levels)
    weights = np.repeat(2.0 ** np.arange(5), [len(level) for level in levels])
    for point in (0.0, 7.0, 25.0, 49.0):
        assert state.quantiles.cdf(point) == pytest.approx(weights[values <= point].sum() / 23_432, abs=1e-15)


def test_a_sketch_written_by_us_comes_back_as_it_was():
    ours = QuantilesSpec(2048, "x").empty()
    ours.add(np.random.default_rng(2).normal(size=200_000))
    state = imported_features([numeric(ours.levels(), min=ours.minimum, max=ours.maximum)])["x"]
    assert state.quantiles.levels() == [sorted(level) for level in ours.levels()]
    assert (state.quantiles.minimum, state.quantiles.maximum) == (ours.minimum, ours.maximum)
    assert ks_distance(state.quantiles, ours).value == 0.0


def test_a_sketch_with_more_items_than_our_k_has_room_for_loses_none():
    levels = [np.arange(7_000.0).tolist(), np.arange(7_000.0).tolist()]
    assert imported_features([numeric(levels, k=512)])["x"].quantiles.levels() == levels


def test_mean_and_deviation_are_the_files_where_it_has_them():
    levels = [[1.0], [2.0, 6.0]]
    told = imported_features([numeric(levels, mean=3.5, std_dev=2.25, min=0.5, max=9.0)])["x"].moments
    assert (told.n, told.mean, told.std, told.minimum, told.maximum) == (5, 3.5, 2.25, 0.5, 9.0)
    found = imported_features([numeric(levels, std_dev="NaN")])["x"].moments
    rows = np.array([1.0, 2, 2, 6, 6])
    assert (found.mean, found.std) == (pytest.approx(rows.mean(), abs=1e-12), pytest.approx(rows.std(), abs=1e-12))


def test_rows_are_counted_by_type_and_sign():
    types = imported_features([numeric([[-1.5], [2.0, 3.5]])])["x"].types
    assert (types.integral_float, types.fractional, types.negative, types.null, types.n) == (2, 3, 1, 3, 8)
    assert imported_features([numeric([[1.0], [2.0]], kind="Integral")])["x"].types.integral == 3


def test_categories_keep_their_counts_and_what_they_spell():
    buckets = [{"value": "a", "count": 10**9}, {"value": "7", "count": 2}, {"value": "true", "count": 1}]
    statistics = {
        "common": {"num_present": 10**9 + 3, "num_missing": 4},
        "distinct_count": 3.0,
        "distribution": {"categorical": {"buckets": buckets}},
    }
    entry = {"name": "x", "inferred_type": "String", "string_statistics": statistics}
    state = imported_features([entry])["x"]
    assert state.categories.counts() == {"a": 10**9, "7": 2, "true": 1}
    types = state.types
    assert (types.string_other, types.string_integral, types.string_boolean, types.null) == (10**9, 2, 1, 4)
    again = feature_statistics("x", state, types.n, "String")["string_statistics"]
    assert {name: again[name] for name in statistics} == statistics


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "x", "inferred_type": "String", "string_statistics": {"common": {"num_present": 9, "num_missing": 0}}},
        {"name": "x", "inferred_type": "Unknown"},
        {"name": "x", "inferred_type": "Unknown", "numerical_statistics": None, "string_statistics": None},
        {
            "name": "x",
            "inferred_type": "Fractional",
            "numerical_statistics": {"common": {}, "distribution": {"kll": {}}},
        },
        {"name": "x", "inferred_type": "Fractional", "numerical_statistics": {"common": {}, "distribution": None}},
    ],
)
def test_a_column_without_a_distribution_is_left_out(entry):
    assert imported_features([entry]) == {}


@pytest.mark.parametrize(
    "entry",
    [
        numeric([["a"]]),
        numeric([[math.inf]]),
        numeric([[1.0]], k=3),
        {"name": "x", "numerical_statistics": 7},
        {"name": "x", "string_statistics": {"distribution": {"categorical": {"buckets": [{"value": "a"}]}}}},
    ],
)
def test_another_form_is_refused_by_the_features_name(entry):
    with pytest.raises(BaselineError, match="statistics of feature 'x'"):
        imported_features([entry])
