# SPDX-License-Identifier: Apache-2.0
"""Ask a broker whether it is there before anything waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata

from stream.errors import InfrastructureError
from stream.kafka.clients import client_config, partition_counts, unreachable
from stream.settings import Settings

_TIMEOUT_S = 5.0
_ATTEMPT_S = 1.0


@dataclass(frozen=True, slots=True)
class Connection:
    """An admin client of a cluster that answered, and what it said of itself."""

    admin: AdminClient
    metadata: ClusterMetadata


def connect(settings: Settings) -> Connection:
    """Reach the broker, or give up after a few seconds.

    Raises
    ------
    InfrastructureError
        In one line with the address and the last error the client met, such as a refused connection or wrong
        credentials.
    """
    met: list[KafkaError] = []
    admin = AdminClient({**client_config(settings), "error_cb": met.append})
    end_s = monotonic() + _TIMEOUT_S
    while True:
        try:
            return Connection(admin, admin.list_topics(timeout=_ATTEMPT_S))
        except KafkaException as error:
            admin.poll(0)
            if monotonic() < end_s:
                continue
            # "All brokers are down" follows each refusal and hides why.
            telling = [seen for seen in met if seen.name() != "_ALL_BROKERS_DOWN"]
            raise unreachable(settings, telling[-1] if telling else error.args[0]) from None


def partitions_of(settings: Settings, *topics: str) -> dict[str, int]:
    """Ask for the partition count of each topic; raises `InfrastructureError` if one does not exist."""
    counts = partition_counts(AdminClient(client_config(settings)), settings, topics)
    if missing := [topic for topic, count in counts.items() if not count]:
        msg = f"topic {', '.join(missing)} does not exist; run `sketchwatch topics create`"
        raise InfrastructureError(msg)
    return counts
