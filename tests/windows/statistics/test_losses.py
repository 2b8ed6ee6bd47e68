# SPDX-License-Identifier: Apache-2.0
"""Means of losses against SciPy on the rows themselves, and calibration against what a calibrated model shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from sketches.score_losses import ScoreLosses
from windows.statistics.losses import LOSSES, calibration, loss_pvalue, mean_losses


def scored(rng: np.random.Generator, n: int, steeper: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    logit = rng.normal(-1.0, 1.5, n)
    return expit(steeper * logit), rng.random(n) < expit(logit)


def state(score: np.ndarray, label: np.ndarray) -> ScoreLosses:
    losses = ScoreLosses()
    losses.add(np.where(label, score, 1 - score), (score - label) ** 2, score, label, 1)
    return losses


def each(score: np.ndarray, label: np.ndarray) -> dict[str, np.ndarray]:
    return {"log_loss": -np.log(np.where(label, score, 1 - score)), "brier_score": (score - label) ** 2}


@pytest.mark.parametrize("n", [2, 50, 3_000])
def test_means_and_intervals_are_those_of_student(n):
    score, label = scored(np.random.default_rng(1), n)
    found = mean_losses(state(score, label))
    for name, values in each(score, label).items():
        sd = stats.sem(values)
        low, high = stats.t.interval(0.95, n - 1, values.mean(), sd)
        assert found[name].value == pytest.approx(values.mean(), abs=2.0**-41)
        # Of squares that are rounded to 2**-40 the deviation of two rows is known to eleven digits.
        assert tuple(found[name]) == pytest.approx((values.mean(), sd, max(0.0, low), high, n), rel=1e-9)


def test_no_rows_have_no_losses_and_one_row_no_deviation():
    nothing = ScoreLosses()
    assert not any(estimate.defined for estimate in mean_losses(nothing).values())
    assert calibration(nothing) == {}
    one = state(np.array([0.8]), np.array([True]))
    assert all(estimate.defined and estimate.interval is None for estimate in mean_losses(one).values())
    assert loss_pvalue("log_loss", one, state(*scored(np.random.default_rng(1), 50))) is None


@pytest.mark.parametrize("metric", LOSSES)
def test_the_pvalue_is_never_below_welchs(metric):
    rng = np.random.default_rng(2)
    for _ in range(50):
        window, baseline = scored(rng, 300, rng.uniform(0.7, 2.0)), scored(rng, 2_000)
        welch = stats.ttest_ind(each(*window)[metric], each(*baseline)[metric], equal_var=False, alternative="greater")
        pvalue = loss_pvalue(metric, state(*window), state(*baseline))
        assert pvalue is not None
        assert pvalue >= welch.pvalue * (1 - 1e-9)


@pytest.mark.parametrize("metric", LOSSES)
def test_scores_that_became_too_sure_are_found(metric):
    rng = np.random.default_rng(3)
    baseline = state(*scored(rng, 20_000))
    assert loss_pvalue(metric, state(*scored(rng, 2_000, 3.0)), baseline) < 1e-3
    assert loss_pvalue(metric, state(*scored(rng, 2_000)), baseline) > 0.01


def test_losses_that_do_not_vary_are_compared_as_they_are():
    low, high = (state(np.full(10, score), np.ones(10, bool)) for score in (0.75, 0.5))
    assert (loss_pvalue("brier_score", low, high), loss_pvalue("brier_score", high, low)) == (1.0, 0.0)


def test_the_calibration_error_of_a_calibrated_model_is_what_is_expected_of_one():
    rng = np.random.default_rng(4)
    for n in (500, 20_000):
        found = [calibration(state(*scored(rng, n)))["calibration_error"] for _ in range(60)]
        mean = np.mean([error["value"] for error in found])
        assert mean == pytest.approx(np.mean([error["expected_if_calibrated"] for error in found]), rel=0.1)
    sure = calibration(state(*scored(rng, 20_000, 3.0)))["calibration_error"]
    assert sure["value"] > 5 * sure["expected_if_calibrated"]


def test_the_calibration_curve_has_the_rows_of_each_bin_that_has_any():
    score, label = np.array([0.05, 0.5, 0.51, 1.0]), np.array([False, True, False, True])
    curve = calibration(state(score, label))["calibration_curve"]
    assert curve["rows"] == [1, 2, 1]
    assert curve["confidences"] == pytest.approx([0.05, 0.505, 1.0])
    assert curve["shares"] == [0.0, 0.5, 1.0]
