# SPDX-License-Identifier: Apache-2.0
"""The attribution drift monitor: whether the predictions still rest on what they rested on in the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sketches.attributions import AttributionsState
from windows.baselines.attributions import (
    Importances,
    analysis_document,
    by_label,
    column_of,
    importances_of,
    read_analysis,
)
from windows.baselines.baseline import Baseline
from windows.monitors.drift_options import DriftOptions
from windows.monitors.monitor import Judged, Terms, no_baseline
from windows.monitors.numeric_drift import calibrated_drift
from windows.monitors.settle import Draft, settle
from windows.options import AttributionDrift
from windows.partition.specs import ATTRIBUTIONS
from windows.report import Verdict
from windows.statistics.correction import benjamini_hochberg
from windows.statistics.ks import ks_distance
from windows.statistics.ndcg import ndcg_estimate, share_change
from windows.window_profile import WindowProfile

MONITOR = "attribution_drift"
RANKING = "feature_attribution_drift_check"
DRIFT = "baseline_drift_check"
_NAMED = 10


def report_attribution_drift(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Compare the ranking of the features by importance with the baseline's, and each one's attributions.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    baseline : Baseline or None
        Its document says what was important, its state how each feature's attributions were distributed; an imported
        one has no state.
    terms : Terms
        Level of the tests of all features together (Benjamini-Hochberg); the rankings are held to a policy.

    Returns
    -------
    statistics : dict
        In the shape of a managed monitor's `analysis.json`, with scores and shares beside it.
    verdicts : list of Verdict
        `feature_attribution_drift_check` of every label, `baseline_drift_check` of every feature's attributions.
    """
    if ATTRIBUTIONS not in profile.states:
        reason = profile.unexplained or "this worker computes no attributions"
        return {"version": "1.0"}, [_insufficient("*", RANKING, "literal", reason, n=0)]
    state: AttributionsState = profile.states[ATTRIBUTIONS]
    options = profile.definition.monitors.attribution_drift
    live = importances_of(state)
    statistics = {**analysis_document(live), "dataset": {"item_count": state.n}}
    ours: dict[str, Any] = {"labels": {}}
    statistics["sketchwatch"] = ours
    if state.overflow:
        ours["refused_attributions"] = state.overflow
    if not live:
        return statistics, [_insufficient("*", RANKING, "literal", "no event of the window holds attributions", n=0)]
    if baseline is None or MONITOR not in baseline.documents:
        return statistics, no_baseline(RANKING, "attributions")
    known = _grouped(read_analysis(baseline.documents[MONITOR]), state)
    verdicts: list[Draft | Verdict] = []
    for label, importances in by_label(live, known).items():
        described, verdict = _ranking(label, live[label], importances, state, options)
        ours["labels"][label] = described
        verdicts.append(verdict)
    verdicts += [
        _insufficient(label, RANKING, "literal", "the baseline has no such label", n=0)
        for label in live
        if label not in ours["labels"]
    ]
    was = baseline.states.get(ATTRIBUTIONS)
    if was is not None:
        verdicts += _drafts(state, was, options)
    return statistics, settle(verdicts, benjamini_hochberg, terms.alpha, terms.earlier)


def _grouped(known: Importances, state: AttributionsState) -> Importances:
    """Sum the importances of encoded features where the window knows their attribute only."""
    grouped: Importances = {}
    for label, importances in known.items():
        sums: dict[str, float] = {}
        for name, value in importances.items():
            # An attribute may be called like one of its features.
            owner = name if column_of(label, name) in state.columns else state.spec.attribute_of(name)
            sums[owner] = sums.get(owner, 0.0) + value
        grouped[label] = sums
    return grouped


def _ranking(
    label: str,
    live: Mapping[str, float],
    importances: Mapping[str, float],
    state: AttributionsState,
    options: AttributionDrift,
) -> tuple[dict[str, Any], Verdict]:
    """Score one label's ranking."""
    # Of features that are equally important live, those that were more important come first.
    names = sorted(importances, key=lambda name: -importances[name]) + sorted(live.keys() - importances.keys())
    columns = [state.columns.get(column_of(label, name)) for name in names]
    nothing = np.zeros(state.spec.groups)
    rows = np.array([nothing if column is None else column.rows for column in columns])
    absolute = np.array([nothing if column is None else column.absolute for column in columns])
    was = [importances.get(name, 0.0) for name in names]
    now = [live.get(name, 0.0) for name in names]
    score = ndcg_estimate(was, rows, absolute)
    n = int(rows.sum(axis=1).max())
    described = {
        "ndcg": score.value,
        "interval": None if score.interval is None else list(score.interval),
        "share_change": share_change(was, now),
        "item_count": n,
        "features": _moved(names, was, now),
    }
    if n < options.min_rows:
        return described, _insufficient(label, RANKING, "literal", f"{n} rows, needs {options.min_rows}", n=n)
    if not score.defined:
        reason = "no feature has any importance in the baseline or in the window"
        return described, _insufficient(label, RANKING, "literal", reason, n=n)
    return described, Verdict(
        label,
        RANKING,
        "literal",
        "violation" if score.value < options.min_ndcg else "ok",
        "ndcg",
        score.value,
        threshold=options.min_ndcg,
        interval=score.interval,
        n=n,
        description=f"Feature attribution drift {score.value:.6g} exceeds threshold {options.min_ndcg:.6g}",
    )


def _moved(names: list[str], was: list[float], now: list[float]) -> list[dict[str, Any]]:
    """Describe the features whose shares of all importance changed most."""
    shares = [[value / (sum(side) or 1.0) for value in side] for side in (was, now)]
    order = sorted(range(len(names)), key=lambda i: -abs(shares[1][i] - shares[0][i]))
    return [{"name": names[i], "share": shares[1][i], "baseline_share": shares[0][i]} for i in order[:_NAMED]]


def _drafts(state: AttributionsState, was: AttributionsState, options: AttributionDrift) -> list[Draft | Verdict]:
    """Test the distribution of every attribute's own attributions, which changes where no ranking does."""
    rule = DriftOptions(min_distance=options.min_distance, tests=len(was.columns))
    drafts: list[Draft | Verdict] = []
    for name, before in sorted(was.columns.items()):
        subject = f"attributions.{name}"
        window = state.columns.get(name)
        n = 0 if window is None else window.n
        if window is None or n < options.min_rows:
            reason = f"{n} values, needs {options.min_rows}"
            drafts.append(_insufficient(subject, DRIFT, "calibrated", reason, n=n))
        else:
            distance = ks_distance(window.quantiles, before.quantiles)
            drafts.append(calibrated_drift(subject, distance, n, before.n, rule))
    return drafts


def _insufficient(subject: str, check: str, mode: str, reason: str, *, n: int) -> Verdict:
    return Verdict(subject, check, mode, "insufficient", n=n, reason=reason)
