# SPDX-License-Identifier: Apache-2.0
"""Suggest a baseline: states of a data set's columns and predictions, and constraints for every window."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sketches.block import Block, Column, Kind
from sketches.features import FeatureState
from sketches.groups import ID_HASH
from sketches.profile import ProfileSpec, ProfileState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Document, constraints_document, read_constraints
from windows.baselines.documents import documents_of
from windows.baselines.grids import grid_of
from windows.baselines.quality_constraints import quality_document, read_quality_constraints
from windows.baselines.roles import NO_ROLES, Roles, by_role
from windows.baselines.unlearned import unlearned
from windows.definition import ModelDefinition
from windows.join.carried import layout_of
from windows.outputs import LABEL
from windows.partition.segments import add_events
from windows.partition.specs import QUALITY, SEGMENTS, event_specs, label_specs
from windows.quality.problems import problem_of
from windows.statistics.feature_statistics import listed
from windows.statistics.inferred_type import infer_type
from windows.statistics.ks import baseline_radius

BASELINE_K = 2048
_MAX_FEATURES = 10_000
_ENOUGH_ROWS = 10_000
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
    definition: ModelDefinition | None = None,
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
    definition : ModelDefinition, optional
        Which states windows hold, so that the baseline holds the same; by default those of a binary classification.

    Returns
    -------
    Suggestion
        With warnings where the rows are too few for the power asked of them, and of monitors that get no baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Column, Kind
    >>> block = Block(4, {"age": Column(Kind.INTEGER, np.array([20, 30, 40, 50]))})
    >>> suggestion = suggest([block], model="churn")
    >>> suggestion.baseline.n, suggestion.baseline.constraints.features["age"].inferred_type, len(suggestion.warnings)
    (4, 'Integral', 2)
    """
    if definition is None:
        classes = {"problem_type": "BinaryClassification", "positive_class": roles.positive_class}
        definition = ModelDefinition.model_validate({"model": model, "version": version, **classes})
    if definition.segments:
        # Cells are known only once all rows were seen; then the rows are counted again.
        blocks = list(blocks)
    spec = ProfileSpec(categorical=categorical, hashed=hashed, hash_key=model, k=BASELINE_K, max_features=_MAX_FEATURES)
    profile = spec.empty()
    of_events = {part: spec.empty() for part, spec in event_specs(definition, BASELINE_K).items()}
    of_labels = {part: spec.empty() for part, spec in label_specs(definition).items()}
    seen: set[str] = set()
    for block in blocks:
        monitored, extra, judged = by_role(block, roles)
        seen |= {name for part in (monitored, extra, judged) for name, column in part.columns.items() if _any(column)}
        whole = Block(block.n, {**monitored.columns, **extra.columns, ID_HASH: row_hashes(profile.n, block.n)})
        profile.update(monitored)
        add_events(of_events, whole, definition)
        joined = judged_block(judged, whole, definition)
        for state in of_labels.values():
            state.update(joined)
    states = {part: state for part, state in (of_events | of_labels).items() if state.n}
    quality = states.get(QUALITY)
    # In the order of the data: captured requests have no header, and go by the order of the constraints.
    entries = [_entry(name, feature, profile.n) for name, feature in profile.features.items()]
    limits = None if quality is None else _quality_document(quality)
    baseline = Baseline(
        model,
        version,
        n=profile.n,
        features=profile.features,
        constraints=read_constraints(constraints_document(entries, min_distance)),
        states=states,
        quality_constraints=None if limits is None else read_quality_constraints(limits),
        documents=documents_of(definition, states),
    )
    if definition.segments:
        states |= _by_segment(blocks, roles, definition, baseline)
        baseline = replace(baseline, states=states, documents=documents_of(definition, states))
    warnings = _warnings(profile, quality if limits is not None else None, min_distance)
    return Suggestion(baseline, (*warnings, *unlearned(definition, seen, states.keys())))


def _any(column: Column) -> bool:
    return column.valid is None or bool(column.valid.any())


def _by_segment(
    blocks: Iterable[Block], roles: Roles, definition: ModelDefinition, baseline: Baseline
) -> dict[str, Any]:
    """Count rows by segment, in the cells of the whole."""
    specs = event_specs(definition, BASELINE_K, grid=grid_of(baseline))
    counts = {part: spec.empty() for part, spec in specs.items() if part.startswith(SEGMENTS)}
    for block in blocks:
        monitored, extra, _ = by_role(block, roles)
        add_events(counts, Block(block.n, {**monitored.columns, **extra.columns}), definition)
    return counts


def judged_block(judged: Block, whole: Block, definition: ModelDefinition) -> Block:
    """Give rows the form that a late label finds them in: outputs, label, and the columns that pending rows carry."""
    carried = {column.name: column.column(whole) for column in layout_of(definition).codes if column.name != LABEL}
    columns = {**judged.columns, **carried}
    label = columns.get("label")
    labelled = np.zeros(judged.n, bool) if label is None else label.valid
    joined = Block(judged.n, columns)
    return joined if labelled is None else joined.take(labelled)


def row_hashes(first: int, n: int) -> Column:
    """Spread row numbers evenly over 63 bits, in place of the hashes of ids (splitmix64, Steele et al. 2014).

    Examples
    --------
    >>> row_hashes(0, 2).values.tolist()[1:] == row_hashes(1, 1).values.tolist()
    True
    """
    bits = np.arange(first, first + n, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return Column(Kind.INTEGER, ((bits ^ (bits >> np.uint64(31))) >> np.uint64(1)).astype(np.int64))


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


def _quality_document(quality: Any) -> Document | None:
    """Constraints of every metric that the rows have, None if they have none."""
    problem = problem_of(quality)
    metrics = problem.measure(quality, "closed", np.random.default_rng(0)).metrics
    thresholds = {name: metrics[name].value for name in problem.suggested if metrics[name].defined}
    return quality_document(problem.name, thresholds) if thresholds else None


def _warnings(profile: ProfileState, quality: Any, min_distance: float) -> Iterable[str]:
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
    if quality is None:
        yield "no rows with label and prediction: model quality has no baseline"
    else:
        yield from problem_of(quality).too_few(quality)
