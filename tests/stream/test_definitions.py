# SPDX-License-Identifier: Apache-2.0
"""Definitions and baselines follow their records, and a bad record changes nothing."""

from __future__ import annotations

import pytest

from stream.definitions import Definitions
from topics.records import baseline_key, definition_key
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import HEADER, baseline_records
from windows.definition import ModelDefinition
from windows.errors import BaselineError

KEY = definition_key("adult", "3", 0)
DEFINITION = ModelDefinition(model="adult", version="3")


def with_baseline(definitions: Definitions, version: str) -> None:
    for part, value in baseline_records(Baseline("adult", "3", version, n=int(version))):
        definitions.put(baseline_key("adult", "3", version, part), value)


def test_a_definition_comes_changes_and_goes() -> None:
    definitions = Definitions()
    definitions.put(KEY, DEFINITION.model_dump_json().encode())
    changed = DEFINITION.model_copy(update={"positive_class": "yes"})
    definitions.put(KEY, changed.model_dump_json().encode())
    assert [d.positive_class for d in definitions.catalog.history("adult", "3")] == ["yes"]
    definitions.put(KEY, None)
    assert definitions.catalog.versions("adult") == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"nonsense", b"{}"),
        (KEY, b"{"),
        (KEY, b'{"model": "adult", "version": "3", "windw": {}}'),
        (KEY, b'{"model": "other"}'),
    ],
)
def test_a_record_that_is_no_definition_is_refused_and_changes_nothing(key: bytes, value: bytes) -> None:
    definitions = Definitions()
    definitions.put(KEY, DEFINITION.model_dump_json().encode())
    with pytest.raises(ValueError, match=r"expected|alid"):
        definitions.put(key, value)
    assert definitions.catalog.history("adult", "3") == (DEFINITION,)


def test_the_latest_baseline_is_the_highest_number_that_is_there_in_whole() -> None:
    definitions = Definitions()
    assert definitions.baseline(DEFINITION) is None
    for version in ("9", "10"):
        with_baseline(definitions, version)
    definitions.put(baseline_key("adult", "3", "11", "feature/age"), b"half")
    assert definitions.baseline(DEFINITION).baseline_version == "10"
    assert definitions.baseline(DEFINITION.model_copy(update={"baseline": "9"})).n == 9
    definitions.put(baseline_key("adult", "3", "10", HEADER), None)
    assert definitions.baseline(DEFINITION).baseline_version == "9"


def test_a_damaged_baseline_raises_when_it_is_asked_for() -> None:
    definitions = Definitions()
    with_baseline(definitions, "1")
    header = baseline_records(Baseline("adult", "3", "1"))[-1][1].replace(b'"parts": []', b'"parts": ["x"]')
    definitions.put(baseline_key("adult", "3", "1", HEADER), header.replace(b'"parts":[]', b'"parts":["x"]'))
    with pytest.raises(BaselineError, match="missing"):
        definitions.baseline(DEFINITION)
