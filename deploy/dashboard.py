# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboard as code: `python -m deploy.dashboard` writes `deploy/grafana/dashboards/sketchwatch.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.panel import Panel, Query
from deploy.panels import ROWS, VARIABLES

FILE = Path(__file__).parent / "grafana" / "dashboards" / "sketchwatch.json"
SOURCE = {"type": "prometheus", "uid": "sketchwatch-prometheus"}
COLUMNS = 24
LIMITS = ("threshold", "allowed from", "allowed to")


def dashboard() -> dict[str, Any]:
    """Build the whole dashboard in Grafana's classic JSON model."""
    return {
        "uid": "sketchwatch",
        "title": "sketchwatch",
        "description": "Violations, drift, quality and pipeline health of monitored models.",
        "tags": ["sketchwatch"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "utc",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [_variable(*variable) for variable in VARIABLES]},
        "annotations": {"list": []},
        "panels": list(_laid_out()),
    }


def _laid_out() -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for title, panels in ROWS.items():
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, top, 24, 1),
        }
        number, top, left, tallest = number + 1, top + 1, 0, 0
        for panel in panels:
            if left + panel.width > COLUMNS:
                left, top, tallest = 0, top + tallest, 0
            yield {"id": number, "gridPos": _at(left, top, panel.width, panel.height)} | _panel(panel)
            number, left, tallest = number + 1, left + panel.width, max(tallest, panel.height)
        top += tallest


def _at(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": None, "max": panel.most, "decimals": panel.decimals}
    if panel.steps:
        defaults["color"] = {"mode": "thresholds"}
        steps = [{"color": color, "value": value} for color, value in panel.steps]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    elif panel.kind == "timeseries":
        defaults["color"] = {"mode": "palette-classic"}
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "lineInterpolation": "stepAfter",
            "fillOpacity": 8,
            "spanNulls": False,
        }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": SOURCE,
        "targets": [_target(panel, number, query) for number, query in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {name: value for name, value in defaults.items() if value is not None},
            "overrides": _overrides(panel),
        },
        "options": _options(panel),
        **({"maxDataPoints": panel.points} if panel.points else {}),
        **({"transformations": _columns(panel)} if panel.kind == "table" else {}),
    }


def _target(panel: Panel, number: int, query: Query) -> dict[str, Any]:
    instant = panel.kind in {"stat", "table"}
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    def named(name: str, **properties: Any) -> dict[str, Any]:
        listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
        return {"matcher": {"id": "byName", "options": name}, "properties": listed}

    overrides = []
    if panel.band:
        lower, upper = panel.band
        overrides += [
            named(lower, custom__lineWidth=0, custom__fillOpacity=0),
            named(upper, custom__lineWidth=0, custom__fillBelowTo=lower, custom__fillOpacity=20),
        ]
    dashed, color = {"fill": "dash", "dash": [8, 8]}, {"mode": "fixed", "fixedColor": "red"}
    overrides += [
        named(query.legend, custom__lineStyle=dashed, custom__fillOpacity=0, color=color)
        for query in panel.queries
        if query.legend in LIMITS
    ]
    return overrides


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "stat":
            reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            return {"reduceOptions": reduce, "colorMode": "background" if panel.steps else "value", "textMode": "auto"}
        case "status-history":
            legend = {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []}
            return {"showValue": "auto", "rowHeight": 0.9, "legend": legend, "perPage": 30}
        case "table":
            return {"showHeader": True, "sortBy": [{"displayName": panel.columns[0], "desc": True}]}
        case _:
            return {
                "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def _columns(panel: Panel) -> list[dict[str, Any]]:
    names = {f"Value #{chr(ord('A') + number)}": name for number, name in enumerate(panel.columns)}
    tidy = {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": names}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": tidy}]


def _variable(name: str, query: str, first: str | None) -> dict[str, Any]:
    several, every = first is None, {"text": ["All"], "value": ["$__all"]}
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        "allValue": ".*" if several else None,
        "current": every if several else {"text": first, "value": first},
    }


def text() -> str:
    """Write the dashboard as the file holds it."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
