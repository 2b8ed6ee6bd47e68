# SPDX-License-Identifier: Apache-2.0
"""`docker-compose.yml`: valid, on loopback, pinned, started in the right order, and with settings the worker knows."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from stream.cli.main import app
from stream.settings import Settings, load
from tests import broker
from tests.deploy.prometheus import CONFIG, ROOT

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCHEMA = json.loads((Path(__file__).parent / "compose-spec" / "compose-spec.json").read_text())
OURS = ("topics", "worker", "demo")


def test_the_file_keeps_to_the_compose_specification() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(COMPOSE)


@pytest.mark.parametrize("wrong", [{"healthchek": {}}, {"depends_on": {"kafka": {"condition": "up"}}}, {"ports": 9090}])
def test_the_schema_would_refuse_a_slip(wrong: dict[str, Any]) -> None:
    slipped = copy.deepcopy(COMPOSE)
    slipped["services"]["worker"] |= wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(slipped)


def test_docker_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose on this machine")
    done = subprocess.run(
        [docker, "compose", "-f", str(FILE), "config", "-q"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_nothing_listens_beyond_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not any(service.get("network_mode") for service in SERVICES.values())


def test_every_foreign_image_has_a_version_and_the_broker_is_the_one_tested() -> None:
    images = {name: service["image"] for name, service in SERVICES.items() if name not in OURS}
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image) for image in images.values()), images
    assert images["kafka"] == broker.IMAGE


def test_our_containers_run_without_rights() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER \d+:\d+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_each_service_waits_for_what_it_needs() -> None:
    conditions = {
        (name, needed): how["condition"]
        for name, service in SERVICES.items()
        if isinstance(service.get("depends_on"), dict)
        for needed, how in service["depends_on"].items()
    }
    assert conditions["topics", "kafka"] == "service_healthy"
    assert conditions["worker", "topics"] == "service_completed_successfully"
    assert conditions["demo", "worker"] == "service_healthy"
    waited_for_health = {needed for (_, needed), how in conditions.items() if how == "service_healthy"}
    assert all("healthcheck" in SERVICES[name] for name in waited_for_health)


def test_every_mounted_file_is_in_the_repository() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    own = [mount.split(":") for mount in mounts if mount.startswith("./")]
    assert len(own) == 3
    for source, _, mode in own:
        assert (ROOT / source).is_dir(), source
        assert mode == "ro"
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == set(COMPOSE["volumes"])


def test_the_settings_in_the_environment_are_settings_of_the_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES["worker"]["environment"].items():
        assert name.removeprefix("SKETCHWATCH_").lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.bootstrap_servers == "kafka:9092"
    assert settings.metrics_bind == "0.0.0.0"


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_a_container_is_a_command_of_ours(name: str) -> None:
    """Help is shown only once every option before it was understood."""
    done = CliRunner().invoke(app, [*SERVICES[name]["command"], "--help"])
    assert done.exit_code == 0, done.output


def test_the_demo_finds_its_data_in_the_image() -> None:
    command = SERVICES["demo"]["command"]
    data = command[command.index("--data") + 1]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert (ROOT / data).is_file()
    assert "COPY examples /opt/sketchwatch/examples\n" in dockerfile
    assert "WORKDIR /opt/sketchwatch\n" in dockerfile


def test_a_worker_may_finish_its_last_checkpoint_before_it_is_killed() -> None:
    grace = SERVICES["worker"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) * 1_000 > Settings.model_fields["stop_timeout_ms"].default


def test_prometheus_scrapes_the_port_of_the_worker() -> None:
    port = Settings.model_fields["metrics_port"].default
    (scraped,) = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    (names,) = scraped["dns_sd_configs"]
    assert (names["names"], names["port"]) == (["worker"], port)
    assert f":{port}/metrics" in " ".join(SERVICES["worker"]["healthcheck"]["test"])
    assert "ports" not in SERVICES["worker"]


def test_grafana_asks_prometheus_by_its_name_and_opens_our_dashboard() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    mounts = dict(mount.split(":")[1::-1] for mount in SERVICES["grafana"]["volumes"])
    assert (ROOT / mounts[str(home.parent)] / home.name).is_file()


def test_the_image_is_built_from_files_that_reach_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in " ".join(copied).split():
        assert name in allowed
        assert (ROOT / name).exists(), name
