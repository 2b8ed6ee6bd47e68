# SPDX-License-Identifier: Apache-2.0
"""Metrics of confusion cells: published examples, scikit-learn, and the bootstrap against the closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from windows.statistics.binary_metrics import BETAS, CELL_METRICS, Cells, best_constant, bootstrap, closed_form, points

CELLS = st.builds(Cells, *[st.integers(0, 2_000)] * 4)


def test_the_blogs_constraints_come_from_its_only_confusion_matrix():
    found = closed_form(Cells(tp=16, fn=12, fp=0, tn=173))
    expected = {
        "recall": 0.5714285714285714,
        "precision": 1.0,
        "accuracy": 0.9402985074626866,
        "f0_5": 0.8695652173913043,
        "f1": 0.7272727272727273,
        "f2": 0.625,
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12)


def test_the_managed_monitors_documented_example():
    cells = Cells(tp=1, fn=0, fp=2, tn=1)
    found = closed_form(cells)
    assert found["recall"].value == 1.0
    assert found["precision"].value == pytest.approx(1 / 3)
    assert found["true_negative_rate"].value == pytest.approx(1 / 3)
    constant = {name: estimate.value for name, estimate in best_constant(cells).items()}
    assert constant == pytest.approx(
        {"recall": 1.0, "precision": 0.25, "accuracy": 0.25, "f0_5": 0.29411764705882354, "f1": 0.4, "f2": 0.625}
    )


@given(st.builds(Cells, *[st.integers(1, 60)] * 4))
def test_every_metric_is_scikit_learns(cells):
    actual = np.repeat([1, 1, 0, 0], cells)
    predicted = np.repeat([1, 0, 1, 0], cells)
    found = closed_form(cells)
    expected = {
        "recall": sk.recall_score(actual, predicted),
        "precision": sk.precision_score(actual, predicted),
        "accuracy": sk.accuracy_score(actual, predicted),
        "true_negative_rate": sk.recall_score(actual, predicted, pos_label=0),
        **{name: sk.fbeta_score(actual, predicted, beta=beta) for name, beta in BETAS.items()},
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, rel=1e-12)


@given(CELLS)
def test_estimates_and_resampled_points_are_one_definition(cells):
    found, values = closed_form(cells), points(np.array(cells, float))
    for name in CELL_METRICS:
        assert found[name].value == pytest.approx(float(values[name]), rel=1e-12, nan_ok=True)


@given(CELLS)
def test_the_interval_holds_the_value_and_stays_in_range(cells):
    for estimate in closed_form(cells).values():
        if estimate.defined:
            assert 0.0 <= estimate.low <= estimate.value + 1e-12
            assert estimate.value <= estimate.high + 1e-12
            assert estimate.high <= 1.0 + 1e-12
            assert estimate.sd >= 0.0
        else:
            assert math.isnan(estimate.low)
            assert estimate.interval is None


@pytest.mark.parametrize("cells", [Cells(500, 120, 80, 1_300), Cells(60, 90, 40, 1_810)])
def test_the_bootstrap_agrees_with_the_closed_forms(cells):
    closed, resampled = closed_form(cells), bootstrap(cells, np.random.default_rng(7), 20_000)
    for name in CELL_METRICS:
        assert resampled[name].sd == pytest.approx(closed[name].sd, rel=0.04)
        width = closed[name].high - closed[name].low
        assert resampled[name].low == pytest.approx(closed[name].low, abs=0.06 * width)
        assert resampled[name].high == pytest.approx(closed[name].high, abs=0.06 * width)


def test_the_bootstrap_says_the_same_for_the_same_seed():
    cells = Cells(50, 12, 8, 130)
    assert bootstrap(cells, np.random.default_rng(1)) == bootstrap(cells, np.random.default_rng(1))


def test_no_rows_have_no_metrics():
    nothing = Cells(0, 0, 0, 0)
    assert not any(estimate.defined for estimate in closed_form(nothing).values())
    assert not any(estimate.defined for estimate in bootstrap(nothing, np.random.default_rng(1)).values())


@given(CELLS)
def test_the_constant_is_the_classifier_that_says_yes_to_every_row(cells):
    constant = Cells(cells.tp + cells.fn, 0, cells.fp + cells.tn, 0)
    expected = closed_form(constant)
    for name, estimate in best_constant(cells).items():
        assert estimate.value == pytest.approx(expected[name].value, rel=1e-12, nan_ok=True)
        if estimate.defined and constant.tp and constant.fp:
            assert estimate.sd == pytest.approx(expected[name].sd, rel=1e-9, abs=1e-12)
            assert estimate.interval is None
