# SPDX-License-Identifier: Apache-2.0
"""Only time between two looks at the end of a partition moves stream time, whoever else writes to it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stream.agents.context import Context
from stream.agents.ingest import Ingest
from stream.agents.silence import Silence
from stream.definitions import Definitions
from stream.kafka.connection import partitions_of
from stream.kafka.transport import Block
from stream.metrics.metrics import Metrics
from stream.settings import Settings
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window
from windows.events import TimeAdvanced

HOUR_MS = 3_600_000
TICK_MS = 500


class Ends:
    """A consumer that is always at the end, or never."""

    def __init__(self) -> None:
        self.reached = True

    def at_end(self, topic: str, partition: int, next_offset: int, /) -> bool:
        return self.reached

    def behind(self, topic: str, partition: int, next_offset: int, /) -> int | None:
        return None


def test_time_between_two_looks_at_the_end_is_silence() -> None:
    silence = Silence(0, longest_ms=5_000)
    assert silence.tick("events", 500, at_end=True) is None
    assert silence.tick("events", 1_000, at_end=True) == TimeAdvanced("events", 500)


def test_time_during_a_backlog_is_none() -> None:
    silence = Silence(0, longest_ms=5_000)
    looks = [(500, True), (1_000, False), (1_500, True), (2_000, True)]
    found = [silence.tick("events", now_ms, at_end=at_end) for now_ms, at_end in looks]
    assert found == [None, None, None, TimeAdvanced("events", 500)]


def test_time_in_which_the_worker_stood_still_is_none() -> None:
    silence = Silence(0, longest_ms=5_000)
    silence.tick("events", 500, at_end=True)
    assert silence.tick("events", 60_000, at_end=True) is None
    assert silence.tick("events", 60_500, at_end=True) == TimeAdvanced("events", 500)


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(ms=0)


@pytest.fixture
def ingest(mock_broker: str, topics: str, clock: SimpleNamespace) -> Any:
    definitions = Definitions()
    for model in ("quiet", "busy"):
        definition = ModelDefinition(model=model, window=Window(idle_timeout=600_000))
        definitions.put(f"definition|{model}|1|0".encode(), definition.model_dump_json().encode())
    settings = Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)
    # The embedded broker makes a topic when asked of it by name.
    partitions_of(settings, *Topics(topics).sources, Topics(topics).state)
    context = Context(
        settings, 1, definitions, Metrics(CollectorRegistry(), definitions.catalog), clock_ms=lambda: clock.ms
    )
    role = Ingest(0, context, Ends())
    role.recover()
    yield role
    role.close()


def _take(ingest: Ingest, model: str, offset: int, time_ms: int) -> None:
    topic = Topics(ingest._context.settings.topic_prefix).inference
    value = json.dumps({"inference_id": f"{model}-{offset}", "event_time": time_ms, "model": model}).encode()
    record = SimpleNamespace(offset=offset, timestamp=time_ms, timestamp_type=1, key=None, value=value, headers=())
    ingest.take(topic, Block([record], offset - 1))


def test_another_models_traffic_does_not_hold_the_time_of_a_quiet_one(ingest: Ingest, clock: SimpleNamespace) -> None:
    start_ms = 1_000 * HOUR_MS
    _take(ingest, "quiet", 0, start_ms)
    for offset in range(1, 7_202):
        clock.ms += TICK_MS - 100
        _take(ingest, "busy", offset, start_ms + clock.ms)
        clock.ms += 100
        ingest.tick()
    time_ms = ingest._store.models["quiet"].time.events_ms
    assert time_ms == start_ms + HOUR_MS
    busy_ms = ingest._store.models["busy"].time.events_ms
    assert busy_ms == start_ms + clock.ms - 100


def test_another_models_backlog_holds_the_time_of_a_quiet_one(ingest: Ingest, clock: SimpleNamespace) -> None:
    _take(ingest, "quiet", 0, HOUR_MS)
    ingest._ends.reached = False
    for _ in range(2_400):
        clock.ms += TICK_MS
        ingest.tick()
    assert ingest._store.models["quiet"].time.events_ms == HOUR_MS
