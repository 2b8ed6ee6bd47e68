# SPDX-License-Identifier: Apache-2.0
"""Bias metrics of facet values, in the form of a managed monitor's `analysis.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sketches.contingency import ContingencyState
from windows.statistics.bias_estimates import enough_rows, estimate_each, paper_bias
from windows.statistics.bias_metrics import ALIASES, BIAS_METRICS, FLIP_TEST, FLIP_TEST_DESCRIPTION
from windows.statistics.intervals import Estimate

STAGES = ("pre_training", "post_training")
_NO_GROUP = "no group variable is defined"
Found = Mapping[str, Estimate | str]
"""By metric its estimate, or why it has none."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A facet and the values of it that are sensitive.

    Parameters
    ----------
    facet : str
        The column.
    text : str
        What files and records call the values.
    values : tuple of str
        Those that are counted together as the facet d, against all others.
    """

    facet: str
    text: str
    values: tuple[str, ...]


class Measured(NamedTuple):
    """The metrics of one facet value, and those that too few rows speak for."""

    found: dict[str, Estimate | str]
    small: frozenset[str]


def measure_each(pairs: Sequence[tuple[ContingencyState, FacetValue]], least: int = 0) -> list[Measured]:
    """Estimate every metric of many facet values that counts can tell, all at once.

    Parameters
    ----------
    pairs : sequence of (ContingencyState, FacetValue)
        Counts, all of the same spec, and whose sensitive values are compared with all others.
    least : int
        Rows that every count must have that a metric divides by.
    """
    if not pairs:
        return []
    sides = [_sides(*pair) for pair in pairs]
    most = max(table.shape[1] for table in sides)
    tables = np.stack([np.pad(table, ((0, 0), (0, most - table.shape[1]), (0, 0), (0, 0))) for table in sides])
    found: list[dict[str, Estimate | str]] = [{} for _ in pairs]
    small: list[set[str]] = [set() for _ in pairs]
    for name, metric in BIAS_METRICS.items():
        if metric.conditional and pairs[0][0].spec.group is None:
            estimates: Sequence[Estimate | str] = [_NO_GROUP] * len(pairs)
        else:
            estimates = estimate_each(metric, tables)
        for i, (estimate, enough) in enumerate(zip(estimates, enough_rows(metric, tables, least), strict=True)):
            found[i][name] = estimate
            if not enough:
                small[i].add(name)
    return [Measured(metrics, frozenset(names)) for metrics, names in zip(found, small, strict=True)]


def measure_as_paper(state: ContingencyState, facet: FacetValue, rng: np.random.Generator) -> dict[str, Estimate | str]:
    """Estimate every metric of a facet value with the paper's deviations, from these draws."""
    sides, found = _sides(state, facet), dict[str, Estimate | str]()
    for name, metric in BIAS_METRICS.items():
        try:
            without = metric.conditional and state.spec.group is None
            found[name] = _NO_GROUP if without else paper_bias(metric, sides, rng)
        except ValueError as error:
            found[name] = str(error)
    return found


def _sides(state: ContingencyState, facet: FacetValue) -> NDArray[np.int64]:
    return state.table(facet.facet).sides(*facet.values)


def describe_bias(label: str, found: Sequence[tuple[FacetValue, Found]], *, intervals: bool) -> dict[str, Any]:
    """Write what `analysis.json` holds.

    Parameters
    ----------
    label : str
        The favourable classes, or the interval of favourable numbers.
    found : sequence of (FacetValue, mapping)
        The metrics of each facet value.
    intervals : bool
        Add what a managed monitor's file lacks: intervals, deviations, rows, and names known elsewhere.

    Examples
    --------
    >>> value = FacetValue("sex", "f", ("f",))
    >>> described = describe_bias("1", [(value, {"DPL": Estimate(0.3, 0.1, 0.1, 0.5, 40)})], intervals=False)
    >>> described["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    [{'name': 'DPL', 'description': 'Difference in Positive Proportions in Labels (DPL)', 'value': 0.3}]
    """
    described: dict[str, Any] = {"version": "1.0"}
    for stage in STAGES:
        facets: dict[str, list[dict[str, Any]]] = {}
        for value, metrics in found:
            entries = [
                _entry(name, description, metrics[metric], intervals=intervals)
                for name, metric, description in _entries(stage, aliases=intervals)
                if metric in metrics
            ]
            facets.setdefault(value.facet, []).append({"value_or_threshold": value.text, "metrics": entries})
        described[f"{stage}_bias_metrics"] = {"label": "label", "label_value_or_threshold": label, "facets": facets}
    return described


def _entries(stage: str, *, aliases: bool) -> Iterator[tuple[str, str, str]]:
    """Name, metric and description of the entries of a stage, in their order."""
    described = {name: metric.description for name, metric in BIAS_METRICS.items() if metric.stage == stage}
    if stage == STAGES[1]:
        described[FLIP_TEST] = FLIP_TEST_DESCRIPTION
    yield from ((name, name, described[name]) for name in sorted(described))
    for alias, metric in ALIASES.items():
        if aliases and metric in described:
            yield alias, metric, f"{alias.replace('_', ' ').capitalize()}, which is {metric}"


def _entry(name: str, description: str, found: Estimate | str, *, intervals: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "description": description}
    if isinstance(found, str):
        return entry | {"value": None, "error": found}
    entry["value"] = found.value
    if intervals:
        entry |= {
            "standard_deviation": found.sd,
            "interval": None if found.interval is None else list(found.interval),
            "n": found.n,
        }
    return entry
