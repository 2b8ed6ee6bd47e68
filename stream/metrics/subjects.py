# SPDX-License-Identifier: Apache-2.0
"""Which verdicts get a series, and under which labels: names from messages never multiply them."""

from __future__ import annotations

from collections.abc import Iterator

from windows.report import Report, Verdict
from windows.statistics.bias_metrics import BIAS_METRICS

OTHER = "(other)"
"""Stands for every feature beyond the cap; no model or feature can be called so by a definition."""

_ANY_COLUMN = ("extra_column_check", "anomaly_check")
"""Checks of columns that no baseline need know."""


class FeatureCap:
    """Admit the first features of each scope, so that names from messages cannot grow the label set.

    Parameters
    ----------
    limit : int
        Features of one scope that get series of their own.

    Examples
    --------
    >>> cap, scope = FeatureCap(limit=1), ("adult", "1", "data_drift")
    >>> cap.admits(scope, "age"), cap.admits(scope, "hours"), cap.admits(scope, "age")
    (True, False, True)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._admitted: dict[tuple[str, ...], set[str]] = {}

    def admits(self, scope: tuple[str, ...], feature: str, *, new: bool = True) -> bool:
        """Say whether a feature has, or unless `new` is false now gets, a label of its own."""
        admitted = self._admitted.setdefault(scope, set())
        if new and feature not in admitted and len(admitted) < self.limit:
            admitted.add(feature)
        return feature in admitted


def shown(report: Report) -> Iterator[Verdict]:
    """Verdicts worth a series: they say something, are not skipped and do not stand beside another one.

    A facet value that the baseline does not know comes from messages; none of its metrics is ever decided.
    """
    for verdict in report.verdicts:
        said = decided(verdict) or (verdict.value is not None and verdict.facet is None)
        if said and not (verdict.advisory or verdict.outcome == "skipped"):
            yield verdict


def decided(verdict: Verdict) -> bool:
    """Whether there were data enough to say yes or no."""
    return verdict.outcome != "insufficient"


def subject_labels(cap: FeatureCap, model: str, version: str, monitor: str, verdict: Verdict) -> tuple[str, str]:
    """Labels `feature` and `statistic` of a verdict.

    A feature has one drift verdict, told by its statistic, and many shares, each told by its check. A model-quality
    metric is a statistic of no feature, a bias metric one of a facet's value. Features of one monitor are capped
    together, and segments apart from them: there may be many times as many.

    Examples
    --------
    >>> verdict = Verdict("DPL sex=F", "bias_drift_check", "literal", "ok", "DPL", facet="sex", facet_value="F")
    >>> subject_labels(FeatureCap(limit=1), "adult", "1", "bias", verdict)
    ('sex=F', 'DPL')
    """
    feature, statistic = _named(monitor, verdict)
    scope = (model, version, monitor, "segments" if verdict.segment is not None else "")
    known = feature in {"", "*"} or cap.admits(scope, feature, new=verdict.check not in _ANY_COLUMN)
    return feature if known else OTHER, statistic


def _segment(verdict: Verdict) -> str:
    return "" if verdict.segment is None else f"[{verdict.segment}={verdict.segment_value}]"


def _named(monitor: str, verdict: Verdict) -> tuple[str, str]:
    if verdict.facet is not None:
        metric = BIAS_METRICS.get(verdict.statistic)
        of_everybody = metric is not None and metric.of_everybody
        value = "*" if of_everybody else f"{verdict.facet}={verdict.facet_value}"
        return value + _segment(verdict), verdict.statistic
    if monitor == "model_quality" and verdict.segment is not None:
        return f"{verdict.segment}={verdict.segment_value}", verdict.statistic
    if monitor == "model_quality":
        return "", verdict.subject
    if verdict.check == "anomaly_check":
        # The statistic is the most surprising one of many, and another in every window.
        return verdict.subject, verdict.mode
    share = verdict.statistic in {"", "share"}
    return verdict.subject, verdict.check.removesuffix("_check") if share else verdict.statistic
