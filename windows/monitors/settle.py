# SPDX-License-Identifier: Apache-2.0
"""From tests to verdicts: many p-values, one budget, and what earlier revisions said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from windows.report import Status, Verdict
from windows.statistics.correction import Correction


@dataclass(frozen=True, slots=True)
class Earlier:
    """What one monitor said of the same window before, previews apart.

    Parameters
    ----------
    revisions : int
        How often it judged the window.
    violated : frozenset of (str, str)
        Subjects and checks in violation at the latest judgement.
    """

    revisions: int = 0
    violated: frozenset[tuple[str, str]] = frozenset()


NEVER = Earlier()


class Draft(NamedTuple):
    """A verdict without outcome: `verdict.pvalue` decides together with the others if the effect is large enough."""

    verdict: Verdict
    large_enough: bool = True


def beside(tested: Draft | Verdict) -> Draft | Verdict:
    """Let a verdict stand beside the one that counts."""
    if isinstance(tested, Draft):
        return tested._replace(verdict=tested.verdict._replace(advisory=True))
    return tested._replace(advisory=True)


def settle(
    tests: Sequence[Draft | Verdict], correct: Correction, alpha: float, earlier: Earlier = NEVER, others: int = 0
) -> list[Verdict]:
    """Decide a family of tests together.

    Parameters
    ----------
    tests : sequence of Draft or Verdict
        Every test of one monitor in one window, each with a p-value; verdicts already given stay as they are.
    correct : callable
        `benjamini_hochberg` or `holm`.
    alpha : float
        Level of the family at the first judgement of a window.
    earlier : Earlier
        A revision may newly alarm only at `alpha / 2**revisions`; what was in violation is held against `alpha`.
    others : int
        Tests of the family that have no verdict: their p-values are above `alpha`, so only their number matters.

    Returns
    -------
    list of Verdict
        In the order of the tests, with outcome and the level each was held against.

    Examples
    --------
    >>> from windows.statistics.correction import holm
    >>> test = Draft(Verdict("age", "completeness_check", "calibrated", "ok", pvalue=0.001))
    >>> [verdict.outcome for verdict in settle([test], holm, 0.0015)]
    ['violation']
    >>> [verdict.outcome for verdict in settle([test], holm, 0.0015, Earlier(revisions=1))]
    ['ok']
    """
    drafts = [test for test in tests if isinstance(test, Draft)]
    pvalues = [1.0 if draft.verdict.pvalue is None else draft.verdict.pvalue for draft in drafts] + [1.0] * others
    known, new = correct(pvalues, alpha), correct(pvalues, math.ldexp(alpha, -earlier.revisions))
    settled = []
    for i, draft in enumerate(drafts):
        level = known if (draft.verdict.subject, draft.verdict.check) in earlier.violated else new
        violated = bool(level.rejected[i]) and draft.large_enough
        settled.append(draft.verdict._replace(outcome="violation" if violated else "ok", alpha=float(level.level[i])))
    given = iter(settled)
    return [next(given) if isinstance(test, Draft) else test for test in tests]


def status_of(verdicts: Iterable[Verdict]) -> Status:
    """Sum up verdicts: a violation, at least one verdict that could be given, or none.

    Examples
    --------
    >>> status_of([Verdict("age", "baseline_drift_check", "calibrated", "insufficient")])
    'InsufficientData'
    """
    outcomes = {verdict.outcome for verdict in verdicts if not verdict.advisory}
    if "violation" in outcomes:
        return "CompletedWithViolations"
    return "Completed" if "ok" in outcomes else "InsufficientData"
