# SPDX-License-Identifier: Apache-2.0
"""Send records and know that the broker has them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, Producer

from stream.errors import InfrastructureError
from stream.kafka.clients import client_config, unreachable
from stream.kafka.transactions import Outgoing
from stream.settings import Settings

_TIMEOUT_S = 30.0


class Publisher:
    """Sends records in order, waits for room when the broker is slow, and loses none silently.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failures: list[KafkaError] = []
        config = client_config(settings) | {
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "delivery.timeout.ms": int(_TIMEOUT_S * 1_000),
            "message.max.bytes": settings.max_value_bytes,
        }
        self._producer = Producer(config)

    def send(self, record: Outgoing) -> None:
        """Hand a record over, waiting while too many are under way.

        Raises
        ------
        InfrastructureError
            If an earlier record could not be stored.
        """
        while True:
            self._check()
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
                continue
            self._producer.poll(0)
            return

    def flush(self) -> None:
        """Wait until the broker stored every record; raises `InfrastructureError` if it did not."""
        # Every record is stored or has failed by then.
        unsent = self._producer.flush(2 * _TIMEOUT_S)
        self._check()
        if unsent:
            msg = f"Kafka at {self._settings.bootstrap_servers}: {unsent} records not stored in {2 * _TIMEOUT_S:.0f} s"
            raise InfrastructureError(msg)

    def _delivered(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            self._failures.append(error)

    def _check(self) -> None:
        if self._failures:
            raise unreachable(self._settings, self._failures[0])


def publish(settings: Settings, records: Iterable[Outgoing]) -> int:
    """Send records in order and wait until the broker stored them all; returns how many.

    Raises
    ------
    InfrastructureError
        If one of them could not be stored.
    """
    publisher = Publisher(settings)
    count = 0
    for record in records:
        publisher.send(record)
        count += 1
    publisher.flush()
    return count
