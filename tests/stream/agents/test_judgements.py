# SPDX-License-Identifier: Apache-2.0
"""A judgement remembers what was said: news are told once, and taken back when they no longer hold."""

from __future__ import annotations

import pytest

from stream.agents.judgements import Judgement
from stream.agents.remembered import parse_remembered_key, remembered_key
from topics.records import profile_key
from windows.report import Report, Verdict

BAD = Verdict("age", "baseline_drift_check", "calibrated", "violation", value=0.3, interval=(0.2, float("inf")))


def report(*verdicts: Verdict, revision: int = 1, final: bool = True, status: str = "Completed") -> Report:
    window = ("m", "1", "data_drift", 0, 1_000)
    return Report(*window, revision, final, status, "1", "0", verdicts=verdicts)  # type: ignore[arg-type]


def test_a_violation_is_told_once_and_again_only_when_it_changed() -> None:
    judgement = Judgement()
    assert [v.type for v in judgement.follow(report(BAD))] == ["violation"]
    assert judgement.follow(report(BAD, revision=2)) == []
    assert [v.verdict.value for v in judgement.follow(report(BAD._replace(value=0.4), revision=3))] == [0.4]
    assert judgement.earlier()["data_drift"].revisions == 3


def test_a_violation_that_a_revision_clears_is_resolved_once() -> None:
    judgement = Judgement()
    judgement.follow(report(BAD))
    good = BAD._replace(outcome="ok")
    assert [v.type for v in judgement.follow(report(good, revision=2))] == ["resolved"]
    assert judgement.follow(report(good, revision=3)) == []


@pytest.mark.parametrize("silent", [report(BAD, final=False), report(BAD, status="Failed")])
def test_a_preview_or_a_failed_report_tells_and_clears_nothing(silent: Report) -> None:
    judgement = Judgement()
    judgement.follow(report(BAD))
    assert judgement.follow(silent) == []
    assert len(judgement.violations) == 1


def test_a_judgement_survives_its_bytes_and_its_key_is_no_profiles() -> None:
    judgement = Judgement(4, features_closed=True)
    judgement.follow(report(BAD))
    assert Judgement.from_bytes(judgement.to_bytes()) == judgement
    assert parse_remembered_key(remembered_key("verdicts", ("m", "1", 5))) == ("verdicts", ("m", "1", 5))
    assert parse_remembered_key(profile_key("verdicts", "1", 5, 0, "rows")) is None
