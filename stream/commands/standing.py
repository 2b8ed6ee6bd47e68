# SPDX-License-Identifier: Apache-2.0
"""Which of the violations told still stand, and which early warnings are open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]


def standing(records: Iterable[Record]) -> list[Record]:
    """List the violations that no later revision took back, each once.

    Parameters
    ----------
    records : iterable of mapping
        Records of the violations topic, in their order; of several with one id the last counts.

    Examples
    --------
    >>> found = {"id": "a", "type": "violation", "revision": 1}
    >>> taken_back = {"id": "b", "type": "resolved", "revision": 2}
    >>> standing([found]), standing([found, taken_back])
    ([{'id': 'a', 'type': 'violation', 'revision': 1}], [])
    """
    latest = {record.get("id"): record for record in records}.values()
    resolved = {_place(record): _revision(record) for record in latest if record.get("type") == "resolved"}
    return [
        record
        for record in latest
        if record.get("type") == "violation" and _revision(record) > resolved.get(_place(record), -1)
    ]


def unsettled(records: Iterable[Record]) -> list[Record]:
    """List the early warnings that no closing test has confirmed or resolved, each once.

    Examples
    --------
    >>> warning = {"id": "a", "type": "early_warning"}
    >>> unsettled([warning]), unsettled([warning, {"id": "b", "type": "confirmed"}])
    ([{'id': 'a', 'type': 'early_warning'}], [])
    """
    latest = {record.get("id"): record for record in records}.values()
    settled = {_place(record) for record in latest if record.get("type") in {"confirmed", "resolved"}}
    return [record for record in latest if record.get("type") == "early_warning" and _place(record) not in settled]


def _revision(record: Record) -> int:
    return int(record.get("revision", 0))


def _place(record: Record) -> tuple[Any, ...]:
    """Tell what a violation and the record that takes it back have in common: all of the id but the type."""
    subject = record.get("feature_name", record.get("metric_name"))
    start = record.get("window", {}).get("start")
    names = ("model", "model_version", "monitor", "constraint_check_type")
    return start, subject, *(record.get(name) for name in names)
