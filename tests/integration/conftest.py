# SPDX-License-Identifier: Apache-2.0
"""A monitored model on the shared broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker

pytest.register_assert_rewrite("tests.integration.agreement", "tests.integration.partials")
from tests.integration.monitor import Monitor  # noqa: E402


@pytest.fixture
def monitor(kafka: str, topics: str, tmp_path: Path) -> Iterator[Monitor]:
    """One model, its topics and its truth; its workers are ended afterwards."""
    monitor = Monitor(kafka, topics, tmp_path, seed=20_261_120)
    yield monitor
    monitor.close()


@pytest.fixture
def fragile_monitor(own_kafka: Broker, topics: str, tmp_path: Path) -> Iterator[Monitor]:
    """The same on a broker that the test may take away."""
    monitor = Monitor(own_kafka.start(), topics, tmp_path, seed=20_261_121)
    yield monitor
    monitor.close()
