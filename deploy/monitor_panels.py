# SPDX-License-Identifier: Apache-2.0
"""Rows of the dashboard for monitors that a definition asks for: early warnings, distances, bias, outcomes."""

from __future__ import annotations

from deploy.panel import DISTANCE, FEATURE, MODEL, Panel, Query

FURTHER = f'monitor="data_drift", statistic=~"jensen_shannon|hellinger|psi|wasserstein", {FEATURE}'
TESTED = 'statistic!~"jensen_shannon|hellinger|psi|wasserstein|z_score|random_cut_forest"'
BIAS = f'monitor="bias", {MODEL}'
FACET = f'{BIAS}, feature="$facet", statistic="$bias"'
ATTRIBUTIONS = f'monitor="attribution_drift", {MODEL}'
EMBEDDINGS = f'monitor="embedding_drift", {MODEL}'


def _allowed(sign: str) -> str:
    """One end of the range that is as far from parity as the baseline: parity of a ratio is 1, of a difference 0."""
    difference, ratio = (
        f'max(sketchwatch_verdict_threshold{{{FACET}, statistic{operator}"DI"}})' for operator in ("!=", "=")
    )
    return f"{sign}abs({difference}) or exp({sign}abs(ln({ratio})))"


EARLY_ROW = (
    Panel(
        "status-history",
        "Early warnings",
        "Features warned of while their window was open, by the power of ten of the evidence: 2, where a warning "
        "begins by default, is reached by one window in a hundred without a change.",
        (
            Query(
                "max by (feature) (log10(max_over_time("
                f"sketchwatch_early_warning_evidence{{{FEATURE}}}[$__interval])))",
                "{{feature}}",
            ),
        ),
        width=12,
        steps=(("yellow", None), ("orange", 4), ("red", 8)),
        decimals=0,
        points=24,
    ),
    Panel(
        "timeseries",
        "Further distances",
        "Those a definition sets thresholds for, less what they would be without a change.",
        (
            Query(
                f"max by (feature, statistic) (sketchwatch_verdict_value{{{FURTHER}}})",
                "{{feature}} {{statistic}}",
            ),
            Query(
                f"max by (statistic) (sketchwatch_verdict_threshold{{{FURTHER}}})",
                "threshold of {{statistic}}",
            ),
        ),
        width=12,
    ),
)

BIAS_ROW = (
    Panel(
        "timeseries",
        "$bias of $facet with its 95 % interval",
        "Beside the baseline's value, and the range as far from parity as that: a literal check is violated where the "
        "interval and the range do not meet, a calibrated one where the change cannot be chance.",
        (
            Query(f"max(sketchwatch_verdict_lower{{{FACET}}})", "lower"),
            Query(f"max(sketchwatch_verdict_upper{{{FACET}}})", "upper"),
            Query(f"max(sketchwatch_verdict_value{{{FACET}}})", "$bias"),
            Query(f"max(sketchwatch_verdict_threshold{{{FACET}}})", "baseline"),
            Query(_allowed("-"), "allowed from"),
            Query(_allowed(""), "allowed to"),
        ),
        width=12,
        height=10,
        band=("lower", "upper"),
    ),
    Panel(
        "table",
        "Bias of the newest window, violated first",
        "Every metric of every facet value, with its 95 % interval and the baseline's value.",
        tuple(
            Query(f"max by (model, feature, statistic) (sketchwatch_verdict_{name}{{{BIAS}}})")
            for name in ("violating", "value", "lower", "upper", "threshold")
        ),
        width=12,
        height=10,
        columns=("violated", "value", "lower", "upper", "baseline"),
    ),
)

OUTCOME_ROW = (
    Panel(
        "timeseries",
        "Ranking of the attributions",
        "NDCG against the baseline's ranking, by predicted class: 1 is the same order of importance.",
        (
            Query(
                f'max by (model, feature) (sketchwatch_verdict_value{{{ATTRIBUTIONS}, statistic="ndcg"}})',
                "{{model}} {{feature}}",
            ),
            Query(f'max(sketchwatch_verdict_threshold{{{ATTRIBUTIONS}, statistic="ndcg"}})', "threshold"),
        ),
        height=10,
        most=1,
    ),
    Panel(
        "status-history",
        "Drift of each feature's attributions",
        "Distance of a feature's own attributions from the baseline's, which no ranking tells.",
        (
            Query(
                "max by (feature) (max_over_time("
                f'sketchwatch_verdict_value{{{ATTRIBUTIONS}, statistic!="ndcg"}}[$__interval]))',
                "{{feature}}",
            ),
        ),
        height=10,
        steps=DISTANCE,
        decimals=2,
        points=24,
    ),
    Panel(
        "timeseries",
        "Embeddings against the baseline",
        "Shift of the mean direction in deviations of the baseline, or where a definition requires one the similarity.",
        (
            Query(
                f"max by (feature, statistic) (sketchwatch_verdict_value{{{EMBEDDINGS}}})", "{{feature}} {{statistic}}"
            ),
            Query(f"max by (statistic) (sketchwatch_verdict_threshold{{{EMBEDDINGS}}})", "threshold of {{statistic}}"),
        ),
        height=10,
    ),
)
