# SPDX-License-Identifier: Apache-2.0
"""Intervals from groups of rows: half-samples are balanced, the jackknife is exact for means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from windows.statistics.half_samples import half_sample_estimate, half_samples
from windows.statistics.jackknife import delete_a_group


@pytest.mark.parametrize("groups", [1, 2, 16, 24, 31, 32])
def test_every_two_groups_are_as_often_together_as_apart(groups: int) -> None:
    signs = np.where(half_samples(groups), 1, -1)
    np.testing.assert_array_equal(signs.T @ signs, len(signs) * np.eye(groups))
    np.testing.assert_array_equal(signs.sum(axis=0), 0)


def test_half_samples_of_a_mean_have_its_standard_deviation() -> None:
    groups = np.random.default_rng(0).normal(size=32)
    halves = [groups[chosen].mean() for chosen in half_samples(32) if chosen.sum() == 16]
    estimate = half_sample_estimate(groups.mean(), halves, 32)
    assert estimate.sd == pytest.approx(groups.std() / math.sqrt(32), rel=0.1)


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    groups = np.random.default_rng(0).normal(size=(16, 10))
    without = [(groups.sum() - group.sum()) / 150 for group in groups]
    estimate = delete_a_group(float(groups.mean()), without, np.full(16, 10))
    sd = groups.mean(axis=1).std(ddof=1) / 4
    assert estimate.sd == pytest.approx(sd, rel=1e-9)
    assert estimate.low == pytest.approx(groups.mean() - t.ppf(0.975, 15) * sd, rel=1e-9)
    assert estimate.n == 160


def test_bounds_hold_an_interval() -> None:
    assert delete_a_group(0.99, [0.9, 0.999], [5, 5], bounds=(0.0, 1.0)).high == 1.0
    assert half_sample_estimate(0.1, [0.5, 0.0], 10, bounds=(0.0, 1.0)).low == 0.0


@pytest.mark.parametrize("without", [[], [0.5], [0.5, math.nan]])
def test_too_few_groups_give_a_value_without_an_interval(without: list[float]) -> None:
    estimate = delete_a_group(0.5, without, np.ones(len(without)))
    assert estimate.value == 0.5
    assert math.isnan(estimate.sd)
    assert math.isnan(half_sample_estimate(0.5, [math.nan], 3).sd)
