# SPDX-License-Identifier: Apache-2.0
"""Data quality by segment: rows that fail a check, counted in the same cells as drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from sketches.binned import BinnedState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import FeatureConstraints
from windows.monitors.monitor import Judged, Terms
from windows.monitors.segments import UNREMARKABLE, Segment, judge_segments
from windows.monitors.settle import Draft
from windows.options import DataQuality
from windows.partition.specs import SEGMENTS
from windows.report import Verdict
from windows.statistics.correction import holm
from windows.statistics.intervals import proportion
from windows.statistics.limits import NEGATIVE, far_from
from windows.statistics.tail import failure_pvalue
from windows.window_profile import WindowProfile

COMPLETENESS = "completeness_check"


def shares_by_segment(profile: WindowProfile, baseline: Baseline, terms: Terms) -> Judged:
    """Hold the rows of each segment that fail a check against those of the same segment of the baseline.

    Missing values and values of another type are counted, categories by those that have a cell, negative and outlying
    numbers where the baseline's cells end at these limits.
    """
    constraints = {} if baseline.constraints is None else baseline.constraints.features
    watched = {name: required for name, required in constraints.items() if required.settings.evaluate}
    options = profile.definition.monitors.data_quality
    tests = partial(_tests, watched=watched, baseline=baseline, options=options, terms=terms)
    return judge_segments(profile, baseline, terms, tests, prefix=SEGMENTS, check=COMPLETENESS, correct=holm)


def _tests(
    segment: Segment,
    _segments: int,
    *,
    watched: Mapping[str, FeatureConstraints],
    baseline: Baseline,
    options: DataQuality,
    terms: Terms,
) -> Iterator[Draft | Verdict]:
    if segment.rows < options.min_rows:
        reason = f"needs {options.min_rows} rows"
        yield segment.verdict("*", COMPLETENESS, "insufficient", n=segment.rows, reason=reason)
        return
    for name in segment.now.spec.features:
        required = watched.get(name)
        if required is None or name == segment.column:
            continue
        for check, counted in _failures(segment, required, baseline, options):
            yield _drafted(segment, name, check, counted, terms)


Failing = tuple[int, int]
"""Rows that fail, and rows looked at."""


def _failures(
    segment: Segment, required: FeatureConstraints, baseline: Baseline, options: DataQuality
) -> Iterator[tuple[str, tuple[Failing, Failing]]]:
    """Count what fails each check of a feature, in the window and in the baseline."""
    name, both = required.name, (segment.now, segment.was)
    yield COMPLETENESS, _pair((state.missing(name), state.n) for state in both)
    others = _pair((state.other(name), state.n - state.missing(name)) for state in both)
    if (values := dict(segment.now.spec.categories).get(name)) is not None:
        # Of more values some have no cell, and are no news.
        if required.domains is not None and set(required.domains) <= set(values):
            yield "categorical_values_check", others
        return
    edges = dict(segment.now.spec.edges)[name]
    if required.inferred_type != "Unknown":
        yield "data_type_check", others
    if required.non_negative and NEGATIVE in edges:
        below = edges.index(NEGATIVE)
        yield "non_negative_check", _pair(_outside(state, name, below, len(edges)) for state in both)
    far = far_from(baseline.features[name].moments, options.outlier_z)
    if far is not None and far[0] in edges and far[1] in edges:
        low, high = map(edges.index, far)
        yield "outlying_values_check", _pair(_outside(state, name, low, high) for state in both)


def _pair(counted: Iterator[Failing]) -> tuple[Failing, Failing]:
    now, was = counted
    return now, was


def _outside(state: BinnedState, name: str, low: int, high: int) -> Failing:
    """Count the numbers up to the edge number `low` and above the edge number `high`."""
    cells = state.of(name)
    return int(cells[: low + 1].sum() + cells[high + 1 :].sum()), int(cells.sum())


def _drafted(segment: Segment, name: str, check: str, counted: tuple[Failing, Failing], terms: Terms) -> Draft:
    (failures, n), (before, m) = counted
    pvalue = failure_pvalue(failures, n, before, m)
    if not segment.remarkable(name, check, pvalue, terms):
        return UNREMARKABLE
    passing, threshold = proportion(n - failures, n), 1.0 - before / max(m, 1)
    verdict = segment.verdict(
        name,
        check,
        statistic="share",
        value=passing.value,
        threshold=threshold,
        pvalue=pvalue,
        interval=passing.interval,
        n=n,
        baseline_n=m,
        description=f"Value: {passing.value} does not meet the constraint requirement! In the baseline: {threshold}",
    )
    return Draft(verdict)
