# SPDX-License-Identifier: Apache-2.0
"""Judge one window: a report of every enabled monitor. Pure; randomness only through an explicit generator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints
from windows.monitors.absent_labels import count_absent_labels
from windows.monitors.budget import enabled_monitors, monitor_alpha
from windows.monitors.data_drift import judge_data_drift
from windows.monitors.data_quality import judge_data_quality
from windows.monitors.model_quality import estimate_metrics, judge_model_quality
from windows.monitors.settle import NEVER, Earlier, status_of
from windows.report import Report, Verdict, iso
from windows.statistics.binary_metrics import Cells
from windows.statistics.feature_statistics import feature_statistics
from windows.statistics.inferred_type import LABEL, infer_type
from windows.statistics.quality_statistics import quality_statistics
from windows.window_profile import WindowProfile

Judged = tuple[dict[str, Any], list[Verdict]]


def evaluate(
    profile: WindowProfile,
    baseline: Baseline | None,
    *,
    rng: np.random.Generator | None = None,
    earlier: Mapping[str, Earlier] | None = None,
) -> list[Report]:
    """Judge a window with every monitor that may judge it now.

    Parameters
    ----------
    profile : WindowProfile
        The window. `data_quality` and `data_drift` judge it once `features_closed`; `model_quality` gives a preview
        without verdicts once every row is labelled, and judges once `labels_closed`.
    baseline : Baseline or None
        What it is compared with; None gives statistics and an `insufficient` verdict.
    rng : numpy.random.Generator, optional
        Source of resamples; by default seeded by model, window and revision, so that a replay says the same.
    earlier : mapping of str to Earlier, optional
        By monitor, what earlier revisions of this window's reports said: a revision may newly alarm only at half the
        level of the one before.

    Returns
    -------
    list of Report
        At most one a monitor, in the order quality, drift, model quality. A monitor that cannot be computed has status
        Failed and the error; the others are not affected.
    """
    rng = seeded(profile) if rng is None else rng
    reports = []
    for monitor in enabled_monitors(profile.definition):
        of_labels = monitor == "model_quality"
        if of_labels and (profile.quality is None or not (profile.labels_closed or _whole(profile))):
            continue
        if not of_labels and not profile.features_closed:
            continue
        before = (earlier or {}).get(monitor, NEVER)
        final = profile.labels_closed if of_labels else profile.features_closed
        reports.append(_report(monitor, profile, baseline, rng, before, final=final))
    return reports


def _whole(profile: WindowProfile) -> bool:
    """Whether every row is labelled: before the horizon, a partition tells its quality only then, its counts always."""
    return 0 < profile.labelled == profile.rows


def seeded(profile: WindowProfile) -> np.random.Generator:
    """Make the generator of one revision of one window."""
    definition = profile.definition
    key = f"{definition.model}|{definition.version}|{profile.window_start_ms}|{profile.revision}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))


def _report(
    monitor: str,
    profile: WindowProfile,
    baseline: Baseline | None,
    rng: np.random.Generator,
    earlier: Earlier,
    *,
    final: bool,
) -> Report:
    error = None
    statistics: dict[str, Any] = {}
    verdicts: list[Verdict] = []
    try:
        alpha = monitor_alpha(profile.definition, monitor)
        match monitor:
            case _ if (unmerged := _unmerged(profile, monitor)) is not None:
                verdicts = [Verdict("*", monitor, "calibrated", "insufficient", reason=unmerged)]
            case "data_quality":
                statistics, verdicts = _data_quality(profile, baseline, alpha, earlier)
            case "data_drift":
                statistics, verdicts = _data_drift(profile, baseline, alpha, earlier)
            case _:
                statistics, verdicts = _model_quality(profile, baseline, alpha, earlier, rng)
    except Exception as raised:  # one monitor's failure is reported and must not silence the others
        error = f"{type(raised).__name__}: {raised}"
    return Report(
        profile.definition.model,
        profile.definition.version,
        monitor,
        profile.window_start_ms,
        profile.window_end_ms,
        profile.revision,
        final,
        "Failed" if error is not None else status_of(verdicts),
        baseline.baseline_version if baseline is not None else None,
        profile.definition.revision,
        profile.rows,
        profile.labelled,
        profile.late,
        profile.rejected,
        profile.duplicates,
        profile.partitions,
        profile.partitions_closed,
        statistics,
        tuple(verdicts),
        error,
    )


def _unmerged(profile: WindowProfile, monitor: str) -> str | None:
    """Say why a monitor has not got all the states that it judges, None if it has."""
    of_labels = monitor == "model_quality"
    needs_features = not of_labels or profile.definition.monitors.model_quality.absent_label is not None
    parts = [f"feature {name!r}" for name in profile.unmerged_features if needs_features]
    parts += ["quality"] if of_labels and profile.unmerged_quality else []
    if not parts:
        return None
    return f"the window was counted under a definition that was replaced: cannot merge {', '.join(parts[:3])}"


def _no_baseline(check: str, what: str) -> list[Verdict]:
    return [Verdict("*", check, "calibrated", "insufficient", reason=f"no baseline of {what} is published")]


def _constraints(baseline: Baseline | None) -> Constraints | None:
    return None if baseline is None else baseline.constraints


def _data_quality(profile: WindowProfile, baseline: Baseline | None, alpha: float, earlier: Earlier) -> Judged:
    state, constraints = profile.profile, _constraints(baseline)
    described = []
    for name, feature in sorted(state.features.items()):
        known = None if constraints is None else constraints.features.get(name)
        categorical = feature.spec.categorical or feature.spec.hashed or name == LABEL
        # The baseline's type decides the form, so that the hours of one column can be compared.
        inferred = known.inferred_type if known is not None else infer_type(feature.types, categorical=categorical)
        described.append(feature_statistics(name, feature, state.n, inferred))
    statistics: dict[str, Any] = {"version": 0.0, "dataset": {"item_count": state.n}, "features": described}
    if state.overflow:
        statistics["sketchwatch"] = {"refused_rows": state.overflow, "refused_columns": sorted(state.refused)}
    if baseline is None or constraints is None:
        return statistics, _no_baseline("data_quality", "data quality")
    return statistics, judge_data_quality(profile, baseline, constraints, alpha, earlier)


def _data_drift(profile: WindowProfile, baseline: Baseline | None, alpha: float, earlier: Earlier) -> Judged:
    statistics: dict[str, Any] = {"version": 0.0, "dataset": {"item_count": profile.profile.n}, "features": []}
    constraints = _constraints(baseline)
    if baseline is None or constraints is None:
        return statistics, _no_baseline("baseline_drift_check", "data quality")
    verdicts = judge_data_drift(profile, baseline, constraints, alpha, earlier)
    statistics["features"] = [
        {
            "name": v.subject,
            "statistic": v.statistic,
            "distance": v.value,
            "error": v.error,
            "pvalue": v.pvalue,
            "n": v.n,
        }
        for v in verdicts
        if v.value is not None and not v.advisory
    ]
    return statistics, verdicts


def _model_quality(
    profile: WindowProfile, baseline: Baseline | None, alpha: float, earlier: Earlier, rng: np.random.Generator
) -> Judged:
    assert profile.quality is not None
    options = profile.definition.monitors.model_quality
    quality = profile.quality
    if options.absent_label is not None and profile.labels_closed:
        quality = count_absent_labels(quality, profile.profile, options.absent_label)
        profile = replace(profile, quality=quality, labelled=max(profile.labelled, quality.n))
    cells, counts = Cells(*quality.cells), quality.score_counts
    metrics, area = estimate_metrics(cells, counts, options, rng)
    dataset = {
        "item_count": cells.n,
        "start_time": iso(profile.window_start_ms),
        "end_time": iso(profile.window_end_ms),
        "label_coverage": profile.labelled / profile.rows if profile.rows else 0.0,
        "unpredicted": quality.unpredicted,
    }
    statistics = quality_statistics(cells, counts, metrics, area, dataset)
    if baseline is None or baseline.quality_constraints is None:
        return statistics, _no_baseline("model_quality", "model quality")
    return statistics, judge_model_quality(
        profile, metrics, baseline, baseline.quality_constraints, alpha=alpha, earlier=earlier
    )
