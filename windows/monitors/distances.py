# SPDX-License-Identifier: Apache-2.0
"""Distances that a definition asks for beside the drift test: reported, and held against a threshold where one is set.

A threshold is a person's policy: it is literal, and takes no part in the error budget.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sketches.features import FeatureState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints, FeatureConstraints
from windows.monitors.data_drift import is_categorical
from windows.options import DataDrift
from windows.report import Verdict
from windows.statistics.cells import category_cells, numeric_cells
from windows.statistics.distances import COUNT_DISTANCES, CommonCells, Distance, count_distances
from windows.statistics.wasserstein import wasserstein
from windows.window_profile import WindowProfile

Distances = dict[str, dict[str, Distance]]


def measure_distances(
    profile: WindowProfile, baseline: Baseline, constraints: Constraints, rng: np.random.Generator
) -> Distances:
    """Measure every distance asked for, of every column that can be compared.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    baseline : Baseline
        The distributions to compare with.
    constraints : Constraints
        Which columns, and which of them are categories.
    rng : numpy.random.Generator
        Draws samples without drift, for the expectations.

    Returns
    -------
    dict of str to dict of str to Distance
        By column, then by distance. A column of categories has no Wasserstein distance, nor has one whose baseline has
        no interquartile range.
    """
    options = profile.definition.monitors.data_drift
    factor = 2.0 if baseline.imported else 1.0
    found: Distances = {}
    counted: dict[str, CommonCells] = {}
    for name, required in constraints.features.items() if options.distances else ():
        window, was = profile.profile.features.get(name), baseline.features.get(name)
        if window is None or was is None or not _comparable(window, was, required, options):
            continue
        rows, baseline_rows = profile.profile.n, max(baseline.n, was.rows)
        categorical = is_categorical(was, required)
        if categorical:
            counted[name] = category_cells(window.categories, was.categories)
        else:
            counted[name] = numeric_cells(window, was, rows, baseline_rows, baseline_error_factor=factor)
        found[name] = {}
        if "wasserstein" in options.distances and not categorical:
            moved = wasserstein(window.quantiles, was.quantiles, baseline_error_factor=factor)
            found[name] = {} if moved is None else {"wasserstein": moved}
    of_counts = [distance for distance in options.distances if distance in COUNT_DISTANCES]
    measured = count_distances(of_counts, list(counted.values()), rng)
    return {name: of_cells | found[name] for name, of_cells in zip(counted, measured, strict=True)}


def _comparable(window: FeatureState, was: FeatureState, required: FeatureConstraints, options: DataDrift) -> bool:
    if not (required.settings.evaluate and required.settings.compare) or window.spec.hashed != was.spec.hashed:
        return False
    n, m = _values(window, was, required)
    return n >= options.min_rows and m > 0


def _values(window: FeatureState, was: FeatureState, required: FeatureConstraints) -> tuple[int, int]:
    if is_categorical(was, required):
        return window.categories.n, was.categories.n
    return window.numbers, was.numbers


def judge_distances(found: Distances, options: DataDrift) -> list[Verdict]:
    """Hold what was measured against the thresholds that a definition sets.

    Parameters
    ----------
    found : dict of str to dict of str to Distance
        What `measure_distances` gave.
    options : DataDrift
        Its `distances`.

    Returns
    -------
    list of Verdict
        `<distance>_check` of every column: violated if the distance exceeds the threshold by more than what it would
        be without drift and what sketching may have added.

    Examples
    --------
    >>> options = DataDrift(distances={"psi": 0.2, "hellinger": "report"})
    >>> found = {"age": {"psi": Distance(0.31, 0.02, 0.01), "hellinger": Distance(0.2, 0.05, 0.0)}}
    >>> [(verdict.subject, verdict.check, verdict.outcome) for verdict in judge_distances(found, options)]
    [('age', 'psi_check', 'violation')]
    """
    return [
        _verdict(column, name, distances[name], threshold)
        for column, distances in found.items()
        for name, threshold in options.distances.items()
        if name in distances and isinstance(threshold, float)
    ]


def _verdict(column: str, name: str, distance: Distance, threshold: float) -> Verdict:
    return Verdict(
        column,
        f"{name}_check",
        "literal",
        "violation" if distance.corrected - distance.error > threshold else "ok",
        name,
        distance.corrected,
        distance.error,
        threshold,
        description=f"{name} distance: {distance.corrected:.6g} exceeds threshold: {threshold:.6g}",
    )


def describe_distances(distances: Mapping[str, Distance]) -> dict[str, dict[str, Any]]:
    """Write the distances of one column for a report: as measured, without drift, their difference, and the error.

    Examples
    --------
    >>> describe_distances({"psi": Distance(0.25, 0.05, 0.0)})
    {'psi': {'value': 0.25, 'expected': 0.05, 'corrected': 0.2, 'error': 0.0}}
    """
    return {
        name: {
            "value": distance.value,
            "expected": distance.expected,
            "corrected": distance.corrected,
            "error": distance.error if math.isfinite(distance.error) else None,
        }
        for name, distance in distances.items()
    }
