# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch violations`: what was found, and what will be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import Exit, print_json, print_lines, print_table
from stream.commands.standing import Record, standing, unsettled
from stream.kafka.connection import connect
from stream.kafka.following import Follower
from topics.subjects import Topics

_COLUMNS = ("model", "window", "monitor", "subject", "description")


def violations(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with those to come, until interrupted.")
    ] = False,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Only those of one model.")] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show violations that stand and early warnings that are open; exit with 1 if there are violations."""
    settings = settings_of(config, bootstrap)
    connect(settings)
    with Follower(settings, Topics(settings.topic_prefix).violations) as follower:
        records = follower.read_to_end()
        latest: dict[Any, Record] = {record.get("id"): record for _, record in records if _is_of(model, record)}
        _show([*standing(latest.values()), *unsettled(latest.values())], as_json=as_json)
        if follow:
            # An interrupt is how following ends, wherever in the loop it arrives.
            with contextlib.suppress(KeyboardInterrupt):
                for record in _new(follower, model):
                    latest[record.get("id")] = record
                    print_json(record) if as_json else print_lines([" ".join(_row(record))])
    if standing(latest.values()):
        raise typer.Exit(Exit.VIOLATIONS)


def _is_of(model: str | None, record: Record) -> bool:
    return model in (None, record.get("model"))


def _new(follower: Follower, model: str | None) -> Iterator[Record]:
    while True:
        for _, record in follower.poll():
            if _is_of(model, record):
                yield record


def _show(records: list[Record], *, as_json: bool) -> None:
    if as_json:
        for record in records:
            print_json(record)
    elif records:
        print_table("", _COLUMNS, [_row(record) for record in records])


def _row(record: Record) -> list[str]:
    model = f"{record.get('model', '')} {record.get('model_version', '')}"
    subject = record.get("feature_name", record.get("metric_name", ""))
    text = str(record.get("description") or record.get("constraint_check_type", ""))
    kind = record.get("type", "")
    said = text if kind == "violation" else f"{kind}: {text}"
    return [model, str(record.get("window", {}).get("start", "")), str(record.get("monitor", "")), str(subject), said]
