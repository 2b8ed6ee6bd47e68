# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch demo`: real data through everything, with two faults to find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import Exit, messages, print_records, say
from stream.demo.broker import EMBEDDED, embedded_broker, lost_records
from stream.errors import InfrastructureError, SettingsError
from stream.kafka.clients import client_config
from stream.kafka.connection import connect
from stream.settings import Settings
from topics.admin import create_topics
from topics.subjects import Topics

_START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_DATA = Path(__file__).parents[2] / "examples" / "adult" / "adult.csv.gz"
# Six hours of traffic and three of late labels, all of it in the past.
_BEFORE = timedelta(hours=10)


def demo(
    *,
    seed: Annotated[int, typer.Option(help="Decides which rows fall into which hour.")] = 0,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for reports, violations and the worker's log.")
    ] = Path("demo-output"),
    data: Annotated[Path, typer.Option(help="The census data, as in examples/adult.")] = _DATA,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Start a worker, or leave the work to the cluster's.")
    ] = True,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds of the story a second; as fast as possible if not given.")
    ] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Stream six hours of a real model's traffic and find the two that are faulty.

    A broker runs inside this process unless --bootstrap names a cluster, where the demo is a model version of its own.
    The exit code is 0 only if exactly hours 4 and 5 are flagged, 1 if others are.
    """
    try:
        # scikit-learn comes with the extra `demo`; nothing else needs it.
        from stream.demo.data import FAULTY_HOURS  # noqa: PLC0415
        from stream.demo.stage import Play, play, progress_bar  # noqa: PLC0415
    except ModuleNotFoundError as error:
        msg = f"the demo needs {error.name}: install sketchwatch[demo]"
        raise SettingsError(msg) from None
    if not data.exists():
        msg = f"{data}: no such file; expected the adult.csv.gz of examples/adult, named with --data"
        raise SettingsError(msg)
    embedded = bootstrap is None and config is None
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start, version = (_START, "1") if embedded else (now - _BEFORE, f"{datetime.now(UTC):%Y%m%dT%H%M%S}")
    plan = Play(data, output, version, int(start.timestamp() * 1_000), seed, worker, speed)
    with _broker(config, bootstrap, embedded=embedded) as settings, progress_bar(messages()) as progress:
        outcome = play(settings, plan, progress)
        topics = [topic.name for topic in Topics(settings.topic_prefix).table()]
        if embedded and (lost := lost_records(settings.bootstrap_servers, topics)):
            msg = f"the embedded broker dropped the first records of {', '.join(lost)}: what was found proves nothing"
            raise InfrastructureError(msg)
    hours = outcome.hours()
    print_records(hours if as_json else [_cells(hour) for hour in hours], as_json=as_json)
    flagged = ", ".join(map(str, outcome.flagged)) or "none"
    say(f"hours flagged: {flagged}; expected: {', '.join(map(str, FAULTY_HOURS))}")
    say(f"reports and violations: {output}/reports.jsonl, {output}/violations.jsonl")
    if not outcome.as_expected:
        raise typer.Exit(Exit.VIOLATIONS)


def _cells(hour: dict[str, Any]) -> dict[str, Any]:
    """Make an hour readable: its time of day, and a line for each monitor that found something."""
    shown = {name: hour[name] for name in ("hour", "from", "rows", "labelled")}
    found = {name: subjects for name, subjects in hour.items() if name not in shown and subjects != []}
    lines = [f"{name}: {'no report' if subjects is None else ', '.join(subjects)}" for name, subjects in found.items()]
    return shown | {"from": (hour["from"] or "")[11:16], "violations": tuple(lines) or "-"}


@contextmanager
def _broker(config: Path | None, bootstrap: str | None, *, embedded: bool) -> Iterator[Settings]:
    if embedded:
        with embedded_broker() as address:
            # Validated apart from file and environment, which speak of another cluster.
            own = {"bootstrap_servers": address, "checkpoint_interval_ms": 500, "metrics_port": 0}
            yield Settings.model_validate({**own, "kafka": {"log_level": "0", **EMBEDDED}})
        return
    settings = settings_of(config, bootstrap, metrics_port=0)
    connect(settings)
    create_topics(client_config(settings), Topics(settings.topic_prefix))
    yield settings
