# SPDX-License-Identifier: Apache-2.0
"""What every part of a worker is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stream.agents.checkpoint import Fault, no_fault
from stream.definitions import Definitions
from stream.hooks.worker_hooks import WorkerHooks
from stream.metrics.metrics import Metrics
from stream.settings import Settings
from topics.subjects import Topics


def steady_clock_ms() -> int:
    """Read a clock that never goes back and is not set, in milliseconds."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of a worker's partitions.

    Parameters
    ----------
    settings : Settings
        How to work.
    partitions : int
        Partition count of the source topics.
    definitions : Definitions
        Monitors and baselines; changed on the loop only.
    metrics : Metrics
        Where to count.
    clock_ms : callable
        A clock that never goes back, for what is waited for.
    fault : callable
        Called at every numbered step; see `stream.agents.checkpoint`.
    rng : numpy.random.Generator
        Secrets of hashes, and the bootstrap.
    hooks : WorkerHooks
        The operator's own code.
    """

    settings: Settings
    partitions: int
    definitions: Definitions
    metrics: Metrics
    clock_ms: Callable[[], int] = steady_clock_ms
    fault: Fault = no_fault
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    hooks: WorkerHooks = field(default_factory=lambda: WorkerHooks({}))

    @property
    def topics(self) -> Topics:
        """Names of the topics."""
        return Topics(self.settings.topic_prefix)
