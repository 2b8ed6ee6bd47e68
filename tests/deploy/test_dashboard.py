# SPDX-License-Identifier: Apache-2.0
"""The dashboard: the committed file is the generated one, and Grafana can lay it out."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import dashboard as code

PROVISIONING = Path(code.__file__).parent / "grafana" / "provisioning"
DASHBOARD = json.loads(code.FILE.read_text(encoding="utf-8"))
PANELS = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]

# Ids of Grafana's value formats that make sense for what we export.
UNITS = {"short", "percentunit", "s", "bytes", "rowsps", "dateTimeAsIso"}


def test_the_committed_dashboard_is_the_generated_one() -> None:
    assert code.FILE.read_text(encoding="utf-8") == code.text(), "run: python -m deploy.dashboard"


def test_there_is_exactly_one_dashboard() -> None:
    assert list(code.FILE.parent.iterdir()) == [code.FILE]


def test_rows_cover_every_monitor_labels_and_health() -> None:
    titles = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    of_monitors = ["Drift per feature and hour", "Early warnings and further distances", "Model quality"]
    of_monitors += ["Bias by facet", "Attributions and embeddings"]
    assert titles == ["Violations", *of_monitors, "Labels", "Pipeline health"]


def test_panel_ids_and_titles_are_unique() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    at = panel["gridPos"]
    return set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))


def test_no_panel_lies_on_another_or_beyond_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert not taken & cells(panel), panel["title"]
        taken |= cells(panel)
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]


def test_every_row_of_the_grid_is_filled() -> None:
    """A hole would look like a panel that failed to load."""
    taken = set().union(*(cells(panel) for panel in PANELS))
    bottom = max(y for _, y in taken) + 1
    assert taken == set(itertools.product(range(24), range(bottom)))


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
def test_a_panel_asks_the_provisioned_source_in_a_known_unit(panel: dict[str, Any]) -> None:
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert [panel["datasource"]["uid"]] == [one["uid"] for one in source]
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["description"].endswith(".")
    references = [target["refId"] for target in panel["targets"]]
    assert references == sorted(set(references))


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
def test_what_a_panel_refers_to_exists(panel: dict[str, Any]) -> None:
    """Overrides match legends by name, tables rename one value column a query."""
    legends = {target["legendFormat"] for target in panel["targets"]}
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= legends
    for step in panel.get("transformations", ()):
        renamed = step["options"].get("renameByName")
        if renamed is not None:
            assert set(renamed) == {f"Value #{target['refId']}" for target in panel["targets"]}


def test_every_variable_of_a_query_is_defined() -> None:
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | {"__rate_interval", "__interval"}
    for panel in SHOWN:
        for target in panel["targets"]:
            used = {part.split('"')[0].split("]")[0] for part in target["expr"].split("$")[1:]}
            assert used <= names, (panel["title"], used - names)


def test_a_cell_of_the_drift_history_is_one_hour_over_the_default_range() -> None:
    history = next(panel for panel in SHOWN if panel["type"] == "status-history")
    assert DASHBOARD["time"] == {"from": "now-24h", "to": "now"}
    assert history["maxDataPoints"] == 24


def test_the_provider_reads_the_folder_that_holds_the_dashboard() -> None:
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "sketchwatch.yml").read_text())["providers"]
    assert [one["options"]["path"] for one in provider] == ["/var/lib/grafana/dashboards"]
