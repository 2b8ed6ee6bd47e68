# SPDX-License-Identifier: Apache-2.0
"""Judge the share of rows that pass a check: literally, or as a test against the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from windows.monitors.settle import Draft
from windows.options import DataQuality
from windows.report import Verdict
from windows.statistics.intervals import proportion
from windows.statistics.tail import failure_pvalue


@dataclass(frozen=True, slots=True)
class Share:
    """Failing rows of one check in a window and in the baseline.

    Parameters
    ----------
    subject, check : str
        The column and the name of the check.
    failures, n : int
        Failing rows and rows looked at.
    baseline_failures : int or None
        Failing rows of the baseline, None if it has no such column.
    baseline_n : int
        Rows looked at in the baseline.
    required : float or None
        Passing share that a literal verdict requires; None if there is no literal form.
    literal : bool
        Whether the literal verdict is the one that counts.
    description : str
        Text of the violation; by default that of the managed monitor.
    error : float or None
        Share the sketches may be wrong by, if `failures` comes from sketches.
    """

    subject: str
    check: str
    failures: int
    n: int
    baseline_failures: int | None
    baseline_n: int
    required: float | None
    literal: bool
    description: str = ""
    error: float | None = None


def judge_share(share: Share, options: DataQuality) -> Iterator[Draft | Verdict]:
    """Give the verdict that counts, and beside a literal one the calibrated verdict.

    Parameters
    ----------
    share : Share
        What was counted.
    options : DataQuality
        `mode` literal makes every check literal that has a literal form; calibrated tests need `min_rows`.

    Examples
    --------
    >>> share = Share("age", "completeness_check", 10, 100, 0, 1_000, required=1.0, literal=True)
    >>> literal, calibrated = judge_share(share, DataQuality())
    >>> literal.outcome, calibrated.verdict.pvalue < 1e-6, calibrated.verdict.advisory
    ('violation', True, True)
    """
    literal = share.required is not None and (share.literal or options.mode == "literal")
    estimate = proportion(share.n - share.failures, share.n)
    counted = Verdict(
        share.subject,
        share.check,
        "calibrated",
        "ok",
        "share",
        estimate.value if share.n else None,
        share.error,
        interval=estimate.interval,
        n=share.n,
        description=share.description or f"Value: {estimate.value} does not meet the constraint requirement! ",
    )
    if literal:
        yield _literal(share, counted)
    yield _calibrated(share, counted._replace(advisory=literal), options.min_rows)


def _literal(share: Share, counted: Verdict) -> Verdict:
    verdict = counted._replace(mode="literal", threshold=share.required)
    if not share.n:
        return verdict._replace(outcome="insufficient", reason="no rows", description="")
    assert share.required is not None
    assert counted.value is not None
    return verdict if counted.value >= share.required else verdict._replace(outcome="violation")


def _calibrated(share: Share, counted: Verdict, min_rows: int) -> Draft | Verdict:
    if share.n < min_rows:
        return counted._replace(outcome="insufficient", reason=f"{share.n} rows, needs {min_rows}", description="")
    if share.baseline_failures is None or not share.baseline_n:
        return counted._replace(outcome="insufficient", reason="the baseline has no values of it", description="")
    pvalue = failure_pvalue(share.failures, share.n, share.baseline_failures, share.baseline_n)
    threshold = 1.0 - share.baseline_failures / share.baseline_n
    return Draft(counted._replace(threshold=threshold, pvalue=pvalue, baseline_n=share.baseline_n))
