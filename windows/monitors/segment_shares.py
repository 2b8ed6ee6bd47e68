# SPDX-License-Identifier: Apache-2.0
"""Data quality by segment: rows that fail a check, counted in the same cells as drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sketches.binned import BinnedSpec, BinnedState
from windows.baselines.baseline import Baseline
from windows.monitors.monitor import Judged, Terms
from windows.monitors.segments import UNREMARKABLE, Segment, judge_segments
from windows.monitors.settle import Draft
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
    options = profile.definition.monitors.data_quality
    plans = baseline.once((COMPLETENESS, options.outlier_z), partial(_plans, baseline, options.outlier_z))
    tests = partial(_tests, plans=plans, least=options.min_rows, terms=terms)
    return judge_segments(profile, baseline, terms, tests, prefix=SEGMENTS, check=COMPLETENESS, correct=holm)


Cells = tuple[int, int]
"""Where some neighbouring cells begin and end among those of all features."""


class _Check(NamedTuple):
    """What is counted of which feature: rows that fail, in two runs of cells, and rows that are looked at.

    Cells of values that came `once` in the whole baseline count as failing there: by Good and Turing's estimate, so
    many rows have values that it missed.
    """

    feature: str
    name: str
    failing: tuple[Cells, Cells]
    looked_at: Cells
    once: tuple[int, ...] = ()


class _Plan(NamedTuple):
    """The checks of some cells, and of each the runs of cells to add up: two that fail, one that is looked at."""

    checks: list[_Check]
    runs: NDArray[np.intp]


def _plans(baseline: Baseline, z: float) -> dict[BinnedSpec, _Plan]:
    """Find out what can be counted in the cells of a baseline's segments: the same for every window."""
    specs = {state.spec.inner for part, state in baseline.states.items() if part.startswith(SEGMENTS)}
    plans = {}
    for spec in specs:
        checks = list(_checks(spec, baseline, z))
        runs = np.array([(*check.failing, check.looked_at) for check in checks], dtype=np.intp)
        plans[spec] = _Plan(checks, runs.reshape(-1, 3, 2))
    return plans


def _checks(spec: BinnedSpec, baseline: Baseline, z: float) -> Iterator[_Check]:
    """List what can be counted in these cells, of all features that are judged."""
    constraints = {} if baseline.constraints is None else baseline.constraints.features
    edges, values = dict(spec.edges), dict(spec.categories)
    for name in spec.features:
        required = constraints.get(name)
        if required is None or not required.settings.evaluate:
            continue
        start, stop = spec.where(name)
        nowhere, other, missing = (stop, stop), (stop - 2, stop - 1), (stop - 1, stop)
        yield _Check(name, COMPLETENESS, (missing, nowhere), (start, stop))
        if name in values:
            # Of more values some have no cell, and are no news.
            feature = baseline.features.get(name)
            if required.domains is not None and set(required.domains) <= set(values[name]) and feature is not None:
                counts = feature.categories.counts()
                once = tuple(start + at for at, value in enumerate(values[name]) if counts.get(value) == 1)
                yield _Check(name, "categorical_values_check", (other, nowhere), (start, stop - 1), once)
            continue
        numeric = required.inferred_type in {"Integral", "Fractional"}
        if numeric:
            yield _Check(name, "data_type_check", (other, nowhere), (start, stop - 1))
        if required.non_negative and NEGATIVE in edges[name]:
            negative = start, start + 1 + edges[name].index(NEGATIVE)
            yield _Check(name, "non_negative_check", (negative, nowhere), (start, stop - 2))
        far = far_from(baseline.features[name].moments, z) if numeric and name in baseline.features else None
        if far is not None and set(far) <= set(edges[name]):
            low, high = (start + 1 + edges[name].index(edge) for edge in far)
            yield _Check(name, "outlying_values_check", ((start, low), (high, stop - 2)), (start, stop - 2))


def _tests(
    segment: Segment, _segments: int, *, plans: Mapping[BinnedSpec, _Plan], least: int, terms: Terms
) -> Iterator[Draft | Verdict]:
    if segment.rows < least:
        yield segment.verdict("*", COMPLETENESS, "insufficient", n=segment.rows, reason=f"needs {least} rows")
        return
    plan = plans[segment.was.spec]
    both = (_counted(state, plan.runs) for state in (segment.now, segment.was))
    for check, now, (failures, n) in zip(plan.checks, *both, strict=True):
        if check.feature != segment.column:
            was = failures + int(segment.was.counts[list(check.once)].sum()), n
            yield _drafted(segment, check, now, was, terms)


Failing = tuple[int, int]
"""Rows that fail, and rows looked at."""


def _counted(state: BinnedState, runs: NDArray[np.intp]) -> Iterator[Failing]:
    up_to = np.concatenate(([0], state.counts.cumsum()))
    rows = up_to[runs[..., 1]] - up_to[runs[..., 0]]
    return zip((rows[:, 0] + rows[:, 1]).tolist(), rows[:, 2].tolist(), strict=True)


def _drafted(segment: Segment, check: _Check, now: Failing, was: Failing, terms: Terms) -> Draft:
    (failures, n), (before, m) = now, was
    pvalue = failure_pvalue(failures, n, before, m)
    if not segment.remarkable(check.feature, check.name, pvalue, terms):
        return UNREMARKABLE
    passing, threshold = proportion(n - failures, n), 1.0 - before / max(m, 1)
    verdict = segment.verdict(
        check.feature,
        check.name,
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
