# SPDX-License-Identifier: Apache-2.0
"""Options that many commands share, and the settings they amount to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.settings import Settings, load

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file; without it sketchwatch.toml, if there is one."),
]
Bootstrap = Annotated[
    str | None,
    typer.Option("--bootstrap", "-b", metavar="HOST:PORT", help="Kafka brokers, over the settings file's."),
]
Model = Annotated[str, typer.Option("--model", "-m", help="Name of the model.")]
Version = Annotated[str, typer.Option("--version", help="Version of the model.")]


def time_ms(text: str) -> int:
    """Read an ISO 8601 time, UTC unless it says otherwise, in milliseconds.

    Examples
    --------
    >>> time_ms("2026-11-20T10:00"), time_ms("2026-11-20T11:00+01:00")
    (1795168800000, 1795168800000)
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        msg = f"expected a time such as 2026-11-20T10:00Z, got {text!r}"
        raise typer.BadParameter(msg) from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000)


def settings_of(config: Path | None, bootstrap: str | None, **flags: Any) -> Settings:
    """Read the settings for a command that says itself what its clients meet."""
    return quiet(load(config, bootstrap_servers=bootstrap, **flags))


def quiet(settings: Settings) -> Settings:
    """Keep librdkafka's own messages off the terminal, unless the settings ask for them."""
    return settings.model_copy(update={"kafka": {"log_level": "0", **settings.kafka}})
