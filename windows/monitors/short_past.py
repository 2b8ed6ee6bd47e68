# SPDX-License-Identifier: Apache-2.0
"""Whether a definition remembers enough past windows for what it asks of them."""

from __future__ import annotations

from windows.definition import ModelDefinition
from windows.monitors.anomaly import windows_needed
from windows.monitors.catalogue import monitor_alpha


def short_past(definition: ModelDefinition) -> str | None:
    """Say why the forest could never find a window that stands apart, None if it could or is not asked for.

    Examples
    --------
    >>> drift = {"anomaly": {"modes": ["random_cut_forest"], "windows": 100}}
    >>> short_past(ModelDefinition(model="m", monitors={"data_drift": drift}))
    'monitors.data_drift.anomaly.windows = 100: the forest cannot alarm within the budget before 166 past windows'
    """
    drift = definition.monitors.data_drift
    if not drift.enabled or "random_cut_forest" not in drift.anomaly.modes:
        return None
    alpha = monitor_alpha(definition, "data_drift")
    # Segments have half of the level.
    needed = windows_needed(drift, alpha / 2.0 if definition.segments else alpha)
    if drift.anomaly.windows >= needed:
        return None
    name = f"monitors.data_drift.anomaly.windows = {drift.anomaly.windows}"
    return f"{name}: the forest cannot alarm within the budget before {needed} past windows"
