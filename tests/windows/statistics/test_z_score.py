# SPDX-License-Identifier: Apache-2.0
"""Predictions of a window from past windows: against SciPy's t, and the laws they keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from windows.statistics.z_score import ZScores, z_scores


def scored(value: float, past: np.ndarray, error: float = 0.0, past_error: float = 0.0, sizes=1.0) -> ZScores:
    column = np.asarray(past, float)[:, None]
    errors = np.where(np.isnan(column), np.nan, past_error)
    return z_scores(
        np.array([value]), np.array([error]), column, errors, np.broadcast_to(np.asarray(sizes, float), len(column))
    )


def test_without_chance_errors_it_is_the_prediction_of_a_new_normal_value():
    past = np.random.default_rng(1).normal(3.0, 2.0, 40)
    found = scored(6.5, past)
    z = (6.5 - past.mean()) / (past.std(ddof=1) * math.sqrt(1 + 1 / 40))
    assert found.z[0] == pytest.approx(z)
    assert found.pvalue[0] == pytest.approx(2 * stats.t.sf(abs(z), 39))
    assert found.expected[0] == pytest.approx(past.mean())


def test_it_is_the_same_in_any_unit():
    past = np.random.default_rng(2).normal(size=30)
    here, there = scored(2.0, past, 0.1, 0.1), scored(2.0 * 7 + 100, past * 7 + 100, 0.7, 0.7)
    assert here.z[0] == pytest.approx(there.z[0])


def test_windows_of_few_rows_may_be_further_away():
    past = np.random.default_rng(3).normal(0.0, 0.01, 50)
    large, small = (scored(0.05, past, error, 0.01).z[0] for error in (0.01, 0.05))
    assert large > 4
    assert small == pytest.approx(1.0, abs=0.05)


def test_a_window_of_more_rows_than_the_past_is_held_against_its_own_chance():
    past = np.random.default_rng(4).normal(0.0, 0.1, 200)
    assert scored(0.2, past, 0.01, 0.1, 0.01).z[0] > 1.3 * scored(0.2, past, 0.1, 0.1).z[0]


def test_a_windows_own_error_that_is_too_small_is_replaced_by_the_pasts():
    past = np.random.default_rng(5).normal(0.0, 1.0, 60)
    assert scored(3.0, past, 0.0, 1.0).z[0] == pytest.approx(scored(3.0, past, 1.0, 1.0).z[0])


def test_one_incident_in_the_past_does_not_hide_the_next():
    past = np.random.default_rng(6).normal(size=48)
    past[10:13] = 40.0
    assert scored(8.0, past).pvalue[0] < 1e-6
    assert scored(0.5, past).pvalue[0] > 0.1


def test_what_lasts_becomes_the_new_normal():
    past = np.random.default_rng(7).normal(size=100)
    past[80:] += 40.0
    assert scored(40.0, past).pvalue[0] > 1e-3


def test_a_statistic_that_never_varied():
    constant = np.full(24, 5.0)
    assert scored(5.0, constant).pvalue[0] == 1.0
    assert scored(6.0, constant).pvalue[0] == 0.0
    assert scored(6.0, constant, error=1.0).z[0] == pytest.approx(1.0)


def test_windows_that_lack_a_statistic_are_passed_over():
    past = np.random.default_rng(8).normal(size=40)
    holes = np.insert(past, [5, 20], np.nan)
    assert scored(2.0, holes, 0.3, 0.3).z[0] == pytest.approx(scored(2.0, past, 0.3, 0.3).z[0])


def test_numbers_whose_squares_exceed_float64_are_no_anomaly():
    assert scored(1e200, np.linspace(-1e200, 1e200, 30)).pvalue[0] == 1.0
