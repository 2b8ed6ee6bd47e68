# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch doctor`: what is reachable, which versions, whether topics and workers are well."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import Exit, print_records
from stream.commands.doctor import examine


def doctor(
    *,
    metrics: Annotated[
        str | None, typer.Option(metavar="URL", help="A worker's metrics; default: this machine's.")
    ] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Examine broker, topics, definitions, lag and worker; exit with 3 if something is broken."""
    settings = settings_of(config, bootstrap)
    own = None if settings.metrics_port is None else f"http://{settings.metrics_bind}:{settings.metrics_port}/metrics"
    checks = examine(settings, metrics or own)
    print_records([check.as_record() for check in checks], as_json=as_json)
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(Exit.INFRASTRUCTURE)
