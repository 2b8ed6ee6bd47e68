# SPDX-License-Identifier: Apache-2.0
"""Write what was said of a window as the files of a managed monitor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from stream.commands.query import query
from stream.commands.standing import standing
from stream.errors import InfrastructureError
from stream.kafka.following import Follower
from stream.settings import Settings
from topics.subjects import Topics
from windows.baselines.baseline_records import to_json
from windows.report import iso
from windows.statistics.feature_statistics import feature_statistics
from windows.violation_files import document_of_records

Record = Mapping[str, Any]
VIOLATIONS = "constraint_violations.json"
# Drift is found by the managed monitor of data quality.
_FOLDERS = {"data_drift": "data_quality"}
_STATISTICS = {"bias": "analysis.json", "attribution_drift": "analysis.json"}


def export_window(settings: Settings, model: str, version: str, start_ms: int, out: Path) -> list[Path]:
    """Write a window's statistics and violations, one folder a monitor.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    model, version : str
        Whose window.
    start_ms : int
        When it starts, UTC.
    out : Path
        Made if need be.

    Returns
    -------
    list of Path
        The files written. Statistics of data quality hold the window's sketches, so that they can be the baseline of
        others.

    Raises
    ------
    InfrastructureError
        If nothing was reported of such a window.
    """
    topics = Topics(settings.topic_prefix)
    with Follower(settings, topics.reports, topics.violations) as follower:
        read = list(follower.read_to_end())
    mine = [(topic, record) for topic, record in read if _is_of(record, model, version, start_ms)]
    reports = {str(record["monitor"]): record for topic, record in mine if topic == topics.reports}
    if not reports:
        msg = f"expected reports of model {model} version {version} of the window {iso(start_ms)}, got none"
        raise InfrastructureError(msg)
    found = standing(record for topic, record in mine if topic == topics.violations)
    documents = _documents(reports, found)
    if "data_quality" in reports:
        statistics = reports["data_quality"]["statistics"]
        documents["data_quality"]["statistics.json"] = statistics | {
            "features": _described(settings, model, version, start_ms, statistics)
        }
    written = []
    for folder, files in documents.items():
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name, document in files.items():
            (out / folder / name).write_bytes(to_json(document, 1))
            written.append(out / folder / name)
    return written


def _is_of(record: Record, model: str, version: str, start_ms: int) -> bool:
    window = record.get("window", {})
    named = (record.get("model"), record.get("model_version")) == (model, version)
    # A window of so many labelled rows has a start too, but is another.
    return named and set(window) == {"start", "end"} and _time_ms(window["start"]) == start_ms


def _time_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def _documents(reports: Mapping[str, Record], violations: Iterable[Record]) -> dict[str, dict[str, Any]]:
    documents: dict[str, dict[str, Any]] = {}
    for monitor, report in reports.items():
        files = documents.setdefault(_FOLDERS.get(monitor, monitor), {})
        if monitor not in _FOLDERS:
            files[_STATISTICS.get(monitor, "statistics.json")] = report["statistics"]
    by_folder: dict[str, list[Record]] = {folder: [] for folder in documents}
    for violation in violations:
        monitor = str(violation["monitor"])
        by_folder.setdefault(_FOLDERS.get(monitor, monitor), []).append(violation)
    for folder, found in by_folder.items():
        documents.setdefault(folder, {})[VIOLATIONS] = document_of_records(found)
    return documents


def _described(settings: Settings, model: str, version: str, start_ms: int, statistics: Record) -> list[dict[str, Any]]:
    """Statistics with sketches: from the profiles, as reports have none."""
    kinds = {one["name"]: one["inferred_type"] for one in statistics["features"]}
    merged = query(settings, model, version, start_ms, start_ms + 1)
    return [
        feature_statistics(name, feature, merged.rows, kinds[name], sketch=True)
        for name, feature in sorted(merged.features.items())
        if name in kinds
    ]
