# SPDX-License-Identifier: Apache-2.0
"""Past windows on the embedded broker: a worker compares with those that another one judged."""

from __future__ import annotations

import json
import time

import numpy as np

from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from tests.stream.test_worker import START_MS, end, home, running, settings_of
from topics.records import definition_key
from topics.subjects import Topics
from windows.definition import ModelDefinition

MINUTE = 60_000
PAST = 26
MODEL = ModelDefinition(
    model="m",
    window={"size": "1m", "grace": 0},
    monitors={"data_drift": {"anomaly": {"modes": ["z_score"]}}},
)


def minutes(topics: Topics, first: int, last: int, shift: float = 0.0) -> list[Outgoing]:
    """Eighty events in each minute from the first to before the last."""
    rng, records = np.random.default_rng(first), []
    for minute in range(first, last):
        for number, age in enumerate(rng.normal(40 + shift, 5, 80).tolist()):
            name = f"id-{minute:03d}-{number:03d}"
            event = {"inference_id": name, "model": "m", "event_time": START_MS + minute * MINUTE + number * 700}
            event |= {"features": {"age": age}, "prediction": {"label": "1"}}
            records.append(Outgoing(topics.inference, home(name), None, json.dumps(event).encode()))
    return records


def drift_reports(settings: Settings, until_ms: int, timeout_s: float = 60) -> dict[str, dict]:
    """Reports of data drift by the start of their windows, until there is one of a window."""
    found: dict[str, dict] = {}
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until_ms / 1_000))
    deadline = time.monotonic() + timeout_s
    with Follower(settings, Topics(settings.topic_prefix).reports) as follower:
        while time.monotonic() < deadline and last not in found:
            for _, record in follower.poll(0.1):
                if record["monitor"] == "data_drift":
                    found[record["window"]["start"]] = record
    return found


def test_a_new_worker_compares_with_the_windows_that_another_one_judged(mock_broker: str, topics: str) -> None:
    settings = settings_of(mock_broker, topics)
    names = Topics(topics)
    publish(settings, [Outgoing(names.definitions, 0, definition_key("m", "1", 0), MODEL.model_dump_json().encode())])
    with running(settings) as errors:
        publish(settings, minutes(names, 0, PAST) + end(names, START_MS + PAST * MINUTE))
        healthy = drift_reports(settings, START_MS + (PAST - 1) * MINUTE)
    assert errors == []
    past = [report["statistics"]["anomaly"]["past_windows"] for _, report in sorted(healthy.items())]
    assert past == list(range(PAST))
    with running(settings) as errors:
        odd = minutes(names, PAST, PAST + 1, shift=10.0)
        publish(settings, odd + end(names, START_MS + (PAST + 1) * MINUTE))
        reports = drift_reports(settings, START_MS + PAST * MINUTE)
    assert errors == []
    last = reports[max(reports)]
    assert last["statistics"]["anomaly"]["past_windows"] == PAST
    told = [violation for _, violation in Follower(settings, names.violations).read_to_end()]
    assert [(v["feature_name"], v["constraint_check_type"], v["window"]["start"]) for v in told] == [
        ("age", "anomaly_check", max(reports))
    ]
