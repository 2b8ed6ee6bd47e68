# SPDX-License-Identifier: Apache-2.0
"""The Compose file's broker, started from its environment by the program that the official image starts it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests import broker
from tests.deploy.test_compose import SERVICES

pytestmark = pytest.mark.kafka
START_TIMEOUT_S = 60


def test_the_environment_of_the_broker_makes_one_that_serves_the_host(tmp_path: Path) -> None:
    """`kafka.docker.KafkaDockerWrapper setup` is what the image's entry point runs."""
    if shutil.which("mvn") is None and broker.has_container_engine():
        pytest.skip("the broker's program is at hand in containers only")
    free_ports = list(dict.fromkeys(broker.free_port() for _ in range(9)))[:3]
    done = subprocess.run([sys.executable, str(broker.SCRIPT), "fetch"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    java = ["java", "-Xmx512m", "-cp", f"{done.stdout.strip()}/*"]
    environment = {name: _moved(str(value), free_ports) for name, value in SERVICES["kafka"]["environment"].items()}
    environment |= {"KAFKA_LOG_DIRS": str(tmp_path / "data"), "PATH": os.environ["PATH"]}
    folders = [tmp_path / name for name in ("default", "mounted", "final")]
    for folder in folders:
        folder.mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (folders[0] / name).touch()
    places = [f"--{folder.name}-configs-dir={folder}" for folder in folders]
    setup = [*java, "kafka.docker.KafkaDockerWrapper", "setup", *places]
    subprocess.run(setup, env=environment, check=True, capture_output=True)

    start = [*java, "kafka.Kafka", str(folders[2] / "server.properties")]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(start, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{free_ports[2]}", "log_level": 0})
            deadline = time.monotonic() + START_TIMEOUT_S
            while not (brokers := _brokers(admin)):
                assert process.poll() is None, (tmp_path / "log").read_text()[-2_000:]
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2_000:]
            assert [str(one) for one in brokers] == [f"localhost:{free_ports[2]}/1"]
        finally:
            process.kill()


def _moved(value: str, free_ports: list[int]) -> str:
    for port, free in zip((9092, 9093, 9094), free_ports, strict=True):
        value = value.replace(f":{port}", f":{free}")
    return value


def _brokers(admin: AdminClient) -> list[object]:
    try:
        return list(admin.list_topics(timeout=2).brokers.values())
    except KafkaException:
        return []
