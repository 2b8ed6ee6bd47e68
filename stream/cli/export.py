# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch export`: a window as the files of a managed monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.options import Bootstrap, Config, Json, Model, Version, settings_of, time_ms
from stream.cli.output import print_json, say
from stream.commands.exporting import export_window
from stream.kafka.connection import connect


def export(
    *,
    model: Model,
    version: Version = "1",
    window: Annotated[str, typer.Option(metavar="TIME", help="When the window starts, as in reports.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the files, one folder a monitor.")],
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a window's statistics.json (analysis.json) and constraint_violations.json, as managed monitors do.

    Example: sketchwatch export --model churn --window 2026-11-20T10:00Z --out exported
    """
    settings = settings_of(config, bootstrap)
    connect(settings)
    files = export_window(settings, model, version, time_ms(window), out)
    if as_json:
        print_json({"model": model, "model_version": version, "files": [str(path) for path in files]})
    else:
        say(f"{len(files)} files in {out}")
