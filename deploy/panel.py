# SPDX-License-Identifier: Apache-2.0
"""What a panel of the dashboard is: its queries, and where its look differs from its kind's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MODEL = 'model=~"$model", model_version=~"$version"'
FEATURE = f'{MODEL}, feature=~"$feature"'

Kind = Literal["stat", "table", "timeseries", "status-history"]
Steps = tuple[tuple[str, float | None], ...]

GREEN_RED: Steps = (("green", None), ("red", 1))
DISTANCE: Steps = (("green", None), ("yellow", 0.05), ("orange", 0.1), ("red", 0.2))


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the name of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its queries, and where its look differs from its kind's.

    `unit` is one of Grafana's unit ids, `steps` colours from a value on, `band` the legends of a lower and an upper
    series to fill between, `columns` a table's names of its value columns, one a query.
    """

    kind: Kind
    title: str
    text: str
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    unit: str = "short"
    steps: Steps = ()
    decimals: int | None = None
    most: float | None = None
    points: int | None = None
    band: tuple[str, str] | None = None
    columns: tuple[str, ...] = ()
