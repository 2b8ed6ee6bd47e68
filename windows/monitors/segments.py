# SPDX-License-Identifier: Apache-2.0
"""The segments of a window beside those of its baseline, and the verdicts on all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sketches.segmented import SegmentedState
from windows.baselines.baseline import Baseline
from windows.monitors.monitor import Judged, Terms
from windows.monitors.settle import Draft, settle
from windows.report import Verdict
from windows.statistics.correction import Correction
from windows.window_profile import WindowProfile


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one value of one column.

    Parameters
    ----------
    column, value : str
        Which.
    now, was : State
        Of the window and of the baseline.
    rows : int
        Of the window.
    """

    column: str
    value: str
    now: Any
    was: Any
    rows: int

    @property
    def mark(self) -> str:
        """What the subjects of its verdicts end in."""
        return f"[{self.column}={self.value}]"

    def verdict(self, subject: str, check: str, outcome: str = "ok", **fields: Any) -> Verdict:
        """Begin a verdict on the segment, whose subject is `subject[column=value]`."""
        segment = {"segment": self.column, "segment_value": self.value}
        return Verdict(subject + self.mark, check, "calibrated", outcome, **segment, **fields)  # type: ignore[arg-type]

    def name(self, verdict: Verdict) -> Verdict:
        """Make a verdict on the whole one on the segment."""
        return verdict._replace(subject=verdict.subject + self.mark, segment=self.column, segment_value=self.value)

    def remarkable(self, subject: str, check: str, pvalue: float, terms: Terms) -> bool:
        """Whether a test may become a violation, or was one; of all others only the number matters."""
        said = terms.earlier.violated
        return pvalue <= terms.alpha or (bool(said) and (subject + self.mark, check) in said)


UNREMARKABLE = Draft(Verdict("", "", "calibrated", "ok", pvalue=1.0))
"""Stands for a test of a p-value above the level: no correction rejects it, whatever it is."""

Tests = Callable[[Segment, int], Iterator[Draft | Verdict]]


def judge_segments(
    profile: WindowProfile,
    baseline: Baseline,
    terms: Terms,
    tests: Tests,
    *,
    prefix: str,
    check: str,
    correct: Correction,
) -> Judged:
    """Judge every segment of a window against the same segment of the baseline.

    Parameters
    ----------
    profile, baseline : WindowProfile, Baseline
        Both hold the parts `prefix` + column.
    terms : Terms
        The level of all segments of all columns together.
    tests : callable
        Gives the tests of a segment, and is told how many segments there are.
    prefix : str
        Beginning of the parts' names.
    check : str
        Of the verdicts on what cannot be compared.
    correct : callable
        `benjamini_hochberg` or `holm`, over the tests of all segments.

    Returns
    -------
    dict, list of Verdict
        Rows by segment; and verdicts, of those that are ok only such as were in violation before: a model of 20
        segments and 50 features has a thousand.
    """
    described: dict[str, Any] = {}
    given: list[Draft | Verdict] = []
    segments: list[Segment] = []
    for column in profile.definition.segments:
        now, was = profile.states.get(prefix + column), baseline.states.get(prefix + column)
        reason = _incomparable(now, was, prefix + column, profile.unmerged)
        if reason is not None or now is None or was is None:
            given.append(insufficient(column, check, reason))
            continue
        described[column] = {"rows": dict(sorted(now.rows.items())), "missing": now.missing, "overflow": now.overflow}
        given += left_out(column, check, now, was)
        segments += [
            Segment(column, value, now.segments[value], was.segments[value], rows)
            for value, rows in sorted(now.rows.items())
            if value in was.segments
        ]
    for segment in segments:
        given += tests(segment, len(segments))
    remarkable = [test for test in given if test is not UNREMARKABLE]
    settled = settle(remarkable, correct, terms.alpha, terms.earlier, others=len(given) - len(remarkable))
    return {"segments": described}, worth_telling(settled, terms)


def _incomparable(now: Any, was: Any, part: str, unmerged: Sequence[str]) -> str | None:
    if part in unmerged:
        return "partitions counted the window by cells of different baselines"
    if now is None:
        return "the window has no rows, or opened before there was a baseline"
    if was is None:
        return "the baseline was suggested without this segment"
    if now.spec.fingerprint != was.spec.fingerprint:
        return "the window was counted by the cells of another baseline"
    return None


def left_out(column: str, check: str, now: SegmentedState, was: SegmentedState) -> Iterator[Verdict]:
    """Say what is not judged: values beyond the cap, and those that the baseline does not know."""
    if now.n and now.missing == now.n:
        yield insufficient(column, check, "no row has a value of it")
    if now.overflow:
        most = now.spec.max_segments
        named = ", ".join(now.refused[:5])
        yield insufficient(column, check, f"{now.overflow} rows are beyond the first {most} values by name: {named}")
    for value, rows in sorted(now.rows.items()):
        if rows and value not in was.segments:
            reason = "the baseline has no rows of this segment"
            yield Segment(column, value, None, None, rows).verdict("*", check, "insufficient", n=rows, reason=reason)


def insufficient(column: str, check: str, reason: str | None) -> Verdict:
    """Say why nothing can be said of the segments of a column, or of some of them."""
    return Verdict(f"*[{column}]", check, "calibrated", "insufficient", reason=reason, segment=column)


def worth_telling(verdicts: list[Verdict], terms: Terms) -> list[Verdict]:
    """Leave out what is fine and was: there may be a thousand."""
    said = terms.earlier.violated
    return [v for v in verdicts if v.outcome != "ok" or (v.subject, v.check) in said]


def halved(terms: Terms) -> Terms:
    """Give the whole, or all segments together, half of a monitor's budget.

    Examples
    --------
    >>> import numpy as np
    >>> from windows.monitors.settle import NEVER
    >>> halved(Terms(0.01, NEVER, np.random.default_rng(0))).alpha
    0.005
    """
    return replace(terms, alpha=terms.alpha / 2.0)
