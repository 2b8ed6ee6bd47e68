# SPDX-License-Identifier: Apache-2.0
"""Decoding as a worker's settings have it: the schema registry, bounds, and what time the future is measured from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from stream.errors import InfrastructureError, SettingsError
from stream.settings import Settings
from topics.batches import Decoded, Message
from topics.codec import decode_events, decode_labels
from topics.codec_avro import Registry, RegistryUnavailable
from topics.subjects import Topics
from windows.events import Side

_LOG_APPEND_TIME = 1


def wall_clock_ms() -> int:
    """Read the time of day, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Decoding:
    """Decodes the records of both source topics.

    Parameters
    ----------
    settings : Settings
        Bounds, and where the schema registry is.
    now_ms : callable
        The time of day: what events may not lie far after where producers set the Kafka timestamps themselves.

    Raises
    ------
    InfrastructureError
        If a registry is named and its client is not installed.
    SettingsError
        If its client does not know a property.
    """

    def __init__(self, settings: Settings, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._settings = settings
        self._registry = _registry(settings)
        self._now_ms = now_ms

    def decode(self, side: Side, messages: Sequence[Message], timestamp_type: int) -> Decoded:
        """Decode messages of one fetch and partition.

        Parameters
        ----------
        side : {"events", "labels"}
            Which topic they came from.
        messages : sequence of Message
            In order of their offsets.
        timestamp_type : int
            Who set their timestamps: 1 the broker, anything else the producer.

        Raises
        ------
        InfrastructureError
            If the registry does not answer: nothing is known of the messages, so none is refused.
        """
        read = decode_events if side == "events" else decode_labels
        try:
            return read(
                messages,
                max_future_skew_ms=self._settings.max_future_skew_ms,
                max_value_bytes=self._settings.max_value_bytes,
                registry=self._registry,
                reference_ms=None if timestamp_type == _LOG_APPEND_TIME else self._now_ms(),
            )
        except RegistryUnavailable as error:
            msg = f"{self._settings.schema_registry['url']}: {error}"
            raise InfrastructureError(msg) from None


def _registry(settings: Settings) -> Registry | None:
    if not settings.schema_registry:
        return None
    try:
        # The client needs packages of its own, which most workers do without.
        from topics.registry import SchemaRegistry  # noqa: PLC0415
    except ImportError as error:
        msg = f"schema_registry is set: expected the extra sketchwatch[registry] to be installed, got {error}"
        raise InfrastructureError(msg) from None
    subjects = tuple(f"{topic}-value" for topic in Topics(settings.topic_prefix).sources)
    try:
        return SchemaRegistry(settings.schema_registry, subjects)
    except ValueError as error:
        msg = f"schema_registry: expected properties of confluent-kafka's SchemaRegistryClient, got {error}"
        raise SettingsError(msg) from None
