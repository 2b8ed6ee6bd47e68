# SPDX-License-Identifier: Apache-2.0
"""Bias metrics of facet values, in the form of a managed monitor's `analysis.json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.contingency import ContingencyState
from windows.statistics.bias_estimates import estimate_bias, estimate_each, paper_bias
from windows.statistics.bias_metrics import ALIASES, BIAS_METRICS, FLIP_TEST, FLIP_TEST_DESCRIPTION, BiasMetric
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


def measure_facet(
    state: ContingencyState, facet: FacetValue, resamples: np.random.Generator | None = None
) -> dict[str, Estimate | str]:
    """Estimate every metric of a facet value that counts can tell.

    Parameters
    ----------
    state : ContingencyState
        The counts.
    facet : FacetValue
        Whose sensitive values are compared with all others.
    resamples : numpy.random.Generator, optional
        Take the paper's deviations, from these draws.
    """
    if resamples is None:
        return measure_each([(state, facet)])[0]
    sides, grouped = state.table(facet.facet).sides(*facet.values), state.spec.group is not None
    return {name: measure_metric(metric, sides, resamples, grouped=grouped) for name, metric in BIAS_METRICS.items()}


def measure_each(pairs: Sequence[tuple[ContingencyState, FacetValue]]) -> list[dict[str, Estimate | str]]:
    """Estimate every metric of many facet values at once, of states that have the same spec."""
    if not pairs:
        return []
    sides = [state.table(facet.facet).sides(*facet.values) for state, facet in pairs]
    most = max(table.shape[1] for table in sides)
    tables = np.stack([np.pad(table, ((0, 0), (0, most - table.shape[1]), (0, 0), (0, 0))) for table in sides])
    grouped = pairs[0][0].spec.group is not None
    by_metric = {
        name: estimate_each(metric, tables) if grouped or not metric.conditional else [_NO_GROUP] * len(pairs)
        for name, metric in BIAS_METRICS.items()
    }
    return [{name: found[i] for name, found in by_metric.items()} for i in range(len(pairs))]


def measure_metric(
    metric: BiasMetric, sides: NDArray[np.int64], resamples: np.random.Generator | None = None, *, grouped: bool
) -> Estimate | str:
    """Estimate one metric of the two sides of a facet, whose counts may be by groups."""
    if metric.conditional and not grouped:
        return _NO_GROUP
    try:
        return estimate_bias(metric, sides) if resamples is None else paper_bias(metric, sides, resamples)
    except ValueError as error:
        return str(error)


def describe_bias(label: str, found: Iterable[tuple[FacetValue, Found]], *, intervals: bool) -> dict[str, Any]:
    """Write what `analysis.json` holds.

    Parameters
    ----------
    label : str
        The favourable classes, or the interval of favourable numbers.
    found : iterable of (FacetValue, mapping)
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
