# SPDX-License-Identifier: Apache-2.0
"""A definition starts to hold where no window is open yet."""

from __future__ import annotations

import json

import pytest

from stream.agents.decoding import wall_clock_ms
from stream.agents.ingest import judged_on
from stream.commands.applying import apply, read_definitions
from stream.commands.event_times import latest_event_time_ms, reached_ms
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.records import profile_key
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window

HOUR_MS = 3_600_000
ONE = ModelDefinition(model="m")
OTHER = ONE.model_copy(update={"window": Window(label_horizon=HOUR_MS)})


@pytest.fixture
def settings(mock_broker: str, topics: str) -> Settings:
    return Settings(bootstrap_servers=mock_broker, topic_prefix=topics, group=topics)


def _event(settings: Settings, model: str, time_ms: int) -> None:
    value = json.dumps({"inference_id": f"{time_ms}", "event_time": time_ms, "model": model}).encode()
    publish(settings, [Outgoing(Topics(settings.topic_prefix).inference, -1, b"k", value)])


def _others(settings: Settings) -> None:
    """Fill every partition with more messages of another model than are looked at."""
    value = json.dumps({"inference_id": "o", "event_time": HOUR_MS, "model": "other"}).encode()
    topic = Topics(settings.topic_prefix).inference
    publish(settings, [Outgoing(topic, place % 4, b"k", value) for place in range(4 * 201)])


def test_the_first_definition_of_a_model_version_holds_for_all_windows(settings: Settings) -> None:
    _event(settings, "m", 10 * HOUR_MS)
    assert apply(settings, ONE).effective_from_ms == 0


def test_a_later_one_holds_from_the_second_window_after_the_latest_event_of_the_model(settings: Settings) -> None:
    apply(settings, ONE)
    _event(settings, "m", 10 * HOUR_MS + 1)
    _event(settings, "m", 9 * HOUR_MS)
    _event(settings, "other", 50 * HOUR_MS)
    assert apply(settings, OTHER).effective_from_ms == 12 * HOUR_MS
    history = read_definitions(settings).catalog.history("m", "1")
    assert [one.window.label_horizon for one in history] == [ONE.window.label_horizon, HOUR_MS]


def test_without_traffic_a_later_one_replaces_the_first(settings: Settings) -> None:
    apply(settings, ONE)
    assert apply(settings, OTHER).effective_from_ms == 0
    assert len(read_definitions(settings).catalog.history("m", "1")) == 1


def test_applying_the_same_definition_again_changes_nothing(settings: Settings) -> None:
    apply(settings, ONE)
    _event(settings, "m", 10 * HOUR_MS)
    assert apply(settings, ONE).effective_from_ms == 0
    assert len(read_definitions(settings).catalog.history("m", "1")) == 1


def test_a_time_given_is_taken(settings: Settings) -> None:
    assert apply(settings, ONE, effective_from_ms=5 * HOUR_MS).effective_from_ms == 5 * HOUR_MS


def test_a_model_beyond_the_newest_messages_holds_from_a_window_after_those_published(settings: Settings) -> None:
    apply(settings, ONE)
    _event(settings, "m", 10 * HOUR_MS)
    _others(settings)
    closed = profile_key("m", "1", 10 * HOUR_MS, 0, "rows")
    profiles, number = Topics(settings.topic_prefix).profiles, judged_on("m", 4)
    publish(settings, [Outgoing(profiles, number, key, b"any") for key in (closed, b"verdicts|m|1|0")])
    # Events up to 12:05 leave the window of 11:00 open.
    assert apply(settings, OTHER).effective_from_ms == 14 * HOUR_MS


def test_a_model_without_any_trace_holds_from_a_window_after_now(settings: Settings) -> None:
    apply(settings, ONE)
    _event(settings, "m", 10 * HOUR_MS)
    _others(settings)
    assert reached_ms(settings, ONE, lambda: 50 * HOUR_MS) == 50 * HOUR_MS + settings.max_future_skew_ms
    assert apply(settings, OTHER).effective_from_ms >= wall_clock_ms()


def test_the_latest_event_time_of_a_model_never_seen_is_unknown(settings: Settings) -> None:
    _event(settings, "m", HOUR_MS)
    assert latest_event_time_ms(settings, "n") == (None, True)
    assert latest_event_time_ms(settings, "m") == (HOUR_MS, True)


def test_an_event_that_workers_refuse_does_not_move_the_time(settings: Settings) -> None:
    apply(settings, ONE)
    _event(settings, "m", wall_clock_ms() + 100 * HOUR_MS)
    assert latest_event_time_ms(settings, "m") == (None, True)
    assert apply(settings, OTHER).effective_from_ms == 0


def test_a_forest_that_could_never_alarm_is_told(settings: Settings) -> None:
    told: list[str] = []
    anomaly = {"modes": ["random_cut_forest"], "windows": 24}
    apply(settings, ModelDefinition(model="m", monitors={"data_drift": {"anomaly": anomaly}}), warn=told.append)
    assert [text.split(":")[0] for text in told] == [
        "no baseline of m version 1 is published, so windows are not compared; run `sketchwatch baseline publish`",
        "monitors.data_drift.anomaly.windows = 24",
    ]
