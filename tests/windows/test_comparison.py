# SPDX-License-Identifier: Apache-2.0
"""Every difference from old violations has a reason, and agreement has none."""

from __future__ import annotations

import pytest

from windows.comparison import OldRule, OldViolation, compare, read_violations
from windows.errors import BaselineError
from windows.report import Verdict

DRIFT = "baseline_drift_check"


def old(check: str, text: str = "", subject: str = "age") -> OldViolation:
    return OldViolation(subject, check, text)


def ours(check: str, outcome: str, mode: str = "robust", *, subject: str = "age", **fields) -> Verdict:
    return Verdict(subject, check, mode, outcome, **fields)


def reason(theirs: list[OldViolation], verdicts: list[Verdict], **rules: OldRule) -> str:
    (one,) = compare(theirs, verdicts, rules)
    assert one.agrees == (one.reason == "")
    return one.reason


@pytest.mark.parametrize("mode", ["robust", "calibrated"])
def test_what_both_found_needs_no_reason(mode):
    assert reason([old(DRIFT)], [ours(DRIFT, "violation", mode)]) == ""


def test_what_neither_found_is_not_listed():
    assert compare([], [ours(DRIFT, "ok"), ours("completeness_check", "insufficient")]) == []


def test_an_old_alarm_of_repeated_values_is_known_by_the_old_distance():
    text = "Baseline drift distance: 0.215 exceeds threshold: 0.1"
    verdict = ours(DRIFT, "ok", value=0.0, threshold=0.1)
    found = reason([old(DRIFT, text)], [verdict], age=OldRule(0.216, 0.1))
    assert found == (
        "Deequ up to 2.0.21 counted copies of a value once: 0.216 by its ranks, as was reported, 0 by right ones"
    )
    assert "as was reported" not in reason([old(DRIFT, text)], [verdict], age=OldRule(0.4, 0.1))
    assert reason([old(DRIFT, text)], [verdict], age=OldRule(0.05, 0.1)) == (
        "by the same rule 0 against 0.1 here: the rows are not the same"
    )


def test_an_alarm_that_the_old_distance_missed_is_known_too():
    verdict = ours(DRIFT, "violation", value=0.47, threshold=0.1)
    assert reason([], [verdict], age=OldRule(0.0, 0.1)) == (
        "Deequ up to 2.0.21 counted copies of a value once: 0 by its ranks, 0.47 by right ones"
    )


@pytest.mark.parametrize(
    ("theirs", "verdict", "said"),
    [
        (
            [old("completeness_check", "Value: 0.99")],
            ours("completeness_check", "ok", "calibrated", value=0.99, threshold=1.0, pvalue=0.2, alpha=0.01),
            "the old rule is literal; chance makes as much of a difference (p = 0.2, needed 0.01)",
        ),
        (
            [old(DRIFT)],
            ours(DRIFT, "ok", "calibrated", value=0.04, threshold=0.05, pvalue=1e-9, alpha=0.01),
            "the old rule is literal; the effect of 0.04 is significant, but below 0.05",
        ),
        (
            [old(DRIFT)],
            ours(DRIFT, "insufficient", reason="9 values, needs 50"),
            "insufficient here: 9 values, needs 50",
        ),
        (
            [old("missing_column_check")],
            ours("missing_column_check", "ok", "literal"),
            "rows of a batch are taken apart here; the old container read batched CSV as one column",
        ),
        (
            [old("data_type_check", "Value: 0.4995")],
            ours("data_type_check", "ok", "literal", value=1.0, threshold=1.0),
            "integers are fractional numbers here, and numbers in text count as what they spell",
        ),
        (
            [old("LessThanThreshold", subject="recall")],
            ours("LessThanThreshold", "ok", "one_sd", subject="recall", value=0.61, threshold=0.6),
            "by the same rule 0.61 against 0.6 here: the rows are not the same",
        ),
        ([], ours("non_negative_check", "violation", "literal"), "the old monitor has no such check"),
        (
            [],
            ours(DRIFT, "violation", "calibrated", value=0.08, threshold=0.05, pvalue=1e-5, alpha=0.01),
            "significant, where the old rule is literal (p = 1e-05, needed 0.01)",
        ),
        ([], ours("extra_column_check", "violation", "literal"), "the columns are not the same"),
    ],
)
def test_every_difference_has_its_reason(theirs, verdict, said):
    assert reason(theirs, [verdict]) == said


def test_what_only_they_look_at_is_said_so():
    assert reason([old("extra_column_check", subject="out")], []) == "a column of the output, which is no input here"
    (one,) = compare([old("extra_column_check")], [ours(DRIFT, "ok")])
    assert one.reason == "the column is known here"
    assert "the monitor is off" in reason([old("bias_drift_check", subject="Sex/0/DPL")], [])


def test_a_small_sample_that_the_old_allowance_hid_is_said_so():
    verdict = ours(DRIFT, "violation", "calibrated", value=0.3, pvalue=1e-6, alpha=0.01)
    assert reason([], [verdict], age=OldRule(0.02, 0.1)) == (
        "too small a sample for the old rule: its allowance leaves 0.02 of the distance"
    )


def test_the_calibrated_verdict_stands_beside_the_literal_one():
    literal, advisory = ours(DRIFT, "violation"), Verdict("age", DRIFT, "calibrated", "ok", advisory=True)
    (one,) = compare([], [literal, advisory])
    assert (one.ours, one.calibrated) == (literal, advisory)
    assert one.reason.endswith("; the calibrated verdict is ok")


def test_files_of_every_kind_are_read():
    document = {
        "violations": [
            {"feature_name": " age ", "constraint_check_type": DRIFT, "description": "d "},
            {"metric_name": "gini", "constraint_check_type": "LessThanThreshold", "description": ""},
            {"facet": "Sex", "facet_value": "0", "metric_name": "TE", "constraint_check_type": "bias_drift_check"},
            {"label": "label0", "metric_name": "shap", "constraint_check_type": "feature_attribution_drift_check"},
        ]
    }
    assert [one.subject for one in read_violations(document)] == ["age", "gini", "Sex/0/TE", "label0/shap"]
    for wrong in ({}, {"violations": [7]}, {"violations": [{"feature_name": "age"}]}, {"violations": 7}):
        with pytest.raises(BaselineError, match="expected violations"):
            read_violations(wrong)


def test_bias_and_attributions_meet_under_the_old_names():
    bias = Verdict("DPL Sex=0", "bias_drift_check", "calibrated", "violation", "DPL", facet="Sex", facet_value="0")
    shap = Verdict("label0", "feature_attribution_drift_check", "literal", "violation", "ndcg")
    document = {
        "version": "1.0",
        "violations": [
            {"facet": "Sex", "facet_value": "0", "metric_name": "DPL", "constraint_check_type": "bias_drift_check"},
            {"label": "label0", "metric_name": "shap", "constraint_check_type": "feature_attribution_drift_check"},
        ],
    }
    assert [(one.subject, one.agrees) for one in compare(read_violations(document), [bias, shap])] == [
        ("Sex/0/DPL", True),
        ("label0/shap", True),
    ]
