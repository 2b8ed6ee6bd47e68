# SPDX-License-Identifier: Apache-2.0
"""A monitor judged by segment: its own judge, on the states of every segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.monitors.monitor import BySegment, Case, Judged, JudgeEach, Terms
from windows.monitors.segments import Segment, insufficient, left_out, worth_telling
from windows.monitors.settle import Earlier
from windows.partition.specs import segment_part
from windows.report import Verdict
from windows.window_profile import WindowProfile


def each_segment(
    judge: JudgeEach,
    parts: Callable[[ModelDefinition], Sequence[str]],
    check: str,
    calibrated: Callable[[ModelDefinition], ModelDefinition] = lambda definition: definition,
) -> BySegment:
    """Judge every segment as the whole is judged, each at an equal share of the level of all.

    Parameters
    ----------
    judge : callable
        As the whole is judged, of many at once: each a window and a baseline that hold the states of one segment only,
        under the names of those of the whole. What a person wrote into the baseline's document is of the whole, and
        not seen.
    parts : callable
        The parts it judges, under a definition.
    check : str
        Of the verdicts on what cannot be judged.
    calibrated : callable
        Takes policies out of a definition: limits that are chosen for the whole are none for its parts.

    Returns
    -------
    callable
        Gives rows by segment, and the verdicts that are violations or were. A segment of which nothing could be
        decided is named with the first reason; if that holds for all of a column, the column is.
    """

    def by_segment(profile: WindowProfile, baseline: Baseline, terms: Terms) -> Judged:
        named = tuple(parts(profile.definition))
        described: dict[str, Any] = {}
        verdicts: list[Verdict] = []
        segments: list[Segment] = []
        for column in profile.definition.segments:
            keys = {part: segment_part(part, column) for part in named}
            reason = _incomparable(profile, baseline, keys)
            if reason is not None:
                verdicts.append(insufficient(column, check, reason))
                continue
            now, was = ({part: held.states[key] for part, key in keys.items()} for held in (profile, baseline))
            first, before = now[named[0]], was[named[0]]
            described[column] = {
                "rows": dict(sorted(first.rows.items())),
                "missing": first.missing,
                "overflow": first.overflow,
            }
            verdicts += left_out(column, check, first, before)
            segments += [
                Segment(column, value, _of(now, value), _of(was, value), rows)
                for value, rows in sorted(first.rows.items())
                if value in before.segments and rows
            ]
        undecided: list[tuple[Segment, Verdict]] = []
        tested = replace(profile, definition=calibrated(profile.definition))
        shared = replace(terms, alpha=terms.alpha / max(len(segments), 1))
        for segment, (_, said) in zip(segments, judge(_cases(segments, tested, baseline, shared)), strict=True):
            counting = [verdict for verdict in said if not verdict.advisory]
            decided = [segment.name(v) for v in counting if v.outcome in ("ok", "violation")]
            verdicts += worth_telling(decided, terms)
            if not decided and counting:
                undecided.append((segment, min(counting, key=lambda verdict: verdict.outcome != "insufficient")))
        return {"segments": described}, [*verdicts, *_reasons(undecided, segments, check)]

    return by_segment


def _incomparable(profile: WindowProfile, baseline: Baseline, keys: Mapping[str, str]) -> str | None:
    if any(key in profile.unmerged for key in keys.values()):
        return "partitions counted the window's segments under different definitions"
    if any(key not in profile.states or not profile.states[key].n for key in keys.values()):
        return "the window has no rows of it"
    if any(key not in baseline.states for key in keys.values()):
        return "the baseline was suggested without this segment"
    return None


def _of(states: Mapping[str, Any], value: str) -> dict[str, Any]:
    return {
        part: state.segments[value] if value in state.segments else state.spec.inner.empty()
        for part, state in states.items()
    }


def _cases(segments: Iterable[Segment], profile: WindowProfile, baseline: Baseline, terms: Terms) -> Iterator[Case]:
    """Make a window and a baseline of each segment, with what was said of it before."""
    for segment in segments:
        violated = frozenset(
            (subject.removesuffix(segment.mark), check)
            for subject, check in terms.earlier.violated
            if subject.endswith(segment.mark)
        )
        earlier = Earlier(terms.earlier.revisions, violated)
        yield replace(profile, states=segment.now), _baseline_of(segment, baseline), replace(terms, earlier=earlier)


def _baseline_of(segment: Segment, baseline: Baseline) -> Baseline:
    """The baseline of one segment, the same for every window."""
    documents: dict[str, dict[str, Any]] = {monitor: {} for monitor in baseline.documents}
    key = ("segment", *sorted(segment.was), segment.column, segment.value)
    return baseline.once(key, lambda: replace(baseline, states=segment.was, documents=documents))


def _reasons(
    undecided: Sequence[tuple[Segment, Verdict]], segments: Sequence[Segment], check: str
) -> Iterator[Verdict]:
    for column, group in groupby(undecided, key=lambda pair: pair[0].column):
        pairs = list(group)
        reasons = {(why.outcome, why.reason) for _, why in pairs}
        if len(reasons) == 1 and len(pairs) == sum(segment.column == column for segment in segments):
            ((outcome, reason),) = reasons
            yield insufficient(column, check, reason)._replace(outcome=outcome)
            continue
        for segment, why in pairs:
            yield segment.verdict("*", check, why.outcome, n=segment.rows, reason=why.reason)
