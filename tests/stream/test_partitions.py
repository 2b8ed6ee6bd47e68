# SPDX-License-Identifier: Apache-2.0
"""Partitions: after every assignment a work knows what this worker has, and so do the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from stream.agents.checkpoint import no_fault
from stream.agents.ingest import judged_on
from stream.app import Partitions, Work
from stream.metrics.metrics import Metrics
from stream.worker import works
from topics.subjects import Topics
from windows.definition import Catalog, ModelDefinition
from windows.report import Report, Verdict


class Idle:
    """A role that has nothing to do."""

    def __init__(self, partition: int, _consumer: Any) -> None:
        self.partition = partition

    def recover(self) -> None: ...

    def take(self, _topic: str, _records: Sequence[Any], /) -> bool:
        return False

    def tick(self) -> bool:
        return False

    def cut(self) -> list[Any]:
        return []

    def write(self, _records: list[Any], /) -> None: ...

    def close(self) -> None: ...


def assign(context: Any, kinds: tuple[Work, ...], *assignments: set[tuple[str, int]]) -> None:
    async def run() -> None:
        partitions = Partitions(SimpleNamespace(consumer=None), context, kinds)
        for assignment in assignments:
            partitions.assigned({TopicPartition(*one) for one in assignment})
            await partitions.settle()
        partitions.revoked()

    asyncio.run(run())


def surroundings() -> Any:
    catalog = Catalog((ModelDefinition(model="adult"),))
    metrics = Metrics(CollectorRegistry(), catalog)
    return SimpleNamespace(metrics=metrics, fault=no_fault, partitions=4, topics=Topics())


def test_a_work_is_told_its_partitions_after_every_assignment() -> None:
    told: dict[str, list[frozenset[int]]] = {"ingest": [], "evaluate": []}
    kinds = (
        Work("ingest", ("events", "labels"), Idle, told["ingest"].append),
        Work("evaluate", ("profiles",), Idle, told["evaluate"].append),
    )
    both = {("events", 0), ("labels", 0), ("profiles", 3)}
    assign(surroundings(), kinds, both, {("profiles", 1), ("profiles", 2)}, set())
    assert told["ingest"] == [{0}, set(), set()]
    assert told["evaluate"] == [{3}, {1, 2}, set()]


def test_a_model_that_moves_to_another_worker_takes_its_gauges_along() -> None:
    context = surroundings()
    _, evaluate = works(context)
    here = judged_on("adult", context.partitions)
    verdict = Verdict("age", "baseline_drift_check", "calibrated", "violation", "ks", 0.3)
    report = Report("adult", "1", "data_drift", 0, 1, 1, True, "Completed", "1", "0", rows=9, verdicts=(verdict,))
    labels = {"model": "adult", "model_version": "1", "monitor": "data_drift", "outcome": "violation"}
    context.metrics.report(report)
    for numbers, violated in (({here, 9}, 1.0), ({9}, None)):
        evaluate.told(frozenset(numbers))
        assert context.metrics.registry.get_sample_value("sketchwatch_window_verdicts", labels) == violated
