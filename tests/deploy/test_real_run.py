# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus beside a real worker that plays the demo: every query of the dashboard returns data."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest
from rich.progress import Progress

from deploy.panels import ROWS
from stream.demo.broker import EMBEDDED
from stream.demo.outcome import Outcome
from stream.demo.stage import MODEL, Play, play
from stream.kafka.publishing import Outgoing, Publisher
from stream.settings import Settings
from stream.worker import run
from tests import broker
from tests.deploy.prometheus import ROOT, Prometheus, expand, scraping
from topics.subjects import Topics

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prometheus")]

START_MS = 1_767_600_000_000
QUERIES = [
    (f"{panel.title}: {query.expr}", query.expr) for row in ROWS.values() for panel in row for query in panel.queries
]


def send_trouble(settings: Settings) -> None:
    """Send what no query but those of trouble would show: an unreadable message, a stranger, a misplaced row."""
    topic, json = Topics(settings.topic_prefix).inference, (("content-type", b"application/json"),)
    time = f'"event_time": {START_MS}'
    publisher = Publisher(settings)
    publisher.send(Outgoing(topic, 0, None, b"{", json))
    publisher.send(Outgoing(topic, 0, None, f'{{"inference_id": "a", "model": "nobody", {time}}}'.encode(), json))
    for partition in range(4):
        misplaced = f'{{"inference_id": "a", "model": "{MODEL}", {time}}}'
        publisher.send(Outgoing(topic, partition, None, misplaced.encode(), json))
    publisher.flush()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Outcome]]:
    """Play the demo on the embedded broker, its worker scraped all the while."""
    folder = tmp_path_factory.mktemp("demo")
    data, stop, ports = ROOT / "examples" / "adult" / "adult.csv.gz", threading.Event(), Queue()
    with broker.mock_cluster() as bootstrap, ThreadPoolExecutor() as threads:
        settings = Settings(
            bootstrap_servers=bootstrap, checkpoint_interval_ms=500, metrics_port=0, kafka=EMBEDDED | {"log_level": "0"}
        )
        worker = threads.submit(run, settings, stop=stop, on_metrics=ports.put)
        worker.add_done_callback(lambda _: ports.put(0))
        try:
            port = ports.get(timeout=60)
            assert port, worker.exception()
            with scraping(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{port}"]) as server:
                plan = Play(data, folder, "1", START_MS, own_worker=False)
                outcome = play(settings, plan, Progress(disable=True))
                send_trouble(settings)
                for name in ("forwarded", "rejected", "exceptional"):
                    server.wait_for(
                        f"sum(rate(sketchwatch_{name}_rows_total[10s])) >= 0 and sum(sketchwatch_{name}_rows_total) > 0"
                    )
                yield server, outcome
        finally:
            stop.set()


@pytest.mark.parametrize("expr", [expr for _, expr in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_of_the_dashboard_returns_data(demo: tuple[Prometheus, Outcome], expr: str) -> None:
    prometheus, _ = demo
    assert prometheus.over_time(expand(expr)), expr


def test_every_documented_metric_has_a_series(demo: tuple[Prometheus, Outcome]) -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(sketchwatch_\w+)` \| (\w+) \|", page, re.MULTILINE))
    # The demo has no column that its baseline has not.
    del documented["sketchwatch_dropped_verdicts_total"]
    prometheus, _ = demo
    exported = set(prometheus.get("/api/v1/label/__name__/values"))
    assert {f"{name}_count" if kind == "histogram" else name for name, kind in documented.items()} <= exported


def test_the_violations_counted_are_those_the_demo_found(demo: tuple[Prometheus, Outcome]) -> None:
    """A revision sends a violation that stands once more, so the count may exceed one."""
    prometheus, outcome = demo
    assert outcome.as_expected

    def counted(labels: str) -> float:
        return max(prometheus.instant(f'sketchwatch_violations_total{{outcome="violation", {labels}}}'))

    assert counted('monitor="data_drift", feature="hours_per_week"') >= 1
    assert counted('monitor="data_quality", feature="workclass", statistic="categorical_values"') >= 1
    assert counted('monitor="model_quality", statistic="accuracy"') >= 1
    assert counted('feature="age"') == 0


def test_the_gauges_show_the_last_hour_with_all_its_labels(demo: tuple[Prometheus, Outcome]) -> None:
    prometheus, _ = demo
    assert set(prometheus.instant("sketchwatch_window_end_timestamp_seconds")) == {START_MS / 1_000 + 6 * 3_600}
    assert prometheus.instant('sketchwatch_window_label_coverage_ratio{monitor="model_quality"}') == [1]
    assert prometheus.instant('sum(sketchwatch_window_verdicts{outcome="violation"})') == [0]
