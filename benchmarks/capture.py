# SPDX-License-Identifier: Apache-2.0
"""What `Capture.log` costs a model server whose model computes for 5 ms an inference."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from confluent_kafka import Producer

from benchmarks.figures import Figure
from topics.capture import Capture

COMPUTE_NS = 5_000_000
FEATURES = 20
TARGET_PERCENT = 1.0
TARGET_P99_US = 50.0


def _compute_steps() -> int:
    """Steps of `_compute` that take 5 ms of this machine: work is fixed, so that slowing it down shows."""
    weights = np.random.default_rng(0).normal(size=(64, 64))
    _compute(weights, 2_000)
    samples = []
    for _ in range(7):
        started = time.perf_counter_ns()
        _compute(weights, 500)
        samples.append((time.perf_counter_ns() - started) / 500)
    return max(1, round(COMPUTE_NS / float(np.median(samples))))


def _compute(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]], steps: int) -> float:
    hidden = np.ones(len(weights))
    for _ in range(steps):
        hidden = np.tanh(weights @ hidden)
    return float(hidden[0])


def _loop(inferences: int, steps: int, log: Callable[[int, float], None] | None) -> tuple[float, float]:
    """Wall-clock and process CPU seconds of a loop of inferences."""
    weights = np.random.default_rng(0).normal(size=(64, 64))
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(inferences):
        output = _compute(weights, steps)
        if log is not None:
            log(number, output)
    return time.perf_counter() - wall, time.process_time() - cpu


def run(*, quick: bool) -> list[Figure]:
    """Alternate bare and logging loops, in random order; their lower quartiles say what logging adds."""
    cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    rng = np.random.default_rng(0)
    rows = [
        dict(zip((f"f{i}" for i in range(FEATURES)), rng.normal(size=FEATURES).tolist(), strict=True))
        for _ in range(100)
    ]
    capture = Capture(f"{broker.host}:{broker.port}", "bench")

    def log(number: int, output: float) -> None:
        capture.log(f"inference-{number:012d}", rows[number % 100], int(output > 0), score=0.5)

    steps = _compute_steps()
    _loop(200, steps, log)
    # Each loop lasts a second, as long as the client waits before it flushes, so that each pays for its own rows.
    loops: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(14 if quick else 60):
        for with_log in rng.permutation(2).tolist():
            loops[with_log].append(_loop(200, steps, log if with_log else None))
    # Other processes only ever add time: the lower quartile has the least of theirs.
    bare, logged = (np.quantile(np.array(measured), 0.25, axis=0) for measured in loops)
    added = 100.0 * (logged / bare - 1.0)
    calls = np.empty(10_000)
    for number in range(len(calls)):
        started = time.perf_counter_ns()
        log(number, 1.0)
        calls[number] = time.perf_counter_ns() - started
        # As fast as calls come without the queue filling up: flushes happen while it is timed.
        if number % 50 == 49:
            time.sleep(0.002)
    capture.close()
    dropped = capture.counts.dropped + capture.counts.failed + capture.counts.invalid
    if dropped:
        msg = f"expected all logged inferences to be sent, got {dropped} that were not"
        raise RuntimeError(msg)
    p99 = float(np.percentile(calls, 99)) / 1_000
    return [
        Figure.of("capture.latency", float(added[0]), "%", limit=TARGET_PERCENT),
        Figure.of("capture.cpu", float(added[1]), "%", limit=TARGET_PERCENT),
        Figure.of("capture.p99", p99, "us", limit=TARGET_P99_US),
    ]
