# SPDX-License-Identifier: Apache-2.0
"""Suggest a baseline: states of a data set's columns and predictions, and constraints for every window."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from sketches.block import Block
from sketches.features import FeatureState
from sketches.profile import ProfileSpec, ProfileState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import constraints_document, read_constraints
from windows.baselines.quality_constraints import quality_document, read_quality_constraints
from windows.baselines.roles import NO_ROLES, Roles, by_role
from windows.statistics.auc import auc
from windows.statistics.binary_metrics import CELL_METRICS, Cells, closed_form
from windows.statistics.feature_statistics import listed
from windows.statistics.inferred_type import LABEL, infer_type
from windows.statistics.ks import baseline_radius

BASELINE_K = 2048
_MAX_FEATURES = 10_000
_ENOUGH_ROWS = 10_000
_ENOUGH_LABELS = 2_000
_USUAL_WINDOW = 2_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A baseline, and what its data are too few for."""

    baseline: Baseline
    warnings: tuple[str, ...] = ()


def suggest(
    blocks: Iterable[Block],
    *,
    model: str,
    version: str = "1",
    roles: Roles = NO_ROLES,
    categorical: tuple[str, ...] = (),
    hashed: tuple[str, ...] = (),
    min_distance: float = 0.05,
) -> Suggestion:
    """Suggest a baseline from the rows of a data set.

    Parameters
    ----------
    blocks : iterable of Block
        The rows, columns under the names that events use.
    model, version : str
        Whose baseline it is.
    roles : Roles
        Which columns are label, prediction and score, and which are no model inputs.
    categorical, hashed : tuple of str
        Columns whose integers are categories; columns whose values are kept as hashes only.
    min_distance : float
        Smallest effect worth an alarm.

    Returns
    -------
    Suggestion
        With warnings where the rows are too few for the power asked of them.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Column, Kind
    >>> block = Block(4, {"age": Column(Kind.INTEGER, np.array([20, 30, 40, 50]))})
    >>> suggestion = suggest([block], model="churn")
    >>> suggestion.baseline.n, suggestion.baseline.constraints.features["age"].inferred_type, len(suggestion.warnings)
    (4, 'Integral', 2)
    """
    spec = ProfileSpec(categorical=categorical, hashed=hashed, hash_key=model, k=BASELINE_K, max_features=_MAX_FEATURES)
    profile, quality = spec.empty(), BinaryQualitySpec(roles.positive_class).empty()
    for block in blocks:
        monitored, judged = by_role(block, roles)
        profile.update(monitored)
        quality.update(judged)
    entries = [_entry(name, profile.features[name], profile.n) for name in sorted(profile.features)]
    thresholds = _thresholds(quality)
    baseline = Baseline(
        model,
        version,
        n=profile.n,
        features=profile.features,
        constraints=read_constraints(constraints_document(entries, min_distance)),
        quality=quality if quality.n else None,
        quality_constraints=read_quality_constraints(quality_document(thresholds)) if thresholds else None,
    )
    return Suggestion(baseline, tuple(_warnings(profile, quality, min_distance)))


def _entry(name: str, feature: FeatureState, n: int) -> dict[str, Any]:
    """Constraints of one column, formats 1.5."""
    declared = feature.spec.categorical or feature.spec.hashed or name == LABEL
    inferred = infer_type(feature.types, categorical=declared)
    present = feature.types.n - feature.types.missing
    entry: dict[str, Any] = {"name": name, "inferred_type": inferred, "completeness": present / n}
    if inferred in {"Integral", "Fractional"}:
        entry["num_constraints"] = {"is_non_negative": feature.moments.minimum >= 0.0}
    elif inferred in {"String", "Boolean"} and listed(feature):
        entry["string_constraints"] = {"domains": list(feature.categories.counts())}
    return entry


def _thresholds(quality: BinaryQualityState) -> dict[str, float]:
    metrics = closed_form(Cells(*quality.cells)) | {"auc": auc(*quality.score_counts).estimate}
    order = (*CELL_METRICS[:-3], "auc", *CELL_METRICS[-3:])
    return {name: metrics[name].value for name in order if metrics[name].defined}


def _warnings(profile: ProfileState, quality: BinaryQualityState, min_distance: float) -> Iterable[str]:
    n, tests = profile.n, max(len(profile.features), 1)
    if profile.refused:
        yield f"more than {_MAX_FEATURES} columns: {sorted(profile.refused)[:3]} and others have no baseline"
    if n < _ENOUGH_ROWS:
        radius = baseline_radius(max(n, 1), tests)
        found = radius + math.sqrt(math.log(2.0 * tests / 0.01) / (2.0 * _USUAL_WINDOW))
        yield (
            f"{n} rows: drift is found in windows of {_USUAL_WINDOW} rows from a distance of about "
            f"{max(found, min_distance):.2f}, with {_ENOUGH_ROWS} rows from "
            f"{max(found - radius + baseline_radius(_ENOUGH_ROWS, tests), min_distance):.2f}; "
            "give more rows, or set monitors.data_drift.marginal = true"
        )
    cells = Cells(*quality.cells)
    if not quality.n:
        yield "no rows with label and prediction: model quality has no baseline"
    elif cells.n < _ENOUGH_LABELS or min(cells.tp + cells.fn, cells.fp + cells.tn) < _ENOUGH_LABELS // 10:
        yield (
            f"{cells.tp + cells.fn} positive and {cells.fp + cells.tn} negative labelled rows: a fall in quality is "
            f"hidden by the baseline's own error; give {_ENOUGH_LABELS} rows, {_ENOUGH_LABELS // 10} of each class"
        )
