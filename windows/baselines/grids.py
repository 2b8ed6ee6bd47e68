# SPDX-License-Identifier: Apache-2.0
"""Grids of baselines: cells of about equal shares of each feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sketches.attributions import PREFIX, AttributionSums
from sketches.binned import BinnedSpec
from sketches.features import FeatureState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import FeatureConstraints
from windows.grid import Grid
from windows.monitors.data_drift import is_categorical
from windows.options import DataQuality
from windows.partition.specs import ATTRIBUTIONS, SEGMENTS
from windows.statistics.early_warning import CUTS
from windows.statistics.limits import NEGATIVE, far_from

QUANTILES = tuple(part / 32 for part in range(1, 32))
MOST_CATEGORIES = 31


def grid_of(baseline: Baseline) -> Grid:
    """Cut the features and attributions of a baseline that drift is judged of.

    Columns that are kept as hashes have no cells: their values are not known. A baseline that counted its segments
    keeps the cells it counted them by, whatever constraints were edited since.

    Parameters
    ----------
    baseline : Baseline
        Its constraints name the features, and which are categories.

    Examples
    --------
    >>> grid_of(Baseline("churn", baseline_version="3"))
    Grid(baseline_version='3', deciles=BinnedSpec(edges=(), categories=()), cells=BinnedSpec(edges=(), categories=()))
    """
    by_number, by_value = [], []
    for required, feature, categorical in _judged(baseline):
        if categorical:
            by_value.append((required.name, tuple(sorted(list(feature.categories.counts())[:MOST_CATEGORIES]))))
        elif feature.numbers:
            by_number.append((required, feature))
    deciles = BinnedSpec(edges=tuple((required.name, _edges(feature, CUTS)) for required, feature in by_number))
    quantiles = tuple(
        (required.name, tuple(sorted({*_edges(feature, QUANTILES), *_limits(feature, required)})))
        for required, feature in by_number
    ) + tuple(_of_attributions(baseline))
    counted = (state.spec.inner for part, state in baseline.states.items() if part.startswith(SEGMENTS))
    return Grid(baseline.baseline_version, deciles, next(counted, BinnedSpec(quantiles, tuple(by_value))))


def _judged(baseline: Baseline) -> Iterator[tuple[FeatureConstraints, FeatureState, bool]]:
    constraints = () if baseline.constraints is None else baseline.constraints.features.items()
    for name, required in constraints:
        feature = baseline.features.get(name)
        compared = required.settings.evaluate and required.settings.compare
        if feature is not None and compared and not feature.spec.hashed:
            yield required, feature, is_categorical(feature, required)


def _limits(feature: FeatureState, required: FeatureConstraints) -> Iterator[float]:
    """Edges where checks of data quality begin to fail, so that these rows are counted by segment, too."""
    if required.non_negative:
        yield NEGATIVE
    yield from far_from(feature.moments, DataQuality().outlier_z) or ()


def _of_attributions(baseline: Baseline) -> Iterator[tuple[str, tuple[float, ...]]]:
    state = baseline.states.get(ATTRIBUTIONS)
    for name, column in sorted(state.columns.items()) if state is not None else ():
        yield PREFIX + name, _edges(column, QUANTILES)


def _edges(column: FeatureState | AttributionSums, shares: Sequence[float]) -> tuple[float, ...]:
    """Values at shares of the numbers; fewer where one value has several of them, and none at the largest."""
    edges = np.unique(column.quantiles.quantile(shares))
    return tuple(edges[edges < column.quantiles.maximum].tolist())
