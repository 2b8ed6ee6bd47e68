# SPDX-License-Identifier: Apache-2.0
"""Fixtures every package's tests may use: brokers and names that no other test has."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import broker

# A busy machine is no reason to fail, and neither is the luck of one run; EXPLORE=1 looks for new examples.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize="EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        broker.reserve_shared()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        broker.remove_shared()


@pytest.fixture(scope="session")
def kafka() -> str:
    """Bootstrap address of the real Apache Kafka that all tests of this run share."""
    return broker.start_shared()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[broker.Broker]:
    """A real Apache Kafka for this test alone, started; the test may stop and restart it."""
    own = broker.broker_in(tmp_path / "own-kafka")
    own.start()
    yield own
    own.remove()


@pytest.fixture
def mock_broker() -> Iterator[str]:
    """Bootstrap address of librdkafka's mock cluster: in memory, four partitions for every topic, nothing fenced."""
    with broker.mock_cluster() as bootstrap:
        yield bootstrap


@pytest.fixture
def topics() -> str:
    """A prefix for the topics and groups of this test, different from every other test's."""
    return f"t{uuid.uuid4().hex[:12]}"
