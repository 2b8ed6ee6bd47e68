# SPDX-License-Identifier: Apache-2.0
"""Over a broker: a warning while the hour is open, its confirmation, a violation of a segment, and a sample of rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sketches.block import Block, Column, Kind
from stream.commands.baselines import publish_baseline
from stream.commands.query import query
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from tests.stream.test_worker import home, running, settings_of
from topics.records import definition_key, watermark
from topics.subjects import Topics
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition

HOUR = 3_600_000
START_MS = 472_222 * HOUR
N, REGIONS = 2_400, ("eu", "us")
DEFINITION = ModelDefinition(
    model="m",
    segments=("region",),
    sample={"enabled": True, "rows": 50},
    monitors={"data_drift": {"early_warning": {"enabled": True}}},
)


def test_a_shift_is_warned_of_confirmed_and_named_by_segment(mock_broker: str, topics: str) -> None:
    settings, names = settings_of(mock_broker, topics), Topics(topics)
    key = definition_key("m", "1", 0)
    publish(settings, [Outgoing(names.definitions, 0, key, DEFINITION.model_dump_json().encode())])
    rng = np.random.default_rng(1)
    past = {"age": Column(Kind.FLOAT, rng.normal(40, 5, 20_000)), "hours": Column(Kind.FLOAT, rng.normal(size=20_000))}
    past["tags.region"] = Column(Kind.STRING, rng.integers(0, 2, 20_000).astype(np.int32), None, REGIONS)
    publish_baseline(settings, suggest([Block(20_000, past)], model="m", definition=DEFINITION).baseline)
    events = _events(names, rng)
    with running(settings) as errors, Follower(settings, names.violations) as follower:
        publish(settings, events[: N // 2])
        warned = _until(follower, lambda found: any(v["type"] == "early_warning" for v in found))
        assert {(v["type"], v["feature_name"]) for v in warned} == {("early_warning", "age")}
        value, headers = watermark("m", START_MS + 2 * HOUR)
        ends = [Outgoing(names.inference, at, None, value, tuple(headers)) for at in range(4)]
        publish(settings, [*events[N // 2 :], *ends])
        told = _until(follower, lambda found: any(v["type"] == "confirmed" for v in found))
        deadline = time.monotonic() + 20
        merged = query(settings, "m", "1", 0, 2**62)
        while not merged.windows and time.monotonic() < deadline:
            merged = query(settings, "m", "1", 0, 2**62)
    assert errors == []
    assert ("violation", "age") in {(v["type"], v["feature_name"]) for v in told}
    of_segments = {(v["segment"], v["segment_value"], v["feature_name"]) for v in told if "segment" in v}
    assert ("region", "eu", "age[region=eu]") in of_segments
    assert not any(value == "us" for _, value, _ in of_segments)
    assert merged.sample.n == N
    assert len(merged.sample.rows) == 50
    sent = {(round(e["features"]["age"], 9), e["tags"]["region"]) for e in map(json.loads, (o.value for o in events))}
    kept = {(round(row["age"], 9), row["tags.region"]) for row in merged.sample.rows.values()}
    assert kept <= sent


def _events(names: Topics, rng: np.random.Generator) -> list[Outgoing]:
    """One hour in which the age of Europeans is another from minute 10 on."""
    records = []
    for number in range(N):
        at_ms = START_MS + number * HOUR // N
        region = REGIONS[number % 2]
        shift = 8.0 if region == "eu" and at_ms >= START_MS + HOUR // 6 else 0.0
        features = {"age": rng.normal(40 + shift, 5), "hours": rng.normal()}
        name = f"id-{number:05d}"
        event = {"inference_id": name, "model": "m", "event_time": at_ms, "features": features}
        event["tags"] = {"region": region}
        records.append(Outgoing(names.inference, home(name), None, json.dumps(event).encode()))
    return records


def _until(follower: Follower, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 150
    while not enough(found) and time.monotonic() < deadline:
        found += [record for _, record in follower.poll(0.1)]
    return found
