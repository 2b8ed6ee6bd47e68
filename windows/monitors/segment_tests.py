# SPDX-License-Identifier: Apache-2.0
"""What is tested of each segment: the distribution of features, and the quality of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from sketches.attributions import PREFIX
from windows.baselines.baseline import Baseline
from windows.baselines.quality_constraints import operator_of
from windows.monitors.data_drift import CHECK
from windows.monitors.model_quality import withheld
from windows.monitors.monitor import Judged, Terms
from windows.monitors.numeric_drift import drift_text
from windows.monitors.segments import UNREMARKABLE, Segment, judge_segments
from windows.monitors.settle import Draft
from windows.partition.specs import ATTRIBUTIONS, SEGMENT_QUALITY, SEGMENTS, is_explained
from windows.quality.problems import problem_of
from windows.report import Verdict
from windows.statistics.chi_square import homogeneity
from windows.statistics.correction import benjamini_hochberg, holm
from windows.statistics.ks import KsDistance, conditional_pvalue, distance_interval
from windows.statistics.l_infinity import categorical_distance
from windows.window_profile import WindowProfile

QUALITY = "model_quality"
_OTHER = "\0other"


def drift_by_segment(profile: WindowProfile, baseline: Baseline, terms: Terms) -> Judged:
    """Compare the distribution of each feature in each segment with the baseline's, by exact counts in its cells."""
    options = profile.definition.monitors.data_drift
    watched = _watched(baseline)
    tests = partial(_drift, watched=watched, least=options.min_rows, min_distance=options.min_distance, terms=terms)
    return judge_segments(profile, baseline, terms, tests, prefix=SEGMENTS, check=CHECK, correct=benjamini_hochberg)


def attributions_by_segment(profile: WindowProfile, baseline: Baseline, terms: Terms) -> Judged:
    """Compare the distribution of each feature's attributions in each segment, by exact counts in cells."""
    options = profile.definition.monitors.attribution_drift
    was = baseline.states.get(ATTRIBUTIONS)
    if is_explained(profile.definition) or was is None:
        reason = "the baseline has no sketches of attributions" if was is None else "attributions are of a sample only"
        return {}, [Verdict("*[segments]", CHECK, "calibrated", "insufficient", reason=reason)]
    watched = frozenset(PREFIX + name for name in was.columns)
    cells = [state.spec.inner for part, state in baseline.states.items() if part.startswith(SEGMENTS)]
    if cells and not any(watched & set(spec.features) for spec in cells):
        reason = "the baseline's segments have no cells of attributions: suggest it again"
        return {}, [Verdict("*[segments]", CHECK, "calibrated", "insufficient", reason=reason)]
    tests = partial(_drift, watched=watched, least=options.min_rows, min_distance=options.min_distance, terms=terms)
    return judge_segments(profile, baseline, terms, tests, prefix=SEGMENTS, check=CHECK, correct=benjamini_hochberg)


def quality_by_segment(profile: WindowProfile, baseline: Baseline, terms: Terms) -> Judged:
    """Hold the metrics of each segment's labelled predictions against those of the same segment of the baseline."""
    options = profile.definition.monitors.model_quality
    if profile.last_rows is not None:
        return {}, []
    if options.absent_label is not None:
        reason = "rows without a label stand for a class, and have no segment"
        return {}, [Verdict("*[segments]", QUALITY, "calibrated", "insufficient", reason=reason)]
    if (kept_back := withheld(profile, options)) is not None:
        outcome, reason = kept_back
        return {}, [Verdict("*[segments]", QUALITY, "calibrated", outcome, reason=reason)]  # type: ignore[arg-type]
    tests = partial(_quality, least=options.min_rows, terms=terms)
    return judge_segments(profile, baseline, terms, tests, prefix=SEGMENT_QUALITY, check=QUALITY, correct=holm)


def _watched(baseline: Baseline) -> frozenset[str]:
    constraints = () if baseline.constraints is None else baseline.constraints.features.items()
    return frozenset(name for name, c in constraints if c.settings.evaluate and c.settings.compare)


def _features(segment: Segment, watched: frozenset[str]) -> Iterator[str]:
    """Features that are judged, but for the one that parts the rows."""
    return (name for name in segment.now.spec.features if name in watched and name != segment.column)


def _drift(
    segment: Segment, segments: int, *, watched: frozenset[str], least: int, min_distance: float, terms: Terms
) -> Iterator[Draft | Verdict]:
    if segment.rows < least:
        yield segment.verdict("*", CHECK, "insufficient", n=segment.rows, reason=f"needs {least} rows")
        return
    numbers = _numbers(segment, watched, segments * max(len(watched), 1))
    values = dict(segment.now.spec.categories)
    for name in _features(segment, watched):
        compare = _categories(segment, name, values[name]) if name in values else numbers.get(name)
        if compare is None:
            continue
        if segment.remarkable(name, CHECK, compare.pvalue, terms):
            yield _drafted(segment, name, compare, min_distance)
        else:
            yield UNREMARKABLE


class _Comparison(NamedTuple):
    statistic: str
    distance: float
    pvalue: float
    n: int
    m: int


def _numbers(segment: Segment, watched: frozenset[str], tests: int) -> dict[str, _Comparison]:
    """The largest gap at the edges is at most the distance of the distributions, and exact."""
    names = [name for name, _ in segment.now.spec.edges]
    if not names:
        return {}
    now, was = segment.now.cumulative(), segment.was.cumulative()
    gaps = np.abs(now / np.maximum(now[:, -1:], 1) - was / np.maximum(was[:, -1:], 1)).max(axis=1)
    compared = zip(names, gaps.tolist(), now[:, -1].tolist(), was[:, -1].tolist(), strict=True)
    return {
        name: _Comparison("ks", gap, conditional_pvalue(_exact(gap), n, m, tests), n, m)
        for name, gap, n, m in compared
        if n and m and name in watched
    }


def _categories(segment: Segment, name: str, values: Sequence[str]) -> _Comparison | None:
    now, was = ([*state.of(name).tolist(), state.other(name)] for state in (segment.now, segment.was))
    n, m = sum(now), sum(was)
    if not n or not m:
        return None
    named = (*values, _OTHER)
    window, before = ({v: c for v, c in zip(named, side, strict=True) if c} for side in (now, was))
    gap, _ = categorical_distance(window, before, n, m)
    return _Comparison("chi_square", gap, homogeneity(window, before).pvalue, n, m)


def _exact(gap: float) -> KsDistance:
    return KsDistance(gap, 0.0, float("nan"))


def _drafted(segment: Segment, name: str, found: _Comparison, min_distance: float) -> Draft:
    verdict = segment.verdict(
        name,
        CHECK,
        statistic=found.statistic,
        value=found.distance,
        error=0.0,
        threshold=min_distance,
        pvalue=found.pvalue,
        interval=distance_interval(_exact(found.distance), found.n, found.m) if found.statistic == "ks" else None,
        n=found.n,
        baseline_n=found.m,
        description=drift_text(found.distance, min_distance),
    )
    return Draft(verdict, large_enough=found.distance > min_distance)


def _quality(segment: Segment, _segments: int, *, least: int, terms: Terms) -> Iterator[Draft | Verdict]:
    problem = problem_of(segment.now)
    labelled = problem.count(segment.now)
    if labelled < least:
        reason = f"{labelled} labelled rows, needs {least}"
        yield segment.verdict("*", QUALITY, "insufficient", n=labelled, reason=reason)
        return
    now, was = (problem.measure(state, "closed", terms.rng).metrics for state in (segment.now, segment.was))
    for name in problem.suggested:
        if name in problem.twins or name not in now or not now[name].defined or not was[name].defined:
            continue
        pvalue = problem.pvalue(name, segment.now, segment.was)
        if pvalue is not None:
            value, expected, operator = now[name].value, was[name].value, operator_of(name)
            verdict = segment.verdict(
                name,
                operator,
                statistic=name,
                value=value,
                error=now[name].sd,
                threshold=expected,
                pvalue=pvalue,
                interval=now[name].interval,
                n=now[name].n,
                baseline_n=problem.count(segment.was),
                description=f"Metric {name} with {value:.6g} was {operator} {expected:.6g}",
            )
            yield Draft(verdict)
