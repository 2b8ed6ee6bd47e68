# SPDX-License-Identifier: Apache-2.0
"""Coverage: how often a 95 % interval holds the truth, in windows of populations whose truth is known.

Windows of UCI Adult are drawn with replacement from its test split, served by the demo's logistic regression; windows
of a regression are a Gaussian signal and errors of the same variance. Each goes through the states that a worker keeps.
Heavy-tailed errors, which no interval of moments is made for, are the rows named stress.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from sketches import BinaryQualitySpec, Block, Column, ContingencySpec, Kind, RegressionQualitySpec
from stream.demo.data import serve, train
from windows.statistics.auc import auc
from windows.statistics.bias_estimates import estimate_bias
from windows.statistics.bias_metrics import BIAS_METRICS
from windows.statistics.binary_metrics import Cells
from windows.statistics.binary_metrics import closed_form as of_cells
from windows.statistics.intervals import Estimate
from windows.statistics.regression_metrics import closed_form as of_errors
from windows.statistics.regression_metrics import errors_of

NOMINAL = 0.95
WINDOWS = (200, 2_000)
REPETITIONS, QUICK, QUICK_STRESS = 10_000, 3_000, 500
ADULT = Path(__file__).parents[1] / "examples" / "adult" / "adult.csv.gz"


class Population(NamedTuple):
    """Rows to draw windows of, the estimates of a block of them, and the metrics of all."""

    draw: Callable[[np.random.Generator, int], Block]
    estimates: Callable[[Block], Mapping[str, Estimate]]
    truth: Mapping[str, float]


class Errors(NamedTuple):
    """Errors of variance 1, and the mean of their absolute value."""

    draw: Callable[[np.random.Generator, int], NDArray[np.float64]]
    mean_absolute: float


_LOGNORMAL_SD = math.sqrt((math.e - 1.0) * math.e)
NAMED = {
    "gaussian": Errors(lambda rng, n: rng.standard_normal(n), math.sqrt(2.0 / math.pi)),
    "laplace": Errors(lambda rng, n: rng.laplace(0.0, math.sqrt(0.5), n), math.sqrt(0.5)),
}
STRESS = {
    "t5": Errors(lambda rng, n: rng.standard_t(5, n) * math.sqrt(3.0 / 5.0), 0.7351051938957228),
    "t3": Errors(lambda rng, n: rng.standard_t(3, n) / math.sqrt(3.0), 2.0 / math.pi),
    "lognormal": Errors(
        lambda rng, n: (rng.lognormal(0.0, 1.0, n) - math.exp(0.5)) / _LOGNORMAL_SD, 0.5842469181600921
    ),
}


def run(*, quick: bool) -> list[Figure]:
    """Measure `coverage.METRIC.nN` and `stress.METRIC.POPULATION.nN`, as shares of the windows.

    A metric that is known of several populations has the share that is farthest from what the interval claims.
    """
    repetitions, of_stress = (QUICK, QUICK_STRESS) if quick else (REPETITIONS, REPETITIONS)
    named = [adult(), *(regression(errors) for errors in NAMED.values())]
    figures = []
    for n in WINDOWS:
        shares: dict[str, list[float]] = {}
        for seed, population in enumerate(named):
            for name, share in covered(population, n, repetitions, seed):
                shares.setdefault(name, []).append(share)
        for name, found in shares.items():
            farthest = max(found, key=lambda share: abs(share - NOMINAL))
            figures.append(Figure.of(f"coverage.{name}.n{n}", farthest, "of windows", limit=NOMINAL))
    for n in WINDOWS:
        for seed, (tails, errors) in enumerate(STRESS.items()):
            figures += [
                Figure.of(f"stress.{name}.{tails}.n{n}", share, "of windows", limit=NOMINAL)
                for name, share in covered(regression(errors), n, of_stress, seed)
            ]
    return figures


def covered(population: Population, n: int, repetitions: int, seed: int) -> Iterator[tuple[str, float]]:
    """Give the share of windows of n rows in which each metric's interval holds its truth."""
    rng = np.random.default_rng([seed, n])
    hits = Counter[str]()
    for _ in range(repetitions):
        estimates = population.estimates(population.draw(rng, n))
        hits.update(name for name, true in population.truth.items() if _holds(estimates[name], true))
    for name in population.truth:
        yield name, hits[name] / repetitions


def _holds(estimate: Estimate, true: float) -> bool:
    """Whether the interval is there and holds the truth."""
    return estimate.interval is not None and estimate.low <= true <= estimate.high


def adult() -> Population:
    """Predictions of the logistic regression on the test split of UCI Adult; the facet is the women."""
    trained = train(ADULT)
    table = serve(trained, trained.test)
    columns = {
        "label": _classes(table["label"].to_numpy(), "0", "1"),
        "prediction.label": _classes(table["prediction"].to_numpy(), "0", "1"),
        "prediction.score": Column(Kind.FLOAT, table["score"].to_numpy()),
        "sex": _classes(np.asarray(table["sex"]) == "Female", "Male", "Female"),
    }
    rows = Block(len(table), columns)
    truth = {name: estimate.value for name, estimate in _of_classes(rows).items()}
    return Population(lambda rng, n: rows.take(rng.integers(0, rows.n, n)), _of_classes, truth)


def _classes(codes: NDArray[np.generic], *names: str) -> Column:
    return Column(Kind.STRING, codes.astype(np.int32), categories=names)


def _of_classes(rows: Block) -> dict[str, Estimate]:
    quality = BinaryQualitySpec().empty()
    quality.update(rows)
    metrics = of_cells(Cells(*quality.cells))
    counts = ContingencySpec(("sex",)).empty()
    counts.update(rows)
    sides = counts.table("sex").sides("Female")
    return {
        "accuracy": metrics["accuracy"],
        "f1": metrics["f1"],
        "auc": auc(*quality.score_counts).estimate,
        "dpl": estimate_bias(BIAS_METRICS["DPL"], sides),
        "di": estimate_bias(BIAS_METRICS["DI"], sides),
    }


def regression(errors: Errors) -> Population:
    """Labels that are a Gaussian signal, which is predicted, and errors of the same variance."""

    def draw(rng: np.random.Generator, n: int) -> Block:
        signal = rng.standard_normal(n)
        label = Column(Kind.FLOAT, signal + errors.draw(rng, n))
        return Block(n, {"label": label, "prediction.value": Column(Kind.FLOAT, signal)})

    return Population(draw, _of_numbers, {"mae": errors.mean_absolute, "mse": 1.0, "rmse": 1.0, "r2": 0.5})


def _of_numbers(rows: Block) -> dict[str, Estimate]:
    quality = RegressionQualitySpec().empty()
    quality.update(rows)
    return of_errors(errors_of(quality))
