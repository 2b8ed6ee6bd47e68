# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus beside a real worker with two models: every query of the dashboard returns data."""

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
from tests.deploy import credit
from tests.deploy.prometheus import ROOT, Prometheus, expand, scraping
from topics.subjects import Topics

pytestmark = pytest.mark.slow

START_MS = 1_767_600_000_000
CREDIT_IS_JUDGED = (
    f'sketchwatch_window_end_timestamp_seconds{{model="{credit.MODEL}"}} >= {START_MS / 1_000 + 2 * 3_600}'
)
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
    """Play the demo and a model with every monitor on the embedded broker, the worker scraped all the while."""
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
                credit.play(settings, START_MS)
                server.wait_for(CREDIT_IS_JUDGED, series=6)
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
        return max(
            prometheus.instant(f'sketchwatch_violations_total{{outcome="violation", model="{MODEL}", {labels}}}')
        )

    assert counted('monitor="data_drift", feature="hours_per_week"') >= 1
    assert counted('monitor="data_quality", feature="workclass", statistic="categorical_values"') >= 1
    assert counted('monitor="model_quality", statistic="accuracy"') >= 1
    assert counted('feature="age"') == 0


def test_the_gauges_show_the_last_hour_with_all_its_labels(demo: tuple[Prometheus, Outcome]) -> None:
    prometheus, _ = demo
    of_demo = f'model="{MODEL}"'
    ends = prometheus.instant(f"sketchwatch_window_end_timestamp_seconds{{{of_demo}}}")
    assert set(ends) == {START_MS / 1_000 + 6 * 3_600}
    coverage = prometheus.instant(f'sketchwatch_window_label_coverage_ratio{{monitor="model_quality", {of_demo}}}')
    assert coverage == [1]
    assert prometheus.instant(f'sum(sketchwatch_window_verdicts{{outcome="violation", {of_demo}}})') == [0]


def shown(prometheus: Prometheus, name: str, labels: str) -> list[float]:
    """Values that a gauge of the second model has now."""
    return prometheus.instant(f'sketchwatch_{name}{{model="{credit.MODEL}", {labels}}}')


def test_bias_has_a_series_for_every_metric_of_a_facet_value(demo: tuple[Prometheus, Outcome]) -> None:
    prometheus, _ = demo
    labels = 'monitor="bias", feature="personal_status_sex=A92"'
    for metric in ("DPL", "DI", "RD", "TE"):
        one = f'{labels}, statistic="{metric}"'
        low, value, high = (shown(prometheus, f"verdict_{name}", one)[0] for name in ("lower", "value", "upper"))
        assert low < value < high
    assert shown(prometheus, "verdict_violating", f'{labels}, statistic="DPL"') == [0]


def test_a_bug_in_the_data_shows_in_the_attributions_and_not_in_the_embeddings(
    demo: tuple[Prometheus, Outcome],
) -> None:
    prometheus, _ = demo
    labels = 'monitor="attribution_drift", feature='
    assert shown(prometheus, "verdict_violating", f'{labels}"attributions.A14", statistic="ks"') == [1]
    assert shown(prometheus, "verdict_value", f'{labels}"label0", statistic="ndcg"')[0] > 0.99
    assert shown(prometheus, "verdict_violating", 'monitor="embedding_drift", feature="text"') == [0]


def test_drift_is_warned_of_in_the_open_window_and_gone_once_it_is_judged(demo: tuple[Prometheus, Outcome]) -> None:
    prometheus, _ = demo
    selector = f'sketchwatch_early_warning_evidence{{model="{credit.MODEL}", feature="age"}}'
    assert min(prometheus.over_time(selector)) >= 100
    assert prometheus.instant(selector) == []
    kept = shown(prometheus, "violations_total", 'feature="age", outcome="confirmed"')
    assert sum(kept) == 1
    assert shown(prometheus, "verdict_violating", 'feature="age[foreign_worker=A201]", statistic="ks"') == [1]


def test_windows_of_the_last_rows_stand_beside_the_hours(demo: tuple[Prometheus, Outcome]) -> None:
    prometheus, _ = demo
    labels = 'monitor="model_quality", feature="", statistic="accuracy"'
    for name in ("verdict_value", "last_rows_verdict_value"):
        (accuracy,) = shown(prometheus, name, labels)
        assert 0.6 < accuracy < 0.9
    of_hour, of_last = (shown(prometheus, f"{name}_upper", labels)[0] for name in ("verdict", "last_rows_verdict"))
    assert of_hour != of_last
