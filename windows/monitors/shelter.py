# SPDX-License-Identifier: Apache-2.0
"""Keep what goes wrong with one column, or in one part of a monitor, from silencing the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from windows.monitors.settle import Draft
from windows.report import Verdict


@contextmanager
def sheltered(subject: str, check: str, drafts: list[Draft | Verdict] | list[Verdict]) -> Iterator[None]:
    """Turn an unexpected error in a judgement into a verdict that says so.

    Parameters
    ----------
    subject, check : str
        The column, or `*`, and what is asked of it.
    drafts : list of Draft or Verdict
        Where the verdict goes; what was drafted before the error stays.

    Examples
    --------
    >>> drafts = []
    >>> with sheltered("age", "baseline_drift_check", drafts):
    ...     max([])
    >>> drafts[0].outcome, drafts[0].reason.split(":")[0]
    ('insufficient', 'cannot be judged')
    """
    try:
        yield
    except Exception as error:  # whatever it is, it is told in the report
        reason = f"cannot be judged: {type(error).__name__}: {error}"
        drafts.append(Verdict(subject, check, "calibrated", "insufficient", reason=reason))
