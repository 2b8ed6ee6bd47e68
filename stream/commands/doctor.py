# SPDX-License-Identifier: Apache-2.0
"""Examine what a monitor stands on: broker, topics, definitions, lag, worker."""

from __future__ import annotations

import platform
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

import confluent_kafka
from confluent_kafka import KafkaException
from prometheus_client.parser import text_string_to_metric_families

from stream.commands.applying import read_definitions
from stream.errors import InfrastructureError
from stream.kafka.clients import client_config
from stream.kafka.connection import Connection, connect, partitions_of
from stream.kafka.recovery import source_ranges
from stream.settings import Settings
from topics.admin import check_topics
from topics.subjects import Topics
from windows.errors import BaselineError

_TIMEOUT_S = 3
# Counters of what should not happen, and what each means to a person.
_TELLING = {
    "sketchwatch_rejected_rows_total": "rows refused, see the dead letters",
    "sketchwatch_exceptional_rows_total": "rows that came late, were left out or given up",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing examined; `warning` makes results later or fewer, `broken` makes them wrong or none."""

    what: str
    state: Literal["fine", "warning", "broken"]
    found: str

    def as_record(self) -> dict[str, Any]:
        """Fields, in order."""
        return asdict(self)


def examine(settings: Settings, metrics_url: str | None) -> list[Check]:
    """Examine everything that can be reached; nothing is changed.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    metrics_url : str, optional
        Where a worker serves its metrics.
    """
    checks = [_versions()]
    try:
        connection = connect(settings)
    except InfrastructureError as error:
        return [*checks, Check("broker", "broken", str(error)), *_worker(metrics_url)]
    checks.append(_broker(connection))
    for step in (_topics, _definitions, _lag):
        try:
            checks += step(settings)
        except (InfrastructureError, KafkaException) as error:
            checks.append(Check(step.__name__.removeprefix("_"), "broken", str(error)))
    return [*checks, *_worker(metrics_url)]


def _versions() -> Check:
    libraries = (f"{name} {version(name)}" for name in ("sketchwatch", "faust-streaming", "confluent-kafka"))
    librdkafka = confluent_kafka.libversion()[0]
    return Check(
        "versions", "fine", f"{', '.join(libraries)}, librdkafka {librdkafka}, Python {platform.python_version()}"
    )


def _broker(connection: Connection) -> Check:
    metadata = connection.metadata
    return Check("broker", "fine", f"cluster {metadata.cluster_id}, {len(metadata.brokers)} brokers")


def _topics(settings: Settings) -> Iterator[Check]:
    findings = check_topics(client_config(settings), Topics(settings.topic_prefix))
    for finding in findings:
        yield Check("topics", "broken" if finding.fatal else "warning", str(finding))
    if not findings:
        yield Check("topics", "fine", "all there, with the settings they need")


def _definitions(settings: Settings) -> Iterator[Check]:
    definitions = read_definitions(settings)
    newest = {(one.model, one.version): one for one in definitions.catalog}
    for (model, model_version), definition in sorted(newest.items()):
        try:
            baseline = definitions.baseline(definition)
        except BaselineError as error:
            yield Check("definitions", "broken", f"{model} version {model_version}: {error}")
            continue
        if baseline is None:
            found = f'no baseline "{definition.baseline}"; windows are described, not judged'
            yield Check("definitions", "warning", f"{model} version {model_version}: {found}")
        else:
            found = f"baseline {baseline.baseline_version} of {baseline.n} rows"
            yield Check("definitions", "fine", f"{model} version {model_version}: {found}")
    if not newest:
        yield Check("definitions", "warning", "none; run `sketchwatch apply monitor.toml`")


def _lag(settings: Settings) -> Iterator[Check]:
    topics = Topics(settings.topic_prefix)
    partitions = min(partitions_of(settings, *topics.sources).values())
    unread: dict[str, int] = dict.fromkeys(topics.sources, 0)
    never = 0
    for partition in range(partitions):
        for topic, known in source_ranges(settings, topics.sources, partition).items():
            never += known.committed is None and known.end > known.earliest
            unread[topic] += known.end - (known.earliest if known.committed is None else known.committed)
    for topic, records in unread.items():
        yield Check("lag", "warning" if records else "fine", f"{topic}: {records} records not yet in a checkpoint")
    if never:
        yield Check("lag", "warning", f"group {settings.group} never read {never} partitions; is a worker running?")


def _worker(url: str | None) -> Iterator[Check]:
    if url is None:
        return
    if not url.startswith(("http://", "https://")):
        yield Check("worker", "broken", f"expected an http address of metrics, got {url}")
        return
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # the scheme was checked above
            families = list(text_string_to_metric_families(answer.read().decode()))
    except (OSError, urllib.error.URLError, ValueError) as error:
        yield Check("worker", "warning", f"no metrics at {url}: {getattr(error, 'reason', error)}")
        return
    yield Check("worker", "fine", f"metrics at {url}")
    for sample in (sample for family in families for sample in family.samples if sample.name in _TELLING):
        if sample.value:
            labels = ", ".join(f"{name} {value}" for name, value in sorted(sample.labels.items()))
            yield Check("worker", "warning", f"{sample.value:.0f} {_TELLING[sample.name]}: {labels}")
