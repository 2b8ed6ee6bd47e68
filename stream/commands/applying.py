# SPDX-License-Identifier: Apache-2.0
"""Send a definition to the workers, to hold from a time at which no window is open yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from stream.commands.definition_files import DefinitionError
from stream.commands.event_times import reached_ms
from stream.definitions import Definitions, DefinitionsReader
from stream.kafka.connection import partitions_of
from stream.kafka.publishing import publish
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.records import definition_key
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.errors import ExtensionError
from windows.extensions import check_extensions
from windows.monitors.short_past import short_past


def read_definitions(settings: Settings) -> Definitions:
    """Read all definitions and baselines on the topic; raises `InfrastructureError`."""
    partitions_of(settings, Topics(settings.topic_prefix).definitions)
    definitions = Definitions(settings.extensions)
    with closing(DefinitionsReader(settings, definitions)) as reader:
        reader.read_to_end()
    return definitions


def _no_warning(_text: str) -> None:
    return


def apply(
    settings: Settings,
    definition: ModelDefinition,
    *,
    effective_from_ms: int | None = None,
    warn: Callable[[str], None] = _no_warning,
) -> ModelDefinition:
    """Publish a definition that declares the features and outputs of its baseline, so that they always have room.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    definition : ModelDefinition
        What to publish.
    effective_from_ms : int, optional
        Event time from which it holds, UTC. By default the first definition of a model version holds for all windows,
        a later one from the second window after the latest event time, as far as the topics tell.
    warn : callable, optional
        Told if there is no baseline yet, or a monitor asked for could never alarm.

    Returns
    -------
    ModelDefinition
        As published; unchanged if the topic held the same one already.

    Raises
    ------
    DefinitionError
        If it names a version of the baseline that is not published, or a monitor that is not allowed or not sound.
    """
    try:
        check_extensions(definition, settings.extensions)
    except ExtensionError as error:
        raise DefinitionError(str(error)) from None
    known = read_definitions(settings)
    check_baseline(known, definition)
    baseline = known.baseline(definition)
    if baseline is None:
        name = f"{definition.model} version {definition.version}"
        warn(f"no baseline of {name} is published, so windows are not compared; run `sketchwatch baseline publish`")
    if (short := short_past(definition)) is not None:
        warn(short)
    definition = with_room(definition, baseline)
    history = known.catalog.history(definition.model, definition.version)
    if effective_from_ms is None and history:
        newest = history[-1]
        if definition.model_copy(update={"effective_from_ms": newest.effective_from_ms}) == newest:
            return newest
        latest_ms = reached_ms(settings, newest)
        # Without traffic there are no windows that a definition could have changed under.
        held_ms = newest.effective_from_ms
        effective_from_ms = (
            held_ms if latest_ms is None else max(held_ms, definition.start_of(latest_ms) + 2 * definition.window.size)
        )
    published = definition.model_copy(update={"effective_from_ms": effective_from_ms or 0})
    key = definition_key(published.model, published.version, published.effective_from_ms)
    topic = Topics(settings.topic_prefix).definitions
    publish(settings, [Outgoing(topic, 0, key, published.model_dump_json().encode())])
    return published


def check_baseline(known: Definitions, definition: ModelDefinition) -> None:
    """Refuse a version of the baseline that is not published; raises `DefinitionError`."""
    versions = known.baselines(definition.model, definition.version)
    if definition.baseline not in ("latest", *versions):
        *others, last = _quoted(["latest", *versions])
        expected = f"{', '.join(others)} or {last}" if others else last
        msg = f'baseline: expected {expected}, got "{definition.baseline}"'
        raise DefinitionError(msg)


def _quoted(names: list[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def with_room(definition: ModelDefinition, baseline: Baseline | None) -> ModelDefinition:
    """Declare what a baseline has beside what the user declared.

    Examples
    --------
    >>> with_room(ModelDefinition(model="adult"), Baseline("adult", features={"age": None})).columns.declared
    ('age',)
    """
    if baseline is None:
        return definition
    declared = (*definition.columns.declared, *sorted(baseline.features.keys() - set(definition.columns.declared)))
    return definition.model_copy(update={"columns": definition.columns.model_copy(update={"declared": declared})})
