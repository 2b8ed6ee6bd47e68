# SPDX-License-Identifier: Apache-2.0
"""The error budget: how likely a healthy window of a whole model may alarm, and how that is shared out."""

from __future__ import annotations

from windows.definition import ModelDefinition

SHARES = {"data_quality": 0.2, "data_drift": 0.3, "model_quality": 0.25}


def enabled_monitors(definition: ModelDefinition) -> tuple[str, ...]:
    """Name the monitors that judge this model, in the order of their reports.

    Examples
    --------
    >>> enabled_monitors(ModelDefinition(model="churn"))
    ('data_quality', 'data_drift')
    """
    monitors = definition.monitors
    enabled = {
        "data_quality": monitors.data_quality.enabled,
        "data_drift": monitors.data_drift.enabled,
        "model_quality": monitors.model_quality.enabled and definition.problem_type is not None,
    }
    return tuple(name for name in SHARES if enabled[name])


def monitor_alpha(definition: ModelDefinition, monitor: str) -> float:
    """Give one monitor its part of the budget of one window.

    Parameters
    ----------
    definition : ModelDefinition
        Its `false_alarm_every` sets the budget of the whole model.
    monitor : str
        An enabled monitor.

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
    total = sum(SHARES[name] for name in enabled_monitors(definition))
    return SHARES[monitor] / total / definition.false_alarm_every
