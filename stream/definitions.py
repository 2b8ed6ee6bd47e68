# SPDX-License-Identifier: Apache-2.0
"""Monitors and baselines, read from the definitions topic to its end and then followed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from pydantic import ValidationError

from sketches.errors import SketchError
from stream.errors import InfrastructureError
from stream.kafka.clients import partition_counts, reader_config, unreachable
from stream.settings import Settings
from topics.records import BaselineKey, parse_definitions_key
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import HEADER, baseline_from_records
from windows.baselines.grids import grid_of
from windows.definition import Catalog, ModelDefinition
from windows.errors import BaselineError, ExtensionError
from windows.extensions import check_extensions
from windows.grid import Grid

log = logging.getLogger(__name__)
_POLL_S = 0.2
_START_TIMEOUT_S = 30.0


class Definitions:
    """All definitions and baselines known, as the records of their topic say.

    Parameters
    ----------
    extensions : collection of str
        Monitors of the users' own that a definition may name; none by default, since anybody who may write to the topic
        could name code.

    Examples
    --------
    >>> definitions = Definitions()
    >>> definitions.put(b"definition|adult|3|0", b'{"model": "adult", "version": "3"}')
    >>> definitions.catalog.versions("adult")
    ('3',)
    >>> definitions.put(b"definition|adult|3|0", None)
    >>> definitions.catalog.versions("adult")
    ()
    """

    def __init__(self, extensions: Collection[str] = ()) -> None:
        self.catalog = Catalog(grid=self.grid)
        self._extensions = extensions
        self._parts: dict[tuple[str, str, str], dict[str, bytes]] = {}
        self._baselines: dict[tuple[str, str, str], Baseline] = {}
        self._grids: dict[tuple[str, str, str], Grid] = {}

    def put(self, key: bytes, value: bytes | None) -> None:
        """Apply one record; a value of None forgets what its key named.

        Raises
        ------
        ValueError
            If it is neither a definition nor part of a baseline; nothing changed.
        ExtensionError
            If it names a monitor that is not allowed or not sound; nothing changed.
        """
        name = parse_definitions_key(key)
        if isinstance(name, BaselineKey):
            self._put_part(name, value)
        elif value is None:
            self.catalog.remove(name.model, name.version, str(name.effective_from_ms))
        else:
            definition = ModelDefinition.model_validate_json(value)
            if (definition.model, definition.version, definition.effective_from_ms) != name:
                msg = (
                    f"expected a definition of {key.decode()!r}, got one of {definition.model!r} {definition.version!r}"
                )
                raise ValueError(msg)
            check_extensions(definition, self._extensions)
            self.catalog.add(definition)

    def _put_part(self, name: BaselineKey, value: bytes | None) -> None:
        whole = name[:3]
        parts = self._parts.setdefault(whole, {})
        if value is None:
            parts.pop(name.part, None)
        else:
            parts[name.part] = value
        if not parts:
            del self._parts[whole]
        self._baselines.pop(whole, None)
        self._grids.pop(whole, None)

    def baselines(self, model: str, version: str) -> list[str]:
        """List the versions of a model version's baselines that are there in whole, the latest last."""
        same = (model, version)
        return sorted(
            (key[2] for key, parts in self._parts.items() if key[:2] == same and HEADER in parts), key=_number
        )

    def baseline(self, definition: ModelDefinition) -> Baseline | None:
        """Find the baseline a definition names; `latest` is the highest version that is there in whole.

        Raises
        ------
        BaselineError
            If its records are damaged.
        """
        version = definition.baseline
        if version == "latest":
            version = next(reversed(self.baselines(definition.model, definition.version)), "")
        whole = (definition.model, definition.version, version)
        if HEADER not in self._parts.get(whole, {}):
            return None
        if whole not in self._baselines:
            self._baselines[whole] = baseline_from_records(self._parts[whole])
        return self._baselines[whole]

    def grid(self, definition: ModelDefinition) -> Grid | None:
        """Cut the features of a definition's baseline; None while there is none that can be read."""
        try:
            baseline = self.baseline(definition)
        except BaselineError:
            # Windows are counted all the same, and their reports say what is wrong.
            return None
        if baseline is None:
            return None
        whole = (definition.model, definition.version, baseline.baseline_version)
        if whole not in self._grids:
            self._grids[whole] = grid_of(baseline)
        return self._grids[whole]


def _number(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (-1, version)


class DefinitionsReader:
    """Reads the definitions topic without a group: every worker needs all of it.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    definitions : Definitions
        What the records are applied to.
    """

    def __init__(self, settings: Settings, definitions: Definitions) -> None:
        self._settings = settings
        self._definitions = definitions
        self._topic = Topics(settings.topic_prefix).definitions
        self._consumer: Any = Consumer(reader_config(settings, fetch_wait_max_ms=100))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def read_to_end(self) -> None:
        """Apply every record that is there now.

        Raises
        ------
        InfrastructureError
            If the topic does not exist or the broker does not answer.
        """
        count = partition_counts(self._consumer, self._settings, (self._topic,))[self._topic]
        if not count:
            msg = f"topic {self._topic} does not exist; run `sketchwatch topics create`"
            raise InfrastructureError(msg)
        self._consumer.assign([TopicPartition(self._topic, partition, 0) for partition in range(count)])
        missing = set(range(count))
        quiet_s = 0.0
        while missing:
            messages = self._consumer.consume(500, _POLL_S)
            quiet_s = 0.0 if messages else quiet_s + _POLL_S
            if quiet_s > _START_TIMEOUT_S:
                msg = f"{self._topic}: no answer from {self._settings.bootstrap_servers} in {_START_TIMEOUT_S:.0f} s"
                raise InfrastructureError(msg)
            for message in messages:
                if message.error() is not None and message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    missing.discard(message.partition())
                else:
                    self._put(self._checked(message))

    def follow(self, on_loop: Callable[..., Any], crash: Callable[[Exception], None]) -> None:
        """Go on applying records until `close`, each by `on_loop(function, argument)`, as is a call of `crash`."""

        def poll() -> None:
            try:
                while not self._stop.is_set():
                    for message in self._consumer.consume(100, _POLL_S):
                        if message.error() is None or not _passes(message.error()):
                            on_loop(self._put, self._checked(message))
            except Exception as error:  # a thread has nobody else to tell
                on_loop(crash, error)

        self._thread = threading.Thread(target=poll, name="definitions", daemon=True)
        self._thread.start()

    def _checked(self, message: Any) -> Any:
        if message.error() is not None:
            raise unreachable(self._settings, message.error())
        return message

    def _put(self, message: Any) -> None:
        try:
            self._definitions.put(message.key() or b"", message.value())
        except (ValidationError, ValueError, SketchError, ExtensionError) as refused:
            text = str(refused).replace("\n", " ")
            log.warning("%s/%d/%d refused: %s", message.topic(), message.partition(), message.offset(), text[:500])

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()


def _passes(error: KafkaError) -> bool:
    """Tell whether an error is the end of a partition, or one that the client gets over by itself."""
    return bool(error.code() == KafkaError._PARTITION_EOF or error.retriable())  # noqa: SLF001
