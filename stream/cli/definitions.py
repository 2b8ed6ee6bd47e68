# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch apply`: check a monitor.toml and send it to the workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.options import Bootstrap, Config, Json, settings_of, time_ms
from stream.cli.output import print_json, say
from stream.commands.applying import apply as publish_definition
from stream.commands.definition_files import DefinitionError, definition_schema, read_definition
from stream.kafka.connection import connect
from topics.records import iso_time


def _print_schema(wanted: bool) -> None:  # noqa: FBT001  # typer calls it with the option's value
    if wanted:
        print_json(definition_schema())
        raise typer.Exit


def _warn(text: str) -> None:
    say(f"warning: {text}")


def apply(
    file: Annotated[Path, typer.Argument(help="The definition of one model version.")],
    *,
    effective_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="Event time from which it holds, over the safe default.")
    ] = None,
    schema: Annotated[  # noqa: ARG001  # its callback has done the work
        bool, typer.Option("--schema", is_eager=True, callback=_print_schema, help="Print the JSON Schema and leave.")
    ] = False,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check a monitor.toml and send it to the workers; they take it up without a restart."""
    definition = read_definition(file)
    effective_from_ms = None if effective_from is None else time_ms(effective_from)
    settings = settings_of(config, bootstrap)
    connect(settings)
    try:
        published = publish_definition(settings, definition, effective_from_ms=effective_from_ms, warn=_warn)
    except DefinitionError as error:
        raise DefinitionError(f"{file}: {error}") from None
    if as_json:
        print_json(published.model_dump(mode="json"))
    else:
        start = published.effective_from_ms
        since = f"windows from {iso_time(start)}" if start else "all windows"
        say(f"{published.model} version {published.version} holds for {since}")
