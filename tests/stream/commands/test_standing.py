# SPDX-License-Identifier: Apache-2.0
"""A violation stands until a later revision of its own window and check takes it back."""

from __future__ import annotations

from typing import Any

import pytest

from stream.commands.standing import standing, unsettled
from windows.report import Verdict, Violation

FOUND = Violation("violation", "m", "1", "data_drift", 0, 1_000, 4, Verdict("age", "drift", "ks", "violation"))


def _record(violation: Violation = FOUND, **more: Any) -> dict[str, Any]:
    return violation.as_record() | more


RESOLVED = _record(FOUND.resolved(5, FOUND.verdict))


def test_a_violation_stands_until_taken_back_and_again_when_found_again() -> None:
    assert standing([_record()]) == [_record()]
    assert standing([_record(), RESOLVED]) == []
    assert standing([_record(), RESOLVED, _record(revision=6)]) == [_record(revision=6)]


@pytest.mark.parametrize(
    "other",
    [
        {"model": "n"},
        {"model_version": "2"},
        {"monitor": "data_quality"},
        {"window": {"start": "later"}},
        {"feature_name": "job"},
        {"constraint_check_type": "completeness_check"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_takes_one_violation_back_leaves_every_other(other: dict[str, Any]) -> None:
    assert standing([_record(), RESOLVED | other]) == [_record()]


def test_a_violation_told_by_several_revisions_stands_once() -> None:
    assert standing([_record(), _record(revision=5)]) == [_record(revision=5)]


def test_an_early_warning_is_open_until_the_closing_test_settles_it() -> None:
    warning = _record(type="early_warning", id="w", revision=0)
    confirmed = _record(type="confirmed", id="c", revision=4)
    assert unsettled([warning]) == [warning]
    assert unsettled([warning, _record(), confirmed]) == []
    assert unsettled([warning, RESOLVED]) == []
    assert unsettled([warning, confirmed | {"feature_name": "job"}]) == [warning]
    assert standing([warning]) == []
