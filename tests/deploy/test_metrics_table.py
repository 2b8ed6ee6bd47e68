# SPDX-License-Identifier: Apache-2.0
"""The table of metrics in docs/deployment.md is what a worker exports."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from stream.metrics.metrics import Metrics
from tests.deploy.prometheus import ROOT
from tests.deploy.unwell import unwell
from windows.definition import Catalog, ModelDefinition


def table() -> str:
    """Rows for every metric of ours, from a registry in which each has a sample."""
    metrics = Metrics(CollectorRegistry(), Catalog((ModelDefinition(model="adult"),)), max_features=0)
    unwell(metrics, 1)
    metrics = Metrics(CollectorRegistry(), Catalog((ModelDefinition(model="adult"),)))
    unwell(metrics, 1)
    rows = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    for family in sorted(metrics.registry.collect(), key=lambda family: family.name):
        if not family.name.startswith("sketchwatch_"):
            continue
        labels = {label: None for sample in family.samples for label in sample.labels if label != "le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append(f"| `{name}` | {family.type} | {', '.join(labels)} | {family.documentation} |")
    return "\n".join(rows)


def test_the_documented_metrics_are_the_exported_ones() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert table() in page, f"put this table into docs/deployment.md:\n{table()}"
