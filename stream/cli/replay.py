# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch replay`: publish a file as the events and labels it is the history of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from stream.cli.options import Bootstrap, Config, Json, Model, Version, settings_of
from stream.cli.output import messages, print_json, say
from stream.commands.applying import read_definitions
from stream.commands.replay import replay as send
from stream.commands.sending import history_of
from stream.commands.tables import Roles, TableError, read_table
from stream.commands.traffic import traffic_of
from stream.kafka.connection import connect
from windows.options import duration_ms


def replay(
    file: Annotated[Path, typer.Argument(help="One row an inference: .csv, .csv.gz or .parquet.")],
    *,
    model: Model,
    version: Version = "1",
    event_time: Annotated[str, typer.Option(metavar="COLUMN", help="When each inference happened.")],
    inference_id: Annotated[str | None, typer.Option(metavar="COLUMN", help="Default: file name and row.")] = None,
    prediction: Annotated[str | None, typer.Option(metavar="COLUMN", help="The predicted class or number.")] = None,
    score: Annotated[str | None, typer.Option(metavar="COLUMN", help="Probability of the positive class.")] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Of columns PREFIX<class>: the probability of each class.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The true class or number; empty: never known.")
    ] = None,
    label_time: Annotated[str | None, typer.Option(metavar="COLUMN", help="When each label became known.")] = None,
    label_delay: Annotated[str, typer.Option(metavar="DURATION", help="Instead: so long after the event.")] = "0s",
    tag: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="No input, but says what a row is.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="To be left out.")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds of history a second; default: as fast as possible.")
    ] = None,
    final: Annotated[
        bool, typer.Option("--final/--more-follows", help="Whether history ends here, so that all windows close.")
    ] = True,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish a file as events and labels, in order of time; at its end every window is closed.

    Columns without a role are features. Example: sketchwatch replay history.parquet --model churn --event-time at
    --inference-id request --label churned --label-time known_at --score probability
    """
    tags, ignored = tuple(tag or ()), tuple(ignore or ())
    roles = Roles(label, prediction, score, inference_id, event_time, label_time, tags, ignored, scores)
    try:
        delay_ms = duration_ms(label_delay)
    except ValueError as error:
        raise TableError(f"--label-delay: {error}") from None
    table = read_table(file)
    settings = settings_of(config, bootstrap)
    connect(settings)
    numeric = history_of(read_definitions(settings), model, version)[-1].problem_type == "Regression"
    traffic = traffic_of(table, roles, name=file.name.split(".")[0], label_delay_ms=delay_ms, numeric=numeric)
    total = len(traffic.ids) + len(traffic.label_row)
    with Progress(console=messages()) as progress:
        bar = progress.add_task("Replaying", total=total)
        send(
            settings,
            traffic,
            model,
            version,
            speed=speed,
            final=final,
            progress=lambda rows: progress.advance(bar, rows),
        )
    if as_json:
        print_json({"model": model, "events": len(traffic.ids), "labels": len(traffic.label_row)})
    else:
        say(f"sent {len(traffic.ids)} events and {len(traffic.label_row)} labels")
