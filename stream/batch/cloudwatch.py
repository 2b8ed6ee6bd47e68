# SPDX-License-Identifier: Apache-2.0
"""Metrics of a job in the file form that a managed monitor's platform publishes, formats 1.10."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windows.report import Report, iso
from windows.violation_files import DRIFT
from windows.window_profile import WindowProfile

_LARGEST = 2.348543e108
"""What infinity is sent as."""


def metric_lines(window: WindowProfile, reports: Iterable[Report], dimensions: Mapping[str, str]) -> Iterator[str]:
    """Write metrics as JSON objects, one a line.

    Parameters
    ----------
    window : WindowProfile
        What was judged.
    reports : iterable of Report
        What was said of it.
    dimensions : mapping of str to str
        Endpoint and schedule.

    Examples
    --------
    >>> from windows.data_set import window_of_rows
    >>> from windows.definition import ModelDefinition
    >>> list(metric_lines(window_of_rows([], ModelDefinition(model="m")), [], {}))
    []
    """
    shared, at = _dimensions(dimensions), iso(window.window_end_ms)
    for report in reports:
        for metric in _METRICS.get(report.monitor, _none)(window, report):
            own = metric.get("Dimensions", [])
            yield json.dumps(metric | {"Dimensions": shared + own, "Timestamp": at}, allow_nan=False)


def _none(_window: WindowProfile, _report: Report) -> Iterator[dict[str, Any]]:
    return iter(())


def _data(window: WindowProfile, _report: Report) -> Iterator[dict[str, Any]]:
    for name, feature in sorted(window.profile.features.items()):
        present, moments = feature.types.n - feature.types.missing, feature.moments
        if moments.n:
            statistics = {
                "Maximum": _finite(moments.maximum),
                "Minimum": _finite(moments.minimum),
                "SampleCount": moments.n,
                "Sum": _finite(moments.sum),
            }
            yield {"MetricName": f"feature_data_{name}", "StatisticValues": statistics}
        yield {"MetricName": f"feature_non_null_{name}", "Value": float(present)}


def _drift(_window: WindowProfile, report: Report) -> Iterator[dict[str, Any]]:
    for verdict in report.verdicts:
        if verdict.check == DRIFT and not verdict.advisory and verdict.value is not None:
            yield {"MetricName": f"feature_baseline_drift_{verdict.subject}", "Value": _finite(verdict.value)}


def _quality(_window: WindowProfile, report: Report) -> Iterator[dict[str, Any]]:
    for block in (value for name, value in report.statistics.items() if name.endswith("_metrics")):
        for name, metric in block.items():
            value = metric.get("value") if isinstance(metric, dict) else None
            if isinstance(value, float | int) and not math.isnan(value):
                yield {"MetricName": name, "Value": _finite(float(value))}


def _bias(_window: WindowProfile, report: Report) -> Iterator[dict[str, Any]]:
    for stage in ("pre_training", "post_training"):
        held = report.statistics.get(f"{stage}_bias_metrics", {})
        for facet, entries in held.get("facets", {}).items():
            for entry in entries:
                named = {
                    "BiasStage": "Pre-training" if stage == "pre_training" else "Post-Training",
                    "Label": held.get("label", ""),
                    "LabelValue": held.get("label_value_or_threshold", ""),
                    "Facet": facet,
                    "FacetValue": entry["value_or_threshold"],
                }
                for metric in entry["metrics"]:
                    value = math.nan if metric.get("value") is None else float(metric["value"])
                    if not math.isnan(value):
                        said = {"MetricName": f"bias_metric_{metric['name']}", "Value": _finite(value)}
                        yield said | {"Dimensions": _dimensions(named)}


_METRICS = {"data_quality": _data, "data_drift": _drift, "model_quality": _quality, "bias": _bias}


def _dimensions(named: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": str(value)} for name, value in named.items() if value]


def _finite(value: float) -> float:
    return math.copysign(_LARGEST, value) if math.isinf(value) else value
