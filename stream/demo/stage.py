# SPDX-License-Identifier: Apache-2.0
"""Play the demo: baseline, definition, worker, traffic, and wait for what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.commands.applying import apply
from stream.commands.baselines import publish_baseline, suggest_baseline
from stream.commands.replay import replay
from stream.commands.traffic import traffic_of
from stream.demo.data import BASELINE_ROLES, LABEL_HORIZON_MS, TRAFFIC_ROLES, lay_out, train
from stream.demo.outcome import MONITORS, Outcome, expected_reports
from stream.demo.worker import Worker, running_worker
from stream.errors import InfrastructureError
from stream.kafka.following import Follower
from stream.settings import Settings
from topics.subjects import Topics
from windows.definition import ModelDefinition, Window

MODEL = "adult-income"
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Play:
    """One performance.

    Parameters
    ----------
    data : Path
        `adult.csv.gz`.
    output : Path
        Folder of what it writes.
    version : str
        Version of the model.
    start_ms : int
        Start of the first hour, UTC.
    seed : int
        Decides which rows fall into which hour.
    own_worker : bool
        Start a worker; otherwise those of the cluster do the work.
    speed : float, optional
        Seconds of the story a second; as fast as the broker takes it if not given.
    """

    data: Path
    output: Path
    version: str
    start_ms: int
    seed: int = 0
    own_worker: bool = True
    speed: float | None = None


def definition_of(version: str) -> ModelDefinition:
    """Define what is watched of the model: all defaults but the time that labels take."""
    window = Window(label_horizon=LABEL_HORIZON_MS)
    return ModelDefinition(model=MODEL, version=version, problem_type="BinaryClassification", window=window)


def play(settings: Settings, plan: Play, progress: Progress) -> Outcome:
    """Run the demo against a broker whose topics are there.

    Raises
    ------
    InfrastructureError
        If the broker or the worker fails, or not every report is final within a minute of the last label.
    """
    topics = Topics(settings.topic_prefix)
    plan.output.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(MODEL, plan.version, plan.start_ms)
    definition = definition_of(plan.version)
    with ExitStack() as stack:
        step = progress.add_task("Train a model on the train split", total=None)
        trained = train(plan.data)
        table = lay_out(trained, seed=plan.seed, start_ms=plan.start_ms, name=f"adult-{plan.version}")
        _done(progress, step, "Trained a model on the train split")

        step = progress.add_task("Suggest a baseline and publish it", total=None)
        suggested = suggest_baseline(trained.baseline, BASELINE_ROLES, definition)
        publish_baseline(settings, suggested.baseline)
        apply(settings, definition)
        worker = stack.enter_context(running_worker(settings, plan.output / "worker.log")) if plan.own_worker else None
        _done(progress, step, f"Published a baseline of {len(trained.baseline):,} rows and the definition")

        traffic = traffic_of(table, TRAFFIC_ROLES, name="adult")
        total = len(traffic.ids) + len(traffic.label_row)
        step = progress.add_task("Stream six hours of events and labels", total=total)
        advance = partial(progress.advance, step)
        replay(settings, traffic, MODEL, plan.version, speed=plan.speed, progress=advance)
        _done(progress, step, f"Streamed {total:,} events and labels")

        step = progress.add_task("Wait for the verdicts", total=expected_reports())
        follower = stack.enter_context(Follower(settings, topics.reports, topics.violations))
        _follow(follower, topics, outcome, worker, lambda: progress.update(step, completed=outcome.final))
        if worker is not None:
            worker.stop()
        _take(follower.read_to_end(), topics, outcome)
        _done(progress, step, f"Judged six hours with {len(MONITORS)} monitors")
    outcome.write(plan.output)
    return outcome


def progress_bar(console: Console) -> Progress:
    """Make the bar that `play` moves."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _done(progress: Progress, step: TaskID, text: str) -> None:
    total = progress.tasks[step].total or 1
    progress.update(step, description=text, total=total, completed=total)


def _follow(
    follower: Follower, topics: Topics, outcome: Outcome, worker: Worker | None, moved: Callable[[], None]
) -> None:
    end_s = time.monotonic() + _WAIT_S
    while outcome.final < expected_reports():
        if worker is not None:
            worker.check()
        if time.monotonic() > end_s:
            msg = f"expected {expected_reports()} final reports within {_WAIT_S:.0f} s, got {outcome.final}"
            raise InfrastructureError(msg)
        _take(follower.poll(), topics, outcome)
        moved()


def _take(records: Iterable[tuple[str, dict[str, Any]]], topics: Topics, outcome: Outcome) -> None:
    for topic, record in records:
        (outcome.report if topic == topics.reports else outcome.violation)(record)
