# SPDX-License-Identifier: Apache-2.0
"""The settings of Kafka's clients: librdkafka's as they are, Faust's translated from the same properties."""

from __future__ import annotations

import ssl
from typing import Any

import faust
from confluent_kafka import KafkaError, KafkaException
from yarl import URL

from stream.errors import InfrastructureError, SettingsError
from stream.settings import Settings

_TIMEOUT_S = 10.0
_EMBEDDED = "mockCluster"
# What `credentials` can say to Faust, which connects by another client than librdkafka.
_TRANSLATED = (
    "enable.ssl.certificate.verification",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
)


def client_config(settings: Settings, **more: Any) -> dict[str, Any]:
    """Make the properties of a confluent-kafka client; keyword arguments have `_` for `.`."""
    own = {key.replace("_", "."): value for key, value in more.items()}
    return {"bootstrap.servers": settings.bootstrap_servers, "log_level": 3, **settings.kafka, **own}


def reader_config(settings: Settings, **more: Any) -> dict[str, Any]:
    """Make the properties of a consumer that reads partitions to their end, outside of any group's balance."""
    return client_config(
        settings,
        group_id=settings.group,
        enable_auto_commit=False,
        enable_partition_eof=True,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        **more,
    )


def broker_urls(settings: Settings) -> list[URL]:
    """Name the brokers as Faust wants them."""
    return [URL(f"kafka://{server.strip()}") for server in settings.bootstrap_servers.split(",")]


def credentials(settings: Settings) -> Any:
    """Make Faust's credentials from librdkafka's properties, None for plain text.

    Raises
    ------
    SettingsError
        If the properties ask for what Faust cannot do.
    """
    kafka = settings.kafka
    protocol = kafka.get("security.protocol", "plaintext").lower()
    if protocol == "plaintext":
        return None
    for key in kafka:
        if key.startswith(("ssl.", "sasl.", "enable.ssl.", "enable.sasl.")) and key not in _TRANSLATED:
            msg = f'expected of the ssl and sasl properties only {", ".join(_TRANSLATED)}, got kafka."{key}"'
            raise SettingsError(msg)
    context = _tls(kafka) if protocol.endswith("ssl") else None
    if protocol == "ssl":
        return faust.SSLCredentials(context=context)
    mechanism = kafka.get("sasl.mechanism", kafka.get("sasl.mechanisms", "PLAIN")).upper()
    if mechanism not in {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}:
        msg = f'expected kafka."sasl.mechanism" PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, got {mechanism!r}'
        raise SettingsError(msg)
    return faust.SASLCredentials(
        username=kafka.get("sasl.username", ""),
        password=kafka.get("sasl.password", ""),
        mechanism=mechanism,
        ssl_context=context,
    )


def _tls(kafka: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"), cadata=kafka.get("ssl.ca.pem"))
    if certificate := kafka.get("ssl.certificate.location"):
        context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    if kafka.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif kafka.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    return context


def partition_counts(client: Any, settings: Settings, topics: tuple[str, ...]) -> dict[str, int]:
    """Ask the broker for the partition count of each topic; 0 for one that does not exist.

    Raises
    ------
    InfrastructureError
        If no broker answers or it refuses.
    """
    try:
        cluster = client.list_topics(timeout=_TIMEOUT_S)
        found = {topic: cluster.topics.get(topic) for topic in topics}
        # librdkafka's embedded broker makes a topic when asked of it by name; a real one must not be made to.
        if str(cluster.cluster_id).startswith(_EMBEDDED):
            found = {topic: client.list_topics(topic, _TIMEOUT_S).topics[topic] for topic in topics}
    except KafkaException as error:
        raise unreachable(settings, error.args[0]) from None
    return {
        topic: 0 if known is None or known.error is not None else len(known.partitions)
        for topic, known in found.items()
    }


def unreachable(settings: Settings, error: KafkaError) -> InfrastructureError:
    """Say in one line that the broker did not answer as needed."""
    msg = f"Kafka at {settings.bootstrap_servers}: {error.str()} ({error.name()}); check bootstrap_servers and kafka.*"
    return InfrastructureError(msg)
