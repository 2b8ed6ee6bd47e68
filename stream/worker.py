# SPDX-License-Identifier: Apache-2.0
"""A worker process: check what it needs, run until told to stop, leave with an exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
import tempfile
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from stream.agents.checkpoint import Fault, no_fault
from stream.agents.context import Context
from stream.agents.evaluation import Evaluation
from stream.agents.ingest import Ingest, judged_on
from stream.app import Work, build_app
from stream.definitions import Definitions, DefinitionsReader
from stream.errors import InfrastructureError, StreamError
from stream.garbage import rare_collections
from stream.hooks.worker_hooks import WorkerHooks
from stream.kafka.clients import client_config, partition_counts
from stream.metrics.metrics import Metrics
from stream.settings import Settings
from topics.subjects import Topics

log = logging.getLogger(__name__)
_POLL_S = 0.05
_LEAVE_S = 2.0


def run(
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    fault: Fault = no_fault,
    on_metrics: Callable[[int], None] | None = None,
) -> int:
    """Run a worker until SIGTERM, SIGINT or `stop`.

    Parameters
    ----------
    settings : Settings
        How to work.
    stop : threading.Event, optional
        Ends the worker when set; the only way to end one that runs outside the main thread.
    fault : callable
        Called at every numbered step of recovery and checkpoint.
    on_metrics : callable, optional
        Told the port on which the metrics are served.

    Returns
    -------
    int
        0 after a clean stop: everything processed is in a checkpoint.

    Raises
    ------
    StreamError
        If Kafka is not as needed, or a partition's state is damaged. What was not in a checkpoint is read again.
    """
    with ExitStack() as stack:
        context = _context(settings, fault)
        reader = DefinitionsReader(settings, context.definitions)
        stack.callback(reader.close)
        reader.read_to_end()
        if settings.metrics_port is not None:
            port = _serve(stack, context.metrics, settings)
            if on_metrics is not None:
                on_metrics(port)
        stack.enter_context(rare_collections())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sketchwatch-"))
        _run(_serve_until_stopped(context, reader, folder, stop or threading.Event()))
    return 0


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end as `asyncio.run` does, which would wait for ever for a task of Faust's that will not end."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_LEAVE_S))
        asyncio.set_event_loop(None)
        loop.close()


def _context(settings: Settings, fault: Fault) -> Context:
    definitions = Definitions(settings.extensions)
    metrics = Metrics(CollectorRegistry(), definitions.catalog)
    hooks = WorkerHooks(settings.hooks)
    return Context(settings, check_topics(settings), definitions, metrics, fault=fault, hooks=hooks)


def works(context: Context) -> tuple[Work, Work]:
    """Say what a worker does with which topics."""
    topics = context.topics

    def judging(numbers: frozenset[int]) -> None:
        context.metrics.judging(lambda model: judged_on(model, context.partitions) in numbers)

    return (
        Work("ingest", topics.sources, lambda number, consumer: Ingest(number, context, consumer)),
        Work("evaluate", (topics.profiles,), lambda number, _consumer: Evaluation(number, context), judging),
    )


def check_topics(settings: Settings) -> int:
    """Check that the topics exist and the joined ones have one partition count; return it.

    Raises
    ------
    InfrastructureError
        If a topic is missing, a count differs, or the broker does not answer.
    """
    topics = Topics(settings.topic_prefix)
    table = topics.table()
    counts = partition_counts(AdminClient(client_config(settings)), settings, tuple(topic.name for topic in table))
    if missing := [name for name, count in counts.items() if not count]:
        msg = (
            f"topics {', '.join(missing)} do not exist at {settings.bootstrap_servers}; run `sketchwatch topics create`"
        )
        raise InfrastructureError(msg)
    expected = counts[topics.inference]
    for topic in table:
        if topic.like_sources and counts[topic.name] != expected:
            msg = (
                f"topic {topic.name}: expected {expected} partitions as {topics.inference} has, found "
                f"{counts[topic.name]}; events and labels join by partition number, so the counts must be equal"
            )
            raise InfrastructureError(msg)
    return expected


def _serve(stack: ExitStack, metrics: Metrics, settings: Settings) -> int:
    port = settings.metrics_port or 0
    try:
        exporter = metrics.serve(port, settings.metrics_bind)
    except OSError as error:
        msg = f"cannot serve metrics on {settings.metrics_bind}:{port}: {error.strerror}; set metrics_port"
        raise InfrastructureError(msg) from None
    stack.callback(exporter.close)
    return exporter.port


async def _serve_until_stopped(context: Context, reader: DefinitionsReader, folder: str, stop: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    app, partitions = build_app(context, works(context), folder)
    failed: list[Exception] = []
    reader.follow(loop.call_soon_threadsafe, failed.append)
    try:
        await app.start()
        while not (stop.is_set() or app.crashed or failed):
            await asyncio.sleep(_POLL_S)
    finally:
        reason = failed[0] if failed else app.crash_reason if app.crashed else None
        if reason is not None:
            # A cut that could not be written must not be followed by another.
            partitions.revoked()
        try:
            await _stop(app, context.settings)
        except (InfrastructureError, asyncio.CancelledError):
            # What a crash left unfinished is cancelled or waits in vain; why it crashed says more.
            if reason is None:
                raise
        partitions.revoked()
        # A checkpoint on the way out can fail as well.
        reason = reason or (app.crash_reason if app.crashed else None)
    if reason is not None:
        raise _plain(reason) from reason


async def _stop(app: Any, settings: Settings) -> None:
    try:
        await asyncio.wait_for(app.stop(), settings.stop_timeout_ms / 1_000)
    except TimeoutError:
        msg = f"expected to stop within {settings.stop_timeout_ms} ms; what was not in a checkpoint is read again"
        raise InfrastructureError(msg) from None


def _plain(reason: BaseException) -> StreamError:
    if isinstance(reason, StreamError):
        return reason
    return InfrastructureError(f"the worker failed: {type(reason).__name__}: {reason}")
