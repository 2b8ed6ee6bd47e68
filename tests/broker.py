# SPDX-License-Identifier: Apache-2.0
"""Brokers for tests: Apache Kafka in a container or from Maven's jars, and librdkafka's mock cluster."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SCRIPT = Path(__file__).parents[1] / "scripts" / "kafka"
IMAGE = "apache/kafka:4.4.0"
SHARED = "SKETCHWATCH_TEST_BROKER"


class Broker(Protocol):
    """A real broker whose data outlive it, so that tests can take it away for a while."""

    def start(self) -> str:
        """Start it, unless it runs, and return its bootstrap address; the same one each time."""

    def stop(self, *, hard: bool = False) -> None:
        """Stop it cleanly or by SIGKILL."""

    def remove(self) -> None:
        """Stop it and delete its data."""


class LocalBroker:
    """A broker process on this machine, run by `scripts/kafka`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> str:
        return self._script("start")

    def stop(self, *, hard: bool = False) -> None:
        self._script("stop", *(["--hard"] if hard else []))

    def remove(self) -> None:
        self.stop(hard=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _script(self, command: str, *flags: str) -> str:
        call = [sys.executable, str(SCRIPT), command, str(self.folder), *flags]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            msg = f"expected a container engine, or Java 17 and Maven, to run Apache Kafka with; {done.stderr.strip()}"
            raise RuntimeError(msg)
        return done.stdout.strip()


class ContainerBroker:
    """A broker in a container; its port is fixed so that a restart keeps it."""

    def __init__(self, folder: Path) -> None:
        # Any object for the same folder finds the same container.
        self.folder, self.name = folder, f"sketchwatch-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"

    def start(self) -> str:
        address = self.folder / "address"
        if address.exists():
            self._docker("start", self.name)
            _wait_for(address.read_text())
            return address.read_text()
        # The process that starts the broker is not always the one that outlives it, so no reaper.
        os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        port = free_port()
        container = DockerContainer(IMAGE).with_name(self.name).with_bind_ports(9092, port)
        for key, value in _container_settings(port).items():
            container = container.with_env(key, value)
        container.start()
        self.folder.mkdir(parents=True, exist_ok=True)
        address.write_text(f"127.0.0.1:{port}")
        _wait_for(address.read_text())
        return address.read_text()

    def stop(self, *, hard: bool = False) -> None:
        self._docker("kill" if hard else "stop", self.name)

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _docker(*arguments: str) -> None:
        subprocess.run(["docker", *arguments], capture_output=True, check=True)


def _container_settings(port: int) -> dict[str, str]:
    """Environment of the Apache Kafka image for one node reached from the host."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    }


def free_port() -> int:
    """Find a port below those of outgoing connections, so that no client takes it while the broker is down."""
    for port in random.sample(range(15_000, 30_000), 1_000):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)):
                return port
    msg = "expected a free loopback port from 15000 to 29999, found none"
    raise OSError(msg)


def _wait_for(bootstrap: str) -> None:
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=60)


@functools.cache
def has_container_engine() -> bool:
    """Whether a Docker engine answers."""
    if shutil.which("docker") is None:
        return False
    call = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(call, capture_output=True, check=False, timeout=30).returncode == 0


def broker_in(folder: Path) -> Broker:
    """Return the broker whose data lie in a folder, not yet started."""
    return ContainerBroker(folder) if has_container_engine() else LocalBroker(folder)


def reserve_shared() -> None:
    """Name the folder of the one broker that all processes of a test run share."""
    os.environ[SHARED] = tempfile.mkdtemp(prefix="sketchwatch-broker-")


def start_shared() -> str:
    """Start the shared broker if no other process has, and return its address."""
    folder = Path(os.environ[SHARED])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return broker_in(folder / "kafka").start()


def remove_shared() -> None:
    """Stop the shared broker, if it was ever started, and delete its data."""
    folder = Path(os.environ.pop(SHARED))
    if (folder / "kafka").exists():
        broker_in(folder / "kafka").remove()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mock_cluster() -> Iterator[str]:
    """Run librdkafka's in-memory cluster in this process and yield its address."""
    from confluent_kafka import Producer  # noqa: PLC0415

    cluster = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 3})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del cluster
