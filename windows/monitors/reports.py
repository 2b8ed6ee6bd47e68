# SPDX-License-Identifier: Apache-2.0
"""What the monitors of features report: statistics in the managed monitors' shape beside the verdicts."""

from __future__ import annotations

from typing import Any

from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints
from windows.monitors.anomaly import CHECK as ANOMALY
from windows.monitors.anomaly import baseline_share, judge_anomaly
from windows.monitors.data_drift import judge_data_drift
from windows.monitors.data_quality import judge_data_quality
from windows.monitors.distances import Distances, describe_distances, judge_distances, measure_distances
from windows.monitors.monitor import Judged, Terms, no_baseline
from windows.monitors.shelter import sheltered
from windows.outputs import LABEL
from windows.report import Verdict
from windows.statistics.feature_statistics import feature_statistics
from windows.statistics.inferred_type import infer_type
from windows.window_profile import WindowProfile


def report_data_quality(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Describe every column, and check types, completeness, categories and ranges."""
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
        return statistics, no_baseline("data_quality", "data quality")
    return statistics, judge_data_quality(profile, baseline, constraints, terms.alpha, terms.earlier)


def report_data_drift(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Compare every column with the baseline, by test and by the distances asked for, and with past windows."""
    statistics: dict[str, Any] = {"version": 0.0, "dataset": {"item_count": profile.profile.n}, "features": []}
    constraints = _constraints(baseline)
    if baseline is None or constraints is None:
        verdicts = no_baseline("baseline_drift_check", "data quality")
    else:
        statistics["features"], verdicts = _from_baseline(profile, baseline, constraints, terms)
    with sheltered("*", ANOMALY, verdicts):
        unlike, anomalies = judge_anomaly(profile, terms.past, terms.alpha, terms.earlier)
        statistics, verdicts = statistics | unlike, verdicts + anomalies
    return statistics, verdicts


def _from_baseline(
    profile: WindowProfile, baseline: Baseline, constraints: Constraints, terms: Terms
) -> tuple[list[dict[str, Any]], list[Verdict]]:
    options = profile.definition.monitors.data_drift
    verdicts = judge_data_drift(profile, baseline, constraints, terms.alpha * baseline_share(options), terms.earlier)
    # A generator of its own: what other monitors draw does not depend on the distances asked for.
    distances: Distances = {}
    with sheltered("*", "distances", verdicts):
        distances = measure_distances(profile, baseline, constraints, terms.rng.spawn(1)[0])
    features = [
        {
            "name": v.subject,
            "statistic": v.statistic,
            "distance": v.value,
            "error": v.error,
            "pvalue": v.pvalue,
            "n": v.n,
            **({"distances": describe_distances(distances[v.subject])} if v.subject in distances else {}),
        }
        for v in verdicts
        if v.value is not None and not v.advisory
    ]
    return features, verdicts + judge_distances(distances, options)


def _constraints(baseline: Baseline | None) -> Constraints | None:
    return None if baseline is None else baseline.constraints
