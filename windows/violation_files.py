# SPDX-License-Identifier: Apache-2.0
"""Violations as a managed monitor writes them: `constraint_violations.json`, formats 1.6."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from windows.report import Report, Verdict
from windows.violations import verdict_from_record, violations_of

DRIFT = "baseline_drift_check"
_VERSIONED = frozenset({"bias_drift_check", "feature_attribution_drift_check"})
_DISTANCE = re.compile(r"distance: (.+) exceeds threshold: (.+)")
"""What readers of these files look for in drift violations."""


def violations_document(reports: Iterable[Report]) -> dict[str, Any]:
    """Write the violations of reports of one window.

    Parameters
    ----------
    reports : iterable of Report
        Of one kind of job: data quality and drift; model quality; bias; or attribution drift.

    Returns
    -------
    dict
        The document; files of bias and attribution drift name a version.

    Examples
    --------
    >>> bad = (Verdict("age", "completeness_check", "literal", "violation", description="Value: 0.5 "),)
    >>> report = Report("m", "1", "data_quality", 0, 1_000, 1, True, "CompletedWithViolations", "1", "0", verdicts=bad)
    >>> violations_document([report])["violations"]
    [{'feature_name': 'age', 'constraint_check_type': 'completeness_check', 'description': 'Value: 0.5 '}]
    """
    return document_of_records(violation.as_record() for report in reports for violation in violations_of(report))


def document_of_records(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write violations as `violations_document` does, of their public records.

    Examples
    --------
    >>> verdict = Verdict("recall", "LessThanThreshold", "one_sd", "violation").as_record()
    >>> record = {"metric_name": "recall", "description": "Metric recall …", "verdict": verdict}
    >>> document_of_records([record])["violations"][0]["constraint_check_type"]
    'LessThanThreshold'
    """
    found = [_entry(record, verdict_from_record(record["verdict"])) for record in records]
    versioned = any(entry["constraint_check_type"] in _VERSIONED for entry in found)
    return ({"version": "1.0"} if versioned else {}) | {"violations": found}


_SUBJECTS = ("feature_name", "metric_name", "facet", "facet_value", "label")


def _entry(record: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    named = {name: record[name] for name in _SUBJECTS if name in record}
    text = str(record["description"])
    if verdict.check == DRIFT and not _DISTANCE.search(text):
        text = _as_distance(verdict)
    return named | {"constraint_check_type": verdict.check, "description": text}


def _as_distance(verdict: Verdict) -> str:
    """Put a test into the words of a distance: how sure it is, against how sure it has to be."""
    level = verdict.threshold if verdict.mode == "chi_squared" and verdict.threshold is not None else verdict.alpha
    sure, needed = 1.0 - (verdict.pvalue or 0.0), 1.0 - (level or 0.0)
    return f"Baseline drift distance: {sure:.6g} exceeds threshold: {needed:.6g}"
