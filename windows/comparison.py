# SPDX-License-Identifier: Apache-2.0
"""What a managed monitor said of a window beside what we say, and why they differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windows.errors import BaselineError
from windows.report import Verdict
from windows.violation_files import DRIFT

_DISTANCE = re.compile(r"distance: (\S+) exceeds threshold: (\S+)")
_OURS_ONLY = frozenset({"non_negative_check", "outlying_values_check"})
_COLUMNS = frozenset({"missing_column_check", "extra_column_check"})
_CLOSE = 0.02


@dataclass(frozen=True, slots=True)
class OldViolation:
    """One entry of a `constraint_violations.json`; bias and attribution join their names by a slash."""

    subject: str
    check: str
    description: str


@dataclass(frozen=True, slots=True)
class OldRule:
    """The distance of one column as Deequ computed it up to 2.0.21, with its allowance, and its threshold."""

    distance: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One check of one subject.

    Parameters
    ----------
    subject, check : str
        Of what, and which.
    theirs : str or None
        The old violation's text; None where there was none.
    ours, calibrated : Verdict or None
        The verdict that counts; the calibrated one, if that is another.
    reason : str
        Why they differ; empty where they agree.
    """

    subject: str
    check: str
    theirs: str | None
    ours: Verdict | None
    calibrated: Verdict | None
    reason: str

    @property
    def agrees(self) -> bool:
        """Whether both found a violation, or both did not."""
        return not self.reason


def read_violations(document: Mapping[str, Any]) -> tuple[OldViolation, ...]:
    """Read a `constraint_violations.json` of any kind, formats 1.6.

    Raises
    ------
    BaselineError
        If it is no such document.

    Examples
    --------
    >>> entry = {"facet": "Sex", "facet_value": "0", "metric_name": "DPL", "constraint_check_type": "bias_drift_check"}
    >>> read_violations({"version": "1.0", "violations": [entry]})[0].subject
    'Sex/0/DPL'
    """
    try:
        return tuple(
            OldViolation(
                _subject(entry), str(entry["constraint_check_type"]), str(entry.get("description", "")).strip()
            )
            for entry in document["violations"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"expected violations with a constraint_check_type each, got {error!r}"
        raise BaselineError(msg) from error


def _subject(entry: Mapping[str, Any]) -> str:
    if "feature_name" in entry:
        return str(entry["feature_name"]).strip()
    return "/".join(str(entry[name]) for name in ("facet", "facet_value", "label", "metric_name") if name in entry)


def _subject_of(verdict: Verdict) -> str:
    """Name what a verdict is of as the old monitor does."""
    if verdict.facet is not None:
        return f"{verdict.facet}/{verdict.facet_value}/{verdict.statistic}"
    return f"{verdict.subject}/shap" if verdict.check == "feature_attribution_drift_check" else verdict.subject


def compare(
    old: Iterable[OldViolation], verdicts: Iterable[Verdict], old_rules: Mapping[str, OldRule] | None = None
) -> list[Compared]:
    """Lay old violations beside verdicts on the same rows.

    Parameters
    ----------
    old : iterable of OldViolation
        What the managed monitor found.
    verdicts : iterable of Verdict
        All of ours, advisory ones too.
    old_rules : mapping of str to OldRule, optional
        By column, what the managed monitor's distance is for these rows: tells its errors from others.

    Returns
    -------
    list of Compared
        Every check that either found in violation, in order of subject.

    Examples
    --------
    >>> old = OldViolation("age", "completeness_check", "Value: 0.99 does not meet the constraint requirement!")
    >>> ours = Verdict("age", "completeness_check", "calibrated", "ok", value=0.99, pvalue=0.3, alpha=0.01)
    >>> compare([old], [ours])[0].reason
    'the old rule is literal; chance makes as much of a difference (p = 0.3, needed 0.01)'
    """
    theirs = {(one.subject, one.check): one.description for one in old}
    counting: dict[tuple[str, str], Verdict] = {}
    beside: dict[tuple[str, str], Verdict] = {}
    for verdict in verdicts:
        (beside if verdict.advisory else counting)[_subject_of(verdict), verdict.check] = verdict
    found = theirs.keys() | {key for key, verdict in counting.items() if verdict.outcome == "violation"}
    subjects = {subject for subject, _ in counting}
    return [
        Compared(
            *key,
            theirs.get(key),
            counting.get(key),
            beside.get(key),
            _reason(
                key, theirs, counting.get(key), beside.get(key), (old_rules or {}).get(key[0]), known=key[0] in subjects
            ),
        )
        for key in sorted(found)
    ]


def _reason(
    key: tuple[str, str],
    theirs: Mapping[tuple[str, str], str],
    ours: Verdict | None,
    calibrated: Verdict | None,
    old_rule: OldRule | None,
    *,
    known: bool,
) -> str:
    violated = ours is not None and ours.outcome == "violation"
    if (key in theirs) == violated:
        return ""
    if key in theirs:
        return _only_theirs(key[1], theirs[key], ours, old_rule, known=known)
    assert ours is not None
    return _only_ours(ours, calibrated, old_rule)


def _only_theirs(check: str, text: str, ours: Verdict | None, old_rule: OldRule | None, *, known: bool) -> str:
    if ours is None or check == "missing_column_check":
        return _unchecked(check, known=known)
    if ours.outcome != "ok":
        return f"{ours.outcome} here: {ours.reason}"
    if check == DRIFT and (reason := _old_distance(text, ours, old_rule)):
        return reason
    if ours.mode in {"calibrated", "t_test"}:
        return f"the old rule is literal; {_chance(ours)}"
    if check == "data_type_check":
        return "integers are fractional numbers here, and numbers in text count as what they spell"
    return _other_rows(ours)


def _unchecked(check: str, *, known: bool) -> str:
    if check == "missing_column_check":
        return "rows of a batch are taken apart here; the old container read batched CSV as one column"
    if check == "extra_column_check":
        return "the column is known here" if known else "a column of the output, which is no input here"
    return "no such check of ours: the monitor is off, or the baseline lacks what it needs"


def _old_distance(text: str, ours: Verdict, old_rule: OldRule | None) -> str:
    """Whether the old alarm came from ranks that forgot copies of a value."""
    if old_rule is None or old_rule.distance <= old_rule.threshold:
        return ""
    said = _DISTANCE.search(text)
    same = "" if said is None or abs(_float(said[1]) - old_rule.distance) > _CLOSE else ", as was reported"
    return (
        f"Deequ up to 2.0.21 counted copies of a value once: {_number(old_rule.distance)} by its ranks{same}, "
        f"{_number(ours.value)} by right ones"
    )


def _only_ours(ours: Verdict, calibrated: Verdict | None, old_rule: OldRule | None) -> str:
    if ours.check in _OURS_ONLY:
        return "the old monitor has no such check"
    if ours.check == DRIFT and old_rule is not None and old_rule.distance <= old_rule.threshold:
        if ours.mode in {"simple", "robust"}:
            return (
                f"Deequ up to 2.0.21 counted copies of a value once: {_number(old_rule.distance)} by its ranks, "
                f"{_number(ours.value)} by right ones"
            )
        return f"too small a sample for the old rule: its allowance leaves {_number(old_rule.distance)} of the distance"
    if ours.mode == "calibrated":
        return f"significant, where the old rule is literal (p = {_number(ours.pvalue)}, needed {_number(ours.alpha)})"
    doubt = f"; the calibrated verdict is {calibrated.outcome}" if calibrated is not None else ""
    return f"{_other_rows(ours)}{doubt}"


def _other_rows(ours: Verdict) -> str:
    if ours.check in _COLUMNS:
        return "the columns are not the same"
    return f"by the same rule {_number(ours.value)} against {_number(ours.threshold)} here: the rows are not the same"


def _chance(ours: Verdict) -> str:
    if ours.pvalue is not None and ours.alpha is not None and ours.pvalue <= ours.alpha:
        return f"the effect of {_number(ours.value)} is significant, but below {_number(ours.threshold)}"
    return f"chance makes as much of a difference (p = {_number(ours.pvalue)}, needed {_number(ours.alpha)})"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.3g}"


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
