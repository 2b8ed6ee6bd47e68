# SPDX-License-Identifier: Apache-2.0
"""Records of workers fit the published schemas, and keys come apart as they were put together."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topics.messages import message
from topics.batches import Rejected, Watermark
from topics.codec import decode_events
from topics.records import (
    WATERMARK_TYPE,
    BaselineKey,
    DefinitionKey,
    ProfileKey,
    baseline_key,
    dead_letter,
    definition_key,
    from_json,
    iso_time,
    parse_definitions_key,
    parse_profile_key,
    profile_key,
    to_json,
    violation_headers,
    watermark,
)
from windows.report import Report, Verdict, Violation

names = st.text("abcXYZ019._-", min_size=1, max_size=8)
parts = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable())
times = st.integers(0, 253_402_300_799_999)


def validator(name: str) -> Any:
    schema = json.loads((files("topics") / "schemas" / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@given(names, names, times, st.integers(0, 99), parts)
def test_a_profile_key_comes_apart(model: str, version: str, start: int, partition: int, part: str) -> None:
    key = profile_key(model, version, start, partition, part)
    assert parse_profile_key(key) == ProfileKey(model, version, start, partition, part)


@given(names, names, times, names, parts)
def test_keys_of_definitions_and_baselines_come_apart(
    model: str, version: str, start: int, baseline: str, part: str
) -> None:
    assert parse_definitions_key(definition_key(model, version, start)) == DefinitionKey(model, version, start)
    key = baseline_key(model, version, baseline, part)
    assert parse_definitions_key(key) == BaselineKey(model, version, baseline, part)


@pytest.mark.parametrize(
    "key", [b"", b"a|b|c|d", b"m|1|2", b"m|1|2|3", b"definition|m", b"baseline|m|1", b"\xff|1|2|3/4"]
)
def test_keys_of_another_form_are_an_error_that_names_the_form(key: bytes) -> None:
    with pytest.raises(ValueError, match="expected a key"):
        parse_profile_key(key)
    with pytest.raises(ValueError, match="expected a key"):
        parse_definitions_key(key)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.dictionaries(st.text(), s) | st.lists(s)
    )
)
def test_records_are_strict_json_and_come_back(value: Any) -> None:
    def spoken(item: Any) -> Any:
        if isinstance(item, float) and not math.isfinite(item):
            return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
        if isinstance(item, dict):
            return {key: spoken(inner) for key, inner in item.items()}
        return [spoken(inner) for inner in item] if isinstance(item, list) else item

    assert from_json(to_json({"value": value})) == {"value": spoken(value)}


@given(names, times)
def test_a_watermark_fits_its_schema_and_is_read_as_it_was_written(model: str, time_ms: int) -> None:
    value, headers = watermark(model, time_ms)
    validator("watermark").validate(from_json(value))
    assert headers == [("content-type", WATERMARK_TYPE.encode())]
    decoded = decode_events([message(value, 3, content_type=WATERMARK_TYPE)], reference_ms=time_ms)
    assert decoded.batches == (Watermark(model, time_ms, 3),)


@pytest.mark.parametrize(
    ("time_ms", "text"), [(0, "1970-01-01T00:00:00.000Z"), (1_795_169_730_123, "2026-11-20T10:15:30.123Z")]
)
def test_times_are_written_to_the_millisecond(time_ms: int, text: str) -> None:
    assert iso_time(time_ms) == text


def test_a_dead_letter_fits_its_schema_and_has_the_payload_only_if_given() -> None:
    schema = validator("dead_letter")
    (rejected,) = decode_events([message(b"\xff\x00", 9)]).rejected
    assert isinstance(rejected, Rejected)
    key, value = dead_letter(rejected)
    assert key == b"t/0/9"
    schema.validate(from_json(value))
    assert "payload_hex" not in from_json(value)
    with_payload = from_json(dead_letter(rejected, message(b"\xff\x00", 9))[1])
    schema.validate(with_payload)
    assert bytes.fromhex(with_payload["payload_hex"]) == b"\xff\x00"


def verdict() -> Verdict:
    numbers = {"value": math.inf, "error": 0.01, "threshold": 0.05, "pvalue": 1e-9, "alpha": 1e-3}
    return Verdict("age", "baseline_drift_check", "calibrated", "violation", "ks", **numbers, interval=(0.1, 0.2), n=10)


def test_reports_fit_their_schema() -> None:
    common = ("m", "1", "data_drift", 0, 3_600_000, 1)
    good = Report(*common, final=True, status="Completed", baseline_version=None, definition="d", verdicts=(verdict(),))
    schema = validator("report")
    schema.validate(from_json(to_json(good.as_record())))
    failed = Report(*common, final=True, status="Failed", baseline_version="2", definition="d", error="no baseline")
    schema.validate(from_json(to_json(failed.as_record())))
    assert not schema.is_valid(from_json(to_json(failed.as_record())) | {"status": "Fine"})


@pytest.mark.parametrize("monitor", ["data_drift", "model_quality"])
@pytest.mark.parametrize("kind", ["violation", "early_warning", "confirmed", "resolved"])
def test_violations_fit_their_schema_and_are_cloud_events(monitor: str, kind: Any) -> None:
    record = Violation(kind, "m", "1", monitor, 0, 3_600_000, 2, verdict()).as_record()
    validator("violation").validate(from_json(to_json(record)))
    headers = {name: value.decode() for name, value in violation_headers(record)}
    assert headers["ce_id"] == f"{record['id']}/2"
    assert headers["ce_type"] == f"io.sketchwatch.{kind}.v1"
    assert headers["ce_source"] == "sketchwatch/m/1"
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_time"] == "1970-01-01T01:00:00Z"
