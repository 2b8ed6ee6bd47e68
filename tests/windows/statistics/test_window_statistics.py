# SPDX-License-Identifier: Apache-2.0
"""Statistics of a window against NumPy on its rows, and their chance errors against many windows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sketches.block import Block
from sketches.profile import ProfileSpec, ProfileState
from tests.windows.build import column
from windows.statistics.window_statistics import share_of, window_statistics


def profile_of(**columns: object) -> ProfileState:
    made = {name: column(values) for name, values in columns.items()}
    state = ProfileSpec(categorical=("postcode",)).empty()
    state.update(Block(len(next(iter(made.values())).values), made))
    return state


def names(state: ProfileState, of: str) -> set[str]:
    return {statistic for name, statistic in window_statistics(state) if name == of}


def test_numbers_are_summed_up_by_moments_and_quantiles():
    values = np.random.default_rng(1).normal(50, 7, 400)
    found = window_statistics(profile_of(x=values))
    assert found["x", "mean"].value == pytest.approx(values.mean())
    assert found["x", "sd"].value == pytest.approx(values.std())
    for name, share in (("p10", 10), ("p50", 50), ("p90", 90)):
        assert found["x", name].value == pytest.approx(np.percentile(values, share), abs=0.5)


@pytest.mark.parametrize("n", [300, 5_000])
def test_the_error_is_what_the_statistic_varies_by_from_window_to_window(n):
    rng = np.random.default_rng(2)
    windows = [
        window_statistics(profile_of(x=rng.normal(size=n), job=rng.choice(["a", "b"], n, p=[0.8, 0.2])))
        for _ in range(600)
    ]
    # Of so many windows the deviation is known to 3 %; errors of quantiles err to the safe side by a tenth.
    for name in windows[0]:
        values, errors = np.array([window[name] for window in windows]).T
        if name[1] != "completeness":
            assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.25), name


def test_a_statistic_that_chance_moves_unlike_a_normal_is_left_out():
    rng = np.random.default_rng(3)
    heavy = profile_of(x=rng.lognormal(0, 2, 500))
    assert names(heavy, "x") == {"completeness", "p10", "p50", "p90"}
    few_values = profile_of(x=rng.poisson(1.0, 5_000).astype(float))
    assert names(few_values, "x") == {"completeness", "mean", "sd"}
    rare = profile_of(x=(np.arange(4_000) == 17).astype(float))
    assert names(rare, "x") == {"completeness"}


def test_a_constant_has_a_mean_and_no_error():
    found = window_statistics(profile_of(x=np.full(600, 3.5)))
    assert found["x", "mean"] == (3.5, 0.0)
    assert found["x", "sd"] == (0.0, 0.0)


def test_shares_are_of_the_rows_and_of_the_values():
    found = window_statistics(profile_of(job=["a"] * 600 + ["b"] * 300 + [None] * 100))
    assert share_of(found["job", "completeness"].value) == pytest.approx(0.9, abs=1e-3)
    assert share_of(found["job", "share of a"].value) == pytest.approx(2 / 3, abs=1e-3)
    assert found["job", "share of a"].error == pytest.approx(1 / math.sqrt(900))


def test_numbers_declared_categories_have_shares_alone():
    found = profile_of(postcode=np.repeat([10_115, 20_095], 200))
    assert names(found, "postcode") == {"completeness", "share of 10115", "share of 20095"}


def test_the_ten_most_frequent_categories_have_shares_and_known_ones_whatever_became_of_them():
    state = profile_of(job=[f"c{i}" for i in range(20) for _ in range(i + 1)])
    assert len(names(state, "job")) == 11
    known = [("job", "share of c0"), ("job", "share of gone"), ("age", "completeness"), ("age", "mean")]
    found = window_statistics(state, known)
    assert share_of(found["job", "share of c0"].value) == pytest.approx(1 / 210, abs=2e-3)
    assert share_of(found["job", "share of gone"].value) == pytest.approx(0.0, abs=2e-3)
    assert share_of(found["age", "completeness"].value) == pytest.approx(0.0, abs=2e-3)
    assert ("age", "mean") not in found


def test_numbers_that_cannot_be_summed_up_are_left_out():
    state = profile_of(x=np.array([1e200, -1e200, 3.0] * 40))
    assert all(math.isfinite(part) for statistic in window_statistics(state).values() for part in statistic)


def test_a_category_that_was_frequent_once_is_followed_as_long_as_twenty_are():
    state = profile_of(job=[f"c{i:02d}" for i in range(40) for _ in range(i + 1)])
    known = [("job", f"share of c{i:02d}") for i in range(15)]
    shares = [statistic for _, statistic in window_statistics(state, known) if statistic.startswith("share")]
    assert shares == [*(statistic for _, statistic in known), *(f"share of c{i}" for i in range(39, 34, -1))]
