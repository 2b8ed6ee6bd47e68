# SPDX-License-Identifier: Apache-2.0
"""Metrics of regressions against numpy and scikit-learn on the rows themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from sketches import Block, Column, Kind, RegressionQualitySpec
from windows.statistics.regression_metrics import Errors, closed_form, errors_of, paper, skewed, unskewed
from windows.statistics.regression_tests import regression_pvalue

NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


def errors(label: np.ndarray, value: np.ndarray, center: float = 0.0) -> Errors | None:
    state = RegressionQualitySpec(center).empty()
    columns = {"label": Column(Kind.FLOAT, label), "prediction.value": Column(Kind.FLOAT, value)}
    state.update(Block(len(label), columns))
    return errors_of(state)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30))
def test_values_are_those_of_scikit_learn(rows):
    label, value = np.array(rows).T
    found = {name: estimate.value for name, estimate in closed_form(errors(label, value)).items()}
    mse = mean_squared_error(label, value)
    assert found["mae"] == pytest.approx(mean_absolute_error(label, value), rel=1e-9)
    assert found["mse"] == pytest.approx(mse, rel=1e-9)
    assert found["rmse"] == pytest.approx(math.sqrt(mse), rel=1e-9)
    if np.var(label) > 1e-6 * np.mean(label**2):
        assert found["r2"] == pytest.approx(r2_score(label, value), rel=1e-9, abs=1e-9)
    else:
        assert math.isnan(found["r2"])


@pytest.mark.parametrize(("offset", "center"), [(0.0, 0.0), (50.0, 0.0), (1e7, 1e7)])
def test_moments_are_those_of_the_rows(offset, center):
    rng = np.random.default_rng(1)
    label = rng.gamma(3.0, 2.0, 1_000) + offset
    value = label + rng.laplace(0.2, 1.5, 1_000)
    e, d = label - value, label - label.mean()
    found, n = errors(label, value, center), len(label)
    assert found is not None
    expected = {
        "absolute_variance": abs(e).var(),
        "square_variance": (e**2).var(),
        "square_third": ((e**2 - (e**2).mean()) ** 3).mean(),
        "label_variance": label.var(),
        "label_third": (d**3).mean(),
        "label_fourth": (d**4).mean(),
        "square_label": (e**2 * d).mean(),
        "square_label_square": (e**2 * d**2).mean(),
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, rel=1e-7)
    assert found.kurtosis == pytest.approx((e**4).mean() / (e**2).mean() ** 2, rel=1e-9)
    influence = e**2 / (e**2).mean() - d**2 / label.var()
    assert found.ratio_variance == pytest.approx(influence.var(), rel=1e-7)
    assert closed_form(found)["mae"].sd == pytest.approx(abs(e).std(ddof=1) / math.sqrt(n), rel=1e-9)


@pytest.mark.parametrize("label", [[0.1] * 7, [5.0], [1e9, 1e9 + 1.0]])
def test_r2_of_labels_that_do_not_seem_to_vary_is_undefined(label):
    estimates = closed_form(errors(np.array(label), np.arange(len(label), dtype=float)))
    assert not estimates["r2"].defined
    assert estimates["r2"].interval is None
    assert estimates["mae"].defined


def test_labels_far_from_zero_vary_as_seen_from_their_center():
    estimates = closed_form(errors(np.array([1e9, 1e9 + 1.0]), np.array([1e9, 1e9]), center=1e9))
    assert estimates["r2"].value == -1.0


def test_one_row_has_values_alone_and_no_row_has_none():
    one = closed_form(errors(np.array([3.0]), np.array([1.0])))
    assert (one["mae"].value, one["mse"].value, one["rmse"].value) == (2.0, 4.0, 2.0)
    assert all(estimate.interval is None and math.isnan(estimate.sd) for estimate in one.values())
    none = closed_form(errors(np.empty(0), np.empty(0)))
    assert not any(estimate.defined for estimate in none.values())
    assert not any(estimate.defined for estimate in paper(None, np.random.default_rng(1)).values())


def test_perfect_predictions_have_no_error_and_explain_everything():
    label = np.arange(9.0)
    for estimate in (estimates := closed_form(errors(label, label))).values():
        assert (estimate.sd, estimate.low, estimate.high) == (0.0, estimate.value, estimate.value)
    assert [estimate.value for estimate in estimates.values()] == [0.0, 0.0, 0.0, 1.0]


def test_no_interval_of_an_error_reaches_below_zero():
    label = np.append(np.zeros(50), 1_000.0)
    estimates = closed_form(errors(label, np.full(51, 0.01)))
    assert [estimates[name].low for name in ("mae", "mse", "rmse")] == [0.0, 0.0, 0.0]
    assert estimates["rmse"].high == math.sqrt(estimates["mse"].high)


@given(st.floats(-1.0, 1.0), st.floats(-3.0, 3.0))
def test_the_interval_inverts_the_transform_of_the_test(skew, z):
    assert unskewed(skewed(z, skew), skew) == pytest.approx(z, rel=1e-5, abs=1e-5)


def test_pvalues_fall_as_the_errors_grow_and_are_undefined_where_the_metric_is():
    rng = np.random.default_rng(2)
    label, error = rng.normal(size=3_000), rng.laplace(size=3_000)
    was = errors(label, label + error)
    for metric in ("mae", "mse", "r2"):
        pvalues = [
            regression_pvalue(metric, errors(label[:500], label[:500] + scale * error[:500]), was)
            for scale in (0.5, 0.9, 1.1, 1.3, 2.0)
        ]
        assert pvalues == sorted(pvalues, reverse=True)
        assert pvalues[0] > 0.99
        assert pvalues[-1] < 1e-6
        assert regression_pvalue(metric, None, was) is None
        assert regression_pvalue(metric, errors(label[:1], label[:1]), was) is None
    constant = errors(np.full(300, 2.0), rng.normal(size=300))
    assert regression_pvalue("r2", constant, was) is None
    assert regression_pvalue("r2", was, constant) is None


def test_r2_takes_the_larger_of_two_pvalues():
    was = Errors(10_000, 0.8, 1.0, 0.36, 2.0, 8.0, 4.0, 0.0, 48.0, 0.0, 4.0)
    now = was._replace(n=500, mse=1.2)
    # Less that errors and labels share makes the window's own deviation larger, more makes it smaller.
    wide, narrow = (now._replace(square_label_square=shared) for shared in (0.0, 9.0))
    assert wide.ratio_variance > was.ratio_variance > narrow.ratio_variance
    by_own = math.log(1.2) / math.sqrt(wide.ratio_variance / 499 + was.ratio_variance / 9_999)
    by_baseline = math.log(1.2) / math.sqrt(was.ratio_variance / 499 + was.ratio_variance / 9_999)
    assert regression_pvalue("r2", wide, was) == pytest.approx(norm.sf(by_own), rel=1e-12)
    assert regression_pvalue("r2", narrow, was) == pytest.approx(norm.sf(by_baseline), rel=1e-12)


def test_errors_that_do_not_vary_are_compared_as_they_are():
    label = np.tile([0.0, 1.0, 2.0], 100)
    off, further = errors(label, label + 0.5), errors(label, label - 1.5)
    for metric in ("mae", "mse"):
        assert regression_pvalue(metric, further, off) == 0.0
        assert regression_pvalue(metric, off, further) == 1.0
        assert regression_pvalue(metric, off, off) == 1.0
    assert regression_pvalue("r2", further, off) < 1e-9
    perfect = errors(label, label)
    assert regression_pvalue("r2", perfect, off) == 1.0
    assert regression_pvalue("r2", off, perfect) is None
