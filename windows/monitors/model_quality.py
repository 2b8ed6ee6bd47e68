# SPDX-License-Identifier: Apache-2.0
"""The model quality monitor: whether predictions are as good as they were on the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from windows.baselines.baseline import Baseline
from windows.baselines.quality_constraints import MetricConstraint, QualityConstraints, operator_of
from windows.monitors.monitor import Judged, Terms, no_baseline
from windows.monitors.settle import NEVER, Draft, Earlier, beside, settle
from windows.options import ModelQuality
from windows.partition.specs import QUALITY
from windows.quality.problems import problem_of
from windows.report import Verdict, iso
from windows.statistics.correction import holm
from windows.statistics.intervals import Estimate
from windows.window_profile import WindowProfile

Samples = tuple[Any, Any]


def report_model_quality(profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Estimate the metrics of a window's labelled predictions, and hold them against the baseline's."""
    options = profile.definition.monitors.model_quality
    profile = with_absent_labels(profile)
    quality = profile.quality
    problem = problem_of(quality)
    measured = problem.measure(quality, options.interval, terms.rng)
    dataset = {
        "item_count": problem.count(quality),
        "start_time": iso(profile.window_start_ms),
        "end_time": iso(profile.window_end_ms),
        "label_coverage": profile.labelled / profile.rows if profile.rows else 0.0,
        "unpredicted": quality.unpredicted,
    }
    statistics = {"version": 0.0, "dataset": dataset, f"{problem.name}_metrics": measured.described}
    if baseline is None or baseline.quality_constraints is None:
        return statistics, no_baseline("model_quality", "model quality")
    return statistics, judge_model_quality(
        profile, measured.metrics, baseline, baseline.quality_constraints, alpha=terms.alpha, earlier=terms.earlier
    )


def with_absent_labels(profile: WindowProfile) -> WindowProfile:
    """Count rows that no label came for as the class a definition says it means; before the horizon, none."""
    absent_label = profile.definition.monitors.model_quality.absent_label
    count = problem_of(profile.quality).count_absent
    if absent_label is None or count is None or not profile.labels_closed or profile.last_rows is not None:
        return profile
    quality = count(profile.quality, profile.profile, absent_label)
    return replace(profile, states={**profile.states, QUALITY: quality}, labelled=max(profile.labelled, quality.n))


def judge_model_quality(
    profile: WindowProfile,
    metrics: Mapping[str, Estimate],
    baseline: Baseline,
    constraints: QualityConstraints,
    *,
    alpha: float,
    earlier: Earlier = NEVER,
) -> list[Verdict]:
    """Hold every metric of a window against its constraint.

    Parameters
    ----------
    profile : WindowProfile
        The window; nothing is judged before its labels are closed, or while too few arrived.
    metrics : mapping of str to Estimate
        The window's metrics, of the problem that its quality is of.
    baseline : Baseline
        Its counts are the other sample of the calibrated tests.
    constraints : QualityConstraints
        What is required.
    alpha : float
        Level of all tests together (Holm).
    earlier : Earlier
        What was said of this window before.

    Returns
    -------
    list of Verdict
        One a metric, its check named after the comparison operator; beside a literal one the calibrated, advisory.
    """
    options = profile.definition.monitors.model_quality
    kept_back = withheld(profile, options)
    if kept_back is not None:
        return [
            _verdict(name, limit, metrics.get(name), options.mode, outcome=kept_back[0], reason=kept_back[1])
            for name, limit in constraints.metrics.items()
        ]
    drafts: list[Draft | Verdict] = []
    for name, limit in constraints.metrics.items():
        mode = _mode(limit, options, constraints)
        drafts += _metric(name, limit, mode, metrics.get(name), (profile.quality, baseline.quality))
    return settle(drafts, holm, alpha, earlier)


def withheld(profile: WindowProfile, options: ModelQuality) -> tuple[str, str] | None:
    """Give outcome and reason where no metric may be judged yet, None where it may."""
    if not profile.labels_closed:
        return "skipped", "labels may still arrive: the label horizon has not passed"
    if profile.labelled < options.min_rows:
        return "insufficient", f"{profile.labelled} labelled rows, needs {options.min_rows}"
    coverage = profile.labelled / profile.rows if profile.rows else 0.0
    if coverage < options.min_coverage:
        return "insufficient", f"label coverage {coverage:.3f}, needs {options.min_coverage}"
    return None


def _metric(
    name: str, limit: MetricConstraint, mode: str, estimate: Estimate | None, samples: Samples
) -> list[Draft | Verdict]:
    """The verdict that counts, and beside a literal one the calibrated verdict."""
    if estimate is None:
        return [_verdict(name, limit, None, mode, outcome="skipped", reason="no such metric")]
    if not estimate.defined:
        reason = problem_of(samples[0]).why_undefined(samples[0])
        return [_verdict(name, limit, estimate, mode, outcome="insufficient", reason=reason)]
    calibrated = _calibrated(name, limit, estimate, samples)
    if mode == "calibrated":
        return [calibrated]
    if mode != "literal" and estimate.interval is None:
        reason = "the metric has no standard deviation"
        literal = _verdict(name, limit, estimate, mode, outcome="insufficient", reason=reason)
    else:
        literal = _verdict(name, limit, estimate, mode, outcome="violation" if _beyond(estimate, limit, mode) else "ok")
    return [literal, beside(calibrated)]


def _mode(limit: MetricConstraint, options: ModelQuality, constraints: QualityConstraints) -> str:
    """The definition's mode, unless a person set the threshold: then it is meant literally."""
    if options.mode != "calibrated" or not limit.edited:
        return options.mode
    return "literal" if constraints.suggested else "one_sd"


def _beyond(estimate: Estimate, limit: MetricConstraint, mode: str) -> bool:
    """Whether a metric is on the wrong side of its threshold, by the margin the mode gives it."""
    if mode == "interval":
        best = estimate.low if limit.sign > 0 else estimate.high
        return limit.sign * (best - limit.threshold) > 0.0
    margin = estimate.sd if mode == "one_sd" else 0.0
    return limit.sign * (estimate.value - limit.threshold) > margin


def _calibrated(name: str, limit: MetricConstraint, estimate: Estimate, samples: Samples) -> Draft | Verdict:
    window, baseline = samples
    problem = problem_of(window)
    verdict = _verdict(name, limit, estimate, "calibrated")
    if limit.operator != operator_of(name):
        return verdict._replace(outcome="skipped", reason=f"tested against {operator_of(name)} only", description="")
    if name in problem.twins:
        return verdict._replace(outcome="skipped", reason=f"decided by {problem.twins[name]}", description="")
    if baseline is None or type(baseline.spec) is not problem.spec:
        return verdict._replace(outcome="insufficient", reason="the baseline has no quality counts", description="")
    pvalue = problem.pvalue(name, window, baseline)
    if pvalue is None:
        return verdict._replace(outcome="insufficient", reason=problem.why_undefined(window, baseline), description="")
    return Draft(verdict._replace(pvalue=pvalue, baseline_n=problem.count(baseline)))


def _verdict(
    name: str,
    limit: MetricConstraint,
    estimate: Estimate | None,
    mode: str,
    *,
    outcome: str = "ok",
    reason: str | None = None,
) -> Verdict:
    known = estimate is not None and estimate.defined
    value = estimate.value if known and estimate is not None else None
    return Verdict(
        name,
        limit.operator,
        mode,
        outcome,  # type: ignore[arg-type]
        name,
        value,
        None if estimate is None or math.isnan(estimate.sd) else estimate.sd,
        limit.threshold,
        interval=None if estimate is None else estimate.interval,
        n=None if estimate is None else estimate.n,
        reason=reason,
        description=""
        if value is None
        else f"Metric {name} with {value:.6g} was {limit.operator} {limit.threshold:.6g}",
    )
