# SPDX-License-Identifier: Apache-2.0
"""Distances of real columns against SciPy on their rows: ties, gaps, skew and rare categories."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from sketches.block import Block
from tests.windows.build import baseline_of, column, definition, window_of
from windows.evaluate import evaluate
from windows.statistics.cells import BINS

DATA = Path(__file__).parents[3] / "examples" / "adult" / "adult.csv.gz"
NUMBERS = ("age", "fnlwgt", "education_num", "hours_per_week", "capital_gain")
CATEGORIES = ("workclass", "native_country", "education", "sex")
ASKED = dict.fromkeys(("jensen_shannon", "hellinger", "psi", "wasserstein"), "report")


def block(frame: pd.DataFrame) -> Block:
    numbers = {name: column(frame[name].to_numpy(float)) for name in NUMBERS}
    return Block(len(frame), numbers | {name: column(frame[name].to_numpy(str)) for name in CATEGORIES})


@pytest.fixture(scope="module")
def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """People above 30 who work in the window, all in the baseline: columns moved by little and by much."""
    with gzip.open(DATA, "rt") as file:
        adult = pd.read_csv(file, skipinitialspace=True, na_filter=False)
    before = adult[adult["split"] == "train"]
    return adult[(adult["split"] != "train") & (adult["age"] > 30)].head(3_000), before


@pytest.fixture(scope="module")
def found(sides: tuple[pd.DataFrame, pd.DataFrame]) -> dict[str, dict[str, dict[str, float]]]:
    window, before = map(block, sides)
    reports = evaluate(window_of(window, definition(data_drift={"distances": ASKED})), baseline_of(before))
    drift = next(report for report in reports if report.monitor == "data_drift")
    return {entry["name"]: entry["distances"] for entry in drift.statistics["features"]}


def cells(name: str, window: pd.DataFrame, before: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    if name in CATEGORIES:
        known = before[name].value_counts().index
        counts = [side[name].value_counts().reindex(known, fill_value=0).to_numpy() for side in (window, before)]
    else:
        edges = np.unique(np.quantile(before[name], np.arange(1, BINS) / BINS, method="inverted_cdf"))
        where = [np.searchsorted(edges, side[name], side="left") for side in (window, before)]
        counts = [np.bincount(at, minlength=len(edges) + 1) for at in where]
    return counts[0], counts[1]


@pytest.mark.parametrize("name", [*NUMBERS, *CATEGORIES])
def test_distances_of_counts_are_scipys_of_the_rows_within_the_error(sides, found, name):
    counts = cells(name, *sides)
    p, q = ((side + 0.5) / (side.sum() + 0.5 * len(side)) for side in counts)
    exact = {
        "jensen_shannon": jensenshannon(p, q),
        "hellinger": np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2),
        "psi": ((p - q) * np.log(p / q)).sum(),
    }
    for distance, expected in exact.items():
        # The edges, too, are the sketch's: they cut the baseline within its rank error.
        assert abs(found[name][distance]["value"] - expected) <= found[name][distance]["error"] + 1e-9, distance
    if name in CATEGORIES:
        assert found[name]["psi"]["error"] == 0.0


@pytest.mark.parametrize("name", NUMBERS)
def test_wasserstein_is_scipys_of_the_rows_within_the_error(sides, found, name):
    low, first, third, high = np.quantile(sides[1][name], [0.005, 0.25, 0.75, 0.995], method="inverted_cdf")
    if not third > first:
        assert "wasserstein" not in found[name]
        return
    clipped = [np.clip(side[name], low, high) for side in sides]
    expected = wasserstein_distance(*clipped) / (third - first)
    assert found[name]["wasserstein"]["value"] == pytest.approx(
        expected, abs=found[name]["wasserstein"]["error"], rel=0.02
    )


def test_ages_moved_and_what_age_tells_little_of_did_not(found):
    corrected = {name: distances["jensen_shannon"]["corrected"] for name, distances in found.items()}
    assert corrected["age"] > 0.3
    assert max(corrected["sex"], corrected["fnlwgt"], corrected["native_country"]) < 0.05
