# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch topics`: make the topics, and check that they are as needed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import Exit, print_json, print_records, say
from stream.kafka.clients import client_config
from stream.kafka.connection import connect
from topics.admin import check_topics, create_topics
from topics.subjects import Topics

app = typer.Typer(help="Make and check the topics.", no_args_is_help=True)


@app.command("create")
def create(
    *,
    partitions: Annotated[int, typer.Option(min=1, help="Of events and labels alike; never changes in place.")] = 4,
    replication: Annotated[int, typer.Option(help="Replicas of each partition; -1: the cluster's default.")] = -1,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make the topics that do not exist yet; those that do are left as they are."""
    settings = settings_of(config, bootstrap)
    connect(settings)
    topics = Topics(settings.topic_prefix)
    made = create_topics(client_config(settings), topics, partitions=partitions, replication=replication)
    if as_json:
        print_json({"created": made})
    else:
        say(f"created: {', '.join(made)}" if made else "all topics exist")


@app.command("check")
def check(*, bootstrap: Bootstrap = None, config: Config = None, as_json: Json = False) -> None:
    """Compare the topics with what they should be; exit with 3 if results would be wrong."""
    settings = settings_of(config, bootstrap)
    connect(settings)
    findings = check_topics(client_config(settings), Topics(settings.topic_prefix))
    print_records([asdict(finding) for finding in findings], as_json=as_json)
    if any(finding.fatal for finding in findings):
        raise typer.Exit(Exit.INFRASTRUCTURE)
    if not findings:
        say("all topics are as needed")
