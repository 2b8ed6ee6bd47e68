# SPDX-License-Identifier: Apache-2.0
"""The paper's procedure gives the figures that the paper prints, and half the standard error of any metric."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sketches import Block, Column, Kind, RegressionQualitySpec
from windows.statistics.binary_metrics import Cells, points
from windows.statistics.binary_metrics import closed_form as of_cells
from windows.statistics.paper_procedure import paper_estimate, thinned_counts, thinned_sums
from windows.statistics.regression_metrics import closed_form, errors_of, paper

LABEL, PREDICTION = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0])
PRINTED = {"mae": 0.2260776661041756, "mse": 0.2260776661041756, "rmse": 0.13949944301704126}


def of_rows(included: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the four metrics of each resample of the paper's four rows."""
    n = included.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mae = included @ abs(LABEL - PREDICTION) / n
        mse = included @ (LABEL - PREDICTION) ** 2 / n
        variance = included @ LABEL**2 / n - (included @ LABEL / n) ** 2
        return {"mae": mae, "mse": mse, "rmse": np.sqrt(mse), "r2": np.where(variance > 0, 1 - mse / variance, np.nan)}


def test_appendix_b_comes_out_of_the_procedure():
    """One seed in fifty gives the paper's five values; most of those lose r2 to equal labels, as the paper did."""
    printed = np.array([1 / 3, 1 / 2, 1 / 2, 1 / 2, 1])
    for seed in range(2_000):
        found = of_rows(thinned_counts(np.ones(4, int), np.random.default_rng(seed)))
        if np.allclose(np.sort(found["mae"]), printed) and np.isnan(found["r2"]).any():
            break
    else:
        pytest.fail("no seed gives the paper's resamples")
    values = of_rows(np.ones((1, 4)))
    estimates = {name: paper_estimate(float(values[name][0]), found[name], 4) for name in values}
    assert {name: estimates[name].value for name in values} == pytest.approx(
        {"mae": 0.5, "mse": 0.5000000000000001, "rmse": 0.7071067811865476, "r2": -1.6666666666666674}, rel=1e-12
    )
    assert {name: estimates[name].sd for name in PRINTED} == pytest.approx(PRINTED, rel=1e-9)
    assert math.isnan(estimates["r2"].sd)
    assert estimates["r2"].interval is None


def test_the_values_of_appendix_b_come_out_of_the_state():
    state = RegressionQualitySpec(center=0.3).empty()
    columns = {"label": Column(Kind.FLOAT, LABEL), "prediction.value": Column(Kind.FLOAT, PREDICTION)}
    state.update(Block(4, columns))
    values = {name: estimate.value for name, estimate in closed_form(errors_of(state)).items()}
    expected = {"mae": 0.5, "mse": 0.5000000000000001, "rmse": 0.7071067811865476, "r2": -1.6666666666666674}
    assert values == pytest.approx(expected, rel=1e-12)


def root_mean_square(sds: list[float]) -> float:
    return math.sqrt(float(np.mean(np.square(sds))))


def test_the_deviation_of_cells_is_half_the_standard_error():
    """Five values divided by five have 4/5 of the variance; 2 % is five deviations of the mean of 8,000 draws."""
    rng, cells = np.random.default_rng(1), Cells(300, 100, 50, 550)
    expected = of_cells(cells)["accuracy"].sd
    drawn = [points(thinned_counts(cells, rng).astype(float))["accuracy"] for _ in range(8_000)]
    sds = [paper_estimate(0.85, values, cells.n).sd for values in drawn]
    assert root_mean_square(sds) == pytest.approx(0.5 * math.sqrt(0.8) * expected, rel=0.02)


def test_the_deviation_of_sums_is_that_of_thinned_rows():
    rng = np.random.default_rng(2)
    label = rng.gamma(3.0, 20.0, 2_000) + 500.0
    value = label + rng.laplace(0.0, 5.0, 2_000)
    state = RegressionQualitySpec(center=500.0).empty()
    columns = {"label": Column(Kind.FLOAT, label), "prediction.value": Column(Kind.FLOAT, value)}
    state.update(Block(2_000, columns))
    errors = errors_of(state)
    exact = closed_form(errors)
    drawn = [paper(errors, rng) for _ in range(3_000)]
    for name, estimate in exact.items():
        assert drawn[0][name].value == estimate.value
        sds = [estimates[name].sd for estimates in drawn]
        assert root_mean_square(sds) == pytest.approx(0.5 * math.sqrt(0.8) * estimate.sd, rel=0.04)


def test_thinned_sums_are_finite_and_positive_where_nothing_varies():
    assert (thinned_sums([9.0, 0.0], [[9.0, 0.0], [0.0, 0.0]], np.random.default_rng(3))[:, 1] == 0.0).all()
    assert math.isnan(paper_estimate(math.nan, [1.0] * 5, 9).value)


def test_no_resample_has_a_row_that_is_not_there():
    drawn = thinned_counts([[3, 0], [1, 100]], np.random.default_rng(4))
    assert drawn.shape == (5, 2, 2)
    assert (drawn <= np.array([[3, 0], [1, 100]])).all()
    assert (drawn >= 0).all()
