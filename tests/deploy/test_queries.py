# SPDX-License-Identifier: Apache-2.0
"""Every query of the dashboard and every alert, run by a real Prometheus that scrapes a worker's metrics."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from deploy.panels import ROWS, VARIABLES
from stream.metrics.metrics import Exporter, Metrics
from tests.deploy.prometheus import CONFIG, Prometheus, expand, scraping, selectors
from tests.deploy.unwell import unwell
from windows.definition import Catalog, ModelDefinition

QUERIES = [
    (f"{panel.title}: {query.expr}", query.expr) for row in ROWS.values() for panel in row for query in panel.queries
]
ALERTS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((CONFIG.parent / "rules" / "sketchwatch.yml").read_text())["groups"]
    for rule in group["rules"]
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus beside a worker in every kind of trouble, and one that restarts until it is gone."""
    metrics = Metrics(CollectorRegistry(), Catalog((ModelDefinition(model="adult"),)))
    restarting = CollectorRegistry()
    began = Gauge("process_start_time_seconds", "Start time.", registry=restarting)
    stop = threading.Event()

    def feed() -> None:
        for turn in itertools.count(1):
            unwell(metrics, turn)
            began.set(turn)
            if stop.wait(0.25):
                return

    feeder = threading.Thread(target=feed)
    feeder.start()
    other = Exporter(*start_http_server(0, "127.0.0.1", restarting))
    try:
        with metrics.serve(0) as exporter:
            targets = [f"127.0.0.1:{exporter.port}", f"127.0.0.1:{other.port}"]
            with scraping(tmp_path_factory.mktemp("prometheus"), targets) as server:
                server.wait_for('count_over_time(up{job="sketchwatch"}[1m]) >= 8', series=2)
                other.close()
                server.wait_for('up{job="sketchwatch"} == 0', series=1)
                server.wait_for('count(ALERTS{alertname="SketchwatchWorkerDown"}) == 1', series=1)
                yield server
    finally:
        stop.set()
        feeder.join()


@pytest.mark.parametrize("expr", [expr for _, expr in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_of_the_dashboard_returns_data(prometheus: Prometheus, expr: str) -> None:
    assert prometheus.instant(expand(expr)), expr
    assert prometheus.over_time(expand(expr)), expr


@pytest.mark.parametrize(("name", "query"), [(name, query) for name, query, _ in VARIABLES])
def test_a_variable_of_the_dashboard_has_values(prometheus: Prometheus, name: str, query: str) -> None:
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
    assert found is not None
    values = prometheus.get(f"/api/v1/label/{found[2]}/values", **{"match[]": expand(found[1])})
    assert values, name


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_reads_series_that_a_worker_exports(prometheus: Prometheus, alert: str) -> None:
    for selector in selectors(ALERTS[alert]):
        assert prometheus.instant(f"count({selector})"), selector


@pytest.mark.parametrize("alert", sorted(ALERTS.keys() - {"SketchwatchNoWorker"}))
def test_an_alert_is_raised_by_its_trouble(prometheus: Prometheus, alert: str) -> None:
    rule = next(rule for rule in prometheus.rules() if rule["name"] == alert)
    assert rule["health"] == "ok", rule.get("lastError")
    assert rule["state"] in {"pending", "firing"}


def test_no_alert_says_that_nobody_works_while_somebody_does(prometheus: Prometheus) -> None:
    states = {rule["name"]: rule["state"] for rule in prometheus.rules()}
    assert states["SketchwatchNoWorker"] == "inactive"


def test_no_message_multiplies_the_series(prometheus: Prometheus) -> None:
    """Every turn brought another stranger; they share one label."""
    assert prometheus.instant(
        'count(count by (model) (sketchwatch_exceptional_rows_total{reason="unknown_model"}))'
    ) == [1]
