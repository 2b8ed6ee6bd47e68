# SPDX-License-Identifier: Apache-2.0
"""All monitors, in the order of their reports, and how the error budget is shared among them."""

from __future__ import annotations

from windows.definition import ModelDefinition
from windows.monitors.attribution_drift import report_attribution_drift
from windows.monitors.bias import CHECK as BIAS_CHECK
from windows.monitors.bias import report_bias, report_each_bias
from windows.monitors.custom import custom_monitors
from windows.monitors.each_segment import each_segment
from windows.monitors.embedding_drift import CHECK as EMBEDDING_CHECK
from windows.monitors.embedding_drift import report_embedding_drift
from windows.monitors.model_quality import report_model_quality
from windows.monitors.monitor import Monitor, one_by_one
from windows.monitors.reports import report_data_drift, report_data_quality
from windows.monitors.segment_shares import shares_by_segment
from windows.monitors.segment_tests import attributions_by_segment, drift_by_segment, quality_by_segment
from windows.partition.specs import ATTRIBUTIONS, BIAS, EMBEDDING, FEATURE, QUALITY, SAMPLE, is_explained, label_specs

SHARES = {"data_quality": 0.2, "data_drift": 0.3, "model_quality": 0.25, "outcome": 0.25, "custom": 0.25}


def _needs_features(_definition: ModelDefinition) -> tuple[str, ...]:
    return (FEATURE,)


def _model_quality_needs(definition: ModelDefinition) -> tuple[str, ...]:
    # Rows without a label are counted from the outputs.
    absent = definition.monitors.model_quality.absent_label is not None
    return (QUALITY, FEATURE) if absent else (QUALITY,)


def _embeddings(definition: ModelDefinition) -> tuple[str, ...]:
    return tuple(EMBEDDING + name for name in sorted(definition.monitors.embedding_drift.embeddings))


def _without_policy(definition: ModelDefinition) -> ModelDefinition:
    monitors = definition.monitors
    bias = monitors.bias.model_copy(update={"mode": "calibrated", "interval": "closed"})
    embeddings = monitors.embedding_drift.model_copy(update={"min_similarity": None})
    tested = monitors.model_copy(update={"bias": bias, "embedding_drift": embeddings})
    return definition.model_copy(update={"monitors": tested})


MONITORS = (
    Monitor(
        "data_quality",
        family="data_quality",
        of_labels=False,
        enabled=lambda definition: definition.monitors.data_quality.enabled,
        needs=_needs_features,
        judge=report_data_quality,
        by_segment=shares_by_segment,
    ),
    Monitor(
        "data_drift",
        family="data_drift",
        of_labels=False,
        enabled=lambda definition: definition.monitors.data_drift.enabled,
        needs=_needs_features,
        judge=report_data_drift,
        by_segment=drift_by_segment,
    ),
    Monitor(
        "model_quality",
        family="model_quality",
        of_labels=True,
        enabled=lambda definition: definition.monitors.model_quality.enabled and QUALITY in label_specs(definition),
        needs=_model_quality_needs,
        judge=report_model_quality,
        by_segment=quality_by_segment,
    ),
    Monitor(
        "bias",
        family="outcome",
        of_labels=True,
        enabled=lambda definition: BIAS in label_specs(definition),
        needs=lambda definition: (BIAS, SAMPLE) if definition.sample.enabled else (BIAS,),
        judge=report_bias,
        by_segment=each_segment(report_each_bias, lambda _: (BIAS,), BIAS_CHECK, _without_policy),
    ),
    Monitor(
        "attribution_drift",
        family="outcome",
        of_labels=False,
        enabled=lambda definition: definition.monitors.attribution_drift.enabled,
        needs=lambda definition: (SAMPLE,) if is_explained(definition) else (ATTRIBUTIONS,),
        judge=report_attribution_drift,
        by_segment=attributions_by_segment,
    ),
    Monitor(
        "embedding_drift",
        family="outcome",
        of_labels=False,
        enabled=lambda definition: bool(definition.monitors.embedding_drift.embeddings),
        needs=lambda _definition: (EMBEDDING,),
        judge=report_embedding_drift,
        by_segment=each_segment(one_by_one(report_embedding_drift), _embeddings, EMBEDDING_CHECK, _without_policy),
    ),
)


def enabled_monitors(definition: ModelDefinition) -> tuple[Monitor, ...]:
    """Give the monitors that judge a model, in the order of their reports.

    Examples
    --------
    >>> [monitor.name for monitor in enabled_monitors(ModelDefinition(model="churn"))]
    ['data_quality', 'data_drift']
    """
    return (*(monitor for monitor in MONITORS if monitor.enabled(definition)), *custom_monitors(definition))


def monitor_alpha(definition: ModelDefinition, monitor: str) -> float:
    """Give one monitor its part of the budget of one window.

    Families share the budget by their weights, the monitors of a family theirs equally.

    Parameters
    ----------
    definition : ModelDefinition
        Its `false_alarm_every` sets the budget of the whole model.
    monitor : str
        Name of an enabled monitor.

    Returns
    -------
    float
        Level of the family of the monitor's tests when it judges a window first.

    Examples
    --------
    >>> definition = ModelDefinition(model="churn", false_alarm_every=50)
    >>> round(monitor_alpha(definition, "data_quality"), 6), round(monitor_alpha(definition, "data_drift"), 6)
    (0.008, 0.012)
    """
    families = {enabled.name: enabled.family for enabled in enabled_monitors(definition)}
    mine = families[monitor]
    total = sum(SHARES[family] for family in set(families.values()))
    return SHARES[mine] / list(families.values()).count(mine) / total / definition.false_alarm_every
