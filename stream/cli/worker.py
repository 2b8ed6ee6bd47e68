# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch worker`: join, sketch, judge."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from stream.cli.options import Bootstrap, Config, quiet
from stream.cli.output import say
from stream.kafka.connection import connect
from stream.settings import load


def worker(
    *,
    metrics_port: Annotated[int | None, typer.Option(help="Port of Prometheus metrics; 0 takes a free one.")] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
) -> None:
    """Join events with labels, sketch them by the hour and judge each hour, until stopped by a signal."""
    # Faust is slow to import, and no other command needs it.
    from stream.worker import run  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load(config, bootstrap_servers=bootstrap, metrics_port=metrics_port)
    connect(quiet(settings))
    raise typer.Exit(run(settings, on_metrics=lambda port: say(f"metrics: http://{settings.metrics_bind}:{port}")))
