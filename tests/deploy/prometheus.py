# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus on the committed configuration, and Grafana's variables put into queries as Grafana does."""

from __future__ import annotations

import functools
import json
import math
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.broker import free_port

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20
_WAIT_S = 60

# What Grafana would put for its variables with everything selected and the last minute shown.
_VARIABLES = {
    "$__rate_interval": "10s",
    "$__interval": "5s",
    "$model": ".*",
    "$version": ".*",
    "$feature": ".*",
    "$metric": "accuracy",
    "$facet": "personal_status_sex=A92",
    "$bias": "DPL",
}


@functools.cache
def programs() -> Path:
    """Folder of `prometheus` and `promtool`."""
    script = ROOT / "scripts" / "prometheus"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(programs() / "promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def expand(expr: str) -> str:
    """Put values for a dashboard's variables."""
    for name, value in sorted(_VARIABLES.items(), key=lambda item: -len(item[0])):
        expr = expr.replace(name, value)
    assert "$" not in expr, f"expected only the variables {sorted(_VARIABLES)}, got {expr}"
    return expr


def selectors(expr: str) -> list[str]:
    """Series a PromQL expression reads, each as a query of its own."""
    return re.findall(r"\b(?:sketchwatch_\w+|process_\w+|up)\b(?:\{[^}]*\})?", expr)


class Prometheus:
    """Queries of one running server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.started_s = time.time()

    def get(self, path: str, **parameters: Any) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def instant(self, expr: str) -> list[float]:
        """Values of an expression now."""
        return _finite(series["value"] for series in self.get("/api/v1/query", query=expr)["result"])

    def over_time(self, expr: str) -> list[float]:
        """Values of an expression since the server started, second by second up to now."""
        now_s = time.time()
        span = {"start": now_s - int(now_s - self.started_s), "end": now_s, "step": 1}
        answer = self.get("/api/v1/query_range", query=expr, **span)["result"]
        return _finite(point for series in answer for point in series["values"])

    def wait_for(self, expr: str, *, series: int = 1) -> None:
        """Wait until an expression has this many results."""
        deadline = time.monotonic() + _WAIT_S
        while len(self.instant(expr)) < series:
            assert time.monotonic() < deadline, f"expected {series} results within {_WAIT_S} s of {expr}"
            time.sleep(0.2)

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.get("/api/v1/rules")["groups"] for rule in group["rules"]]


def _finite(points: Any) -> list[float]:
    return [value for _, text in points if math.isfinite(value := float(text))]


@contextmanager
def scraping(folder: Path, targets: Sequence[str]) -> Iterator[Prometheus]:
    """Run Prometheus on the committed configuration, with these targets and a faster clock."""
    config = yaml.safe_load(CONFIG.read_text())
    # One scrape that takes too long would leave nothing to ask for until the next.
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(CONFIG.parent / pattern) for pattern in config["rule_files"]]
    scrape = config["scrape_configs"][0]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": list(targets)}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [str(programs() / "prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            server = Prometheus(port)
            deadline = time.monotonic() + START_TIMEOUT_S
            while not _ready(server):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(server: Prometheus) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/-/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
