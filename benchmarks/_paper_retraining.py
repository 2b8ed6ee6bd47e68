# SPDX-License-Identifier: Apache-2.0
"""Figure 2 of the paper: a model retrained whenever its monitor says so, the whole monitor in the loop.

The truth y = a x + b drifts by N(1, 1) steps of a and b after every 100 observations; the model knows the a and b of
its last retraining. Each 100 observations are a window; a subscriber of the violations retrains, which is a new version
of the model. The error of the run and the number of retrainings must be those of a simulation without any monitor.
"""

from __future__ import annotations

import math
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Reproduced
from stream.commands.sending import Sender
from stream.demo.broker import EMBEDDED, embedded_broker
from stream.demo.worker import Worker, running_worker
from stream.kafka.following import Follower
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.batches import FLOAT, EventBatch, LabelBatch, Values
from topics.records import baseline_key, definition_key
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import baseline_records
from windows.baselines.quality_constraints import quality_document, read_quality_constraints
from windows.definition import ModelDefinition
from windows.report import iso

MODEL = "line"
BLOCKS, ROWS, SIZE_MS = 100, 100, 100_000
START_MS = 1_700_000_000_000 - 1_700_000_000_000 % SIZE_MS
SEED = 42
# Retrainings and error of the simulation, by threshold.
_EXPECTED = {2.0: (33, 1.985770), 4.0: (22, 2.986137), 8.0: (12, 5.403536)}
_QUICK_BLOCKS = 20
_PATIENCE_S = 30.0


def figure_2(*, quick: bool) -> list[Reproduced]:
    """Run the loop for each threshold; a quick run is the beginning of one, beside its own simulation."""
    expected = {4.0: _simulated(4.0, _QUICK_BLOCKS)} if quick else _EXPECTED
    found = []
    for threshold, said in expected.items():
        cost, rmse = _run(threshold, _QUICK_BLOCKS if quick else BLOCKS)
        found += [
            Reproduced(f"paper.figure_2.threshold_{threshold:g}.retrainings", cost, said[0], 0),
            Reproduced(f"paper.figure_2.threshold_{threshold:g}.rmse", rmse, said[1], 5.1e-7),
        ]
    return found


def _simulated(threshold: float, blocks: int) -> tuple[int, float]:
    """Do without a monitor what `_run` does with one."""
    x, truth = _world(np.random.default_rng(SEED))
    model, cost, squares = truth[0], 0, 0.0
    for block in range(blocks):
        errors = (model - truth[block]) @ np.vstack([x[block * ROWS : (block + 1) * ROWS], np.ones(ROWS)])
        squares += float((errors**2).sum())
        if (errors**2).mean() > threshold**2 and block + 1 < blocks:
            model, cost = truth[block + 1], cost + 1
    return cost, math.sqrt(squares / (blocks * ROWS))


def _run(threshold: float, blocks: int) -> tuple[int, float]:
    """Give the number of retrainings and the error over the whole run."""
    x, truth = _world(np.random.default_rng(SEED))
    with ExitStack() as stack:
        own = {"bootstrap_servers": stack.enter_context(embedded_broker()), "metrics_port": 0}
        own |= {"checkpoint_interval_ms": 100, "idle_poll_ms": 50}
        settings = Settings.model_validate({**own, "kafka": {"log_level": "0", **EMBEDDED}})
        _define(settings, threshold, versions=blocks)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        worker = stack.enter_context(running_worker(settings, Path(folder) / "worker.log"))
        topics = Topics(settings.topic_prefix)
        sender = Sender(settings, MODEL)
        subscriber = stack.enter_context(Follower(settings, topics.reports, topics.violations))
        model, version, squares = truth[0], 1, 0.0
        for block in range(blocks):
            rows = slice(block * ROWS, (block + 1) * ROWS)
            predicted = model[0] * x[rows] + model[1]
            labels = truth[block, 0] * x[rows] + truth[block, 1]
            squares += float(((predicted - labels) ** 2).sum())
            _serve(sender, str(version), block, x[rows], predicted, labels)
            if _violated(subscriber, topics, worker, str(version), block) and block + 1 < blocks:
                model, version = truth[block + 1], version + 1
    return version - 1, math.sqrt(squares / (blocks * ROWS))


def _world(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs, and the true a and b of each block."""
    x = rng.standard_normal(BLOCKS * ROWS)
    steps = rng.normal(1.0, 1.0, size=(BLOCKS - 1, 2))
    return x, np.vstack([np.zeros(2), np.cumsum(steps, 0)])


def _define(settings: Settings, threshold: float, versions: int) -> None:
    """Define every version ahead: its only monitor holds the error of a window against the threshold."""
    document = quality_document("regression", {"rmse": 0.0})
    document["regression_constraints"]["rmse"]["threshold"] = threshold
    monitors = {
        "data_quality": {"enabled": False},
        "data_drift": {"enabled": False},
        "model_quality": {"min_rows": ROWS},
    }
    window = {"size": SIZE_MS, "grace": 0, "label_horizon": 0, "retention": 0}
    topic, records = Topics(settings.topic_prefix).definitions, []
    for version in map(str, range(1, versions + 1)):
        baseline = Baseline(MODEL, version, "1", quality_constraints=read_quality_constraints(document))
        records += [
            Outgoing(topic, 0, baseline_key(MODEL, version, "1", part), data)
            for part, data in baseline_records(baseline)
        ]
        fields = {"model": MODEL, "version": version, "problem_type": "Regression"}
        definition = ModelDefinition.model_validate({**fields, "window": window, "monitors": monitors})
        records.append(Outgoing(topic, 0, definition_key(MODEL, version, 0), definition.model_dump_json().encode()))
    publish(settings, records)


def _serve(
    sender: Sender,
    version: str,
    block: int,
    x: NDArray[np.float64],
    predicted: NDArray[np.float64],
    labels: NDArray[np.float64],
) -> None:
    """Send a window of events and their labels, and say that it is over."""
    ids = np.array([f"{block:04d}-{row:04d}".encode() for row in range(ROWS)]).view(np.uint8).reshape(ROWS, -1)
    at_ms = START_MS + block * SIZE_MS + np.arange(ROWS, dtype=np.int64) * (SIZE_MS // ROWS)
    rows = np.arange(ROWS)
    columns = {"x": Values(FLOAT, x), "prediction.value": Values(FLOAT, predicted)}
    sender.events(EventBatch(MODEL, version, ids, at_ms, rows, columns))
    sender.labels(LabelBatch(MODEL, version, ids, at_ms, rows, value=labels))
    sender.watermark(START_MS + (block + 1) * SIZE_MS)
    sender.flush()


def _violated(subscriber: Follower, topics: Topics, worker: Worker, version: str, block: int) -> bool:
    """Wait for the final report of a window; whether a violation was published with it."""
    start, violated = iso(START_MS + block * SIZE_MS), False
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        worker.check()
        final = False
        for topic, record in subscriber.poll(0.02):
            if (record["window"]["start"], record["model_version"]) == (start, version):
                violated |= topic == topics.violations and record["type"] == "violation"
                final |= topic == topics.reports and record["final"]
        if final:
            # One transaction wrote both, but they are read from two topics.
            return violated or any(
                topic == topics.violations and record["window"]["start"] == start
                for topic, record in subscriber.poll(0.1)
            )
    msg = f"expected a report of window {start} of version {version} within {_PATIENCE_S:.0f} s"
    raise RuntimeError(msg)
