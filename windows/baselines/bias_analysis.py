# SPDX-License-Identifier: Apache-2.0
"""Baselines of bias: `bias/analysis.json`, ours or a managed monitor's."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sketches.block import Block
from sketches.contingency import ContingencyState
from windows.baselines.sampled_flips import measure_flips
from windows.definition import ModelDefinition
from windows.errors import BaselineError
from windows.join.carried import Carried
from windows.options import Facet
from windows.statistics.bias_metrics import FLIP_TEST
from windows.statistics.bias_statistics import STAGES, FacetValue, describe_bias, measure_each

_SAME = 1e-9


def bias_document(definition: ModelDefinition, state: ContingencyState, sample: Block | None = None) -> dict[str, Any]:
    """Write the bias of a data set as the bias that windows may have.

    Parameters
    ----------
    definition : ModelDefinition
        Its facets, favourable classes and group variable.
    state : ContingencyState
        The data set's counts.
    sample : Block, optional
        Rows of it, for the flip test.
    """
    values = [
        value
        for facet in definition.monitors.bias.facets
        for value in facet_values(facet, values_to_judge(facet, state, definition.monitors.bias.max_values))
    ]
    found = [measured.found for measured in measure_each([(state, value) for value in values])]
    if sample is not None:
        found = [one | {FLIP_TEST: measure_flips(sample, definition, v)} for v, one in zip(values, found, strict=True)]
    return describe_bias(favourable(definition), list(zip(values, found, strict=True)), intervals=False)


def favourable(definition: ModelDefinition) -> str:
    """Name the favourable labels of a definition.

    Examples
    --------
    >>> favourable(ModelDefinition(model="credit")), favourable(
    ...     ModelDefinition(model="credit", monitors={"bias": {"positive_labels": ["good", "fair"]}}))
    ('1', 'good,fair')
    """
    bias = definition.monitors.bias
    if bias.label_above is not None:
        return _above(bias.label_above)
    return ",".join(bias.positive_labels or (definition.positive_class,))


def values_to_judge(facet: Facet, state: ContingencyState, most: int, written: Collection[str] = ()) -> list[str]:
    """Choose from the values of a facet that names none: those of a baseline's file, then those with the most rows."""
    table = state.table(facet.name)
    rows = dict(zip(table.values, table.counts[1:].sum(axis=(1, 2, 3)).tolist(), strict=True))
    if facet.values or facet.above is not None:
        return list(rows)
    return sorted(rows, key=lambda value: (value not in written, -rows[value], value))[:most]


def facet_values(facet: Facet, seen: Iterable[str], written: Collection[str] = ()) -> list[FacetValue]:
    """List what of a facet is compared with all others.

    Parameters
    ----------
    facet : Facet
        Its values if it names any, each or together, or the numbers above its threshold.
    seen : iterable of str
        Values that came: each in turn if the facet names none, else those that spell the same number are the same.
    written : collection of str
        Of a baseline's file, where several values joined by commas are one side together.

    Examples
    --------
    >>> [value.text for value in facet_values(Facet(name="sex"), ["m", "f"])]
    ['f', 'm']
    >>> [value.text for value in facet_values(Facet(name="age", above=40), [])]
    ['(40, Infinity)']
    >>> facet_values(Facet(name="race", values=("b", "c")), [], ["b,c"])[-1]
    FacetValue(facet='race', text='b,c', values=('b', 'c'))
    """
    if facet.above is not None:
        text = _above(facet.above)
        return [FacetValue(facet.name, text, (text,))]
    if facet.values:
        seen = sorted({text for text in seen if _key(text)[0] == "value"} - set(facet.values))
        spelled = {value: (value, *(text for text in seen if _key(text) == _key(value))) for value in facet.values}
    else:
        spelled = {value: (value,) for value in seen}
    if facet.together:
        everyone = tuple(text for texts in spelled.values() for text in texts)
        return [FacetValue(facet.name, ",".join(facet.values), everyone)]
    known = sorted(spelled)
    together = [FacetValue(facet.name, text, tuple(text.split(","))) for text in sorted(written) if text not in known]
    alone = [FacetValue(facet.name, value, spelled[value]) for value in known]
    return alone + [value for value in together if len(value.values) > 1 and set(value.values) <= set(known)]


def _above(number: float) -> str:
    return Carried("", number).classes[1]


@dataclass(frozen=True, slots=True)
class BiasLimits:
    """The bias that a baseline's file allows.

    Parameters
    ----------
    facets : mapping of str to mapping
        By facet and `value_or_threshold`, metric to its value; None where the file has none.
    """

    facets: Mapping[str, Mapping[str, Mapping[str, float | None]]]

    def of(self, value: FacetValue) -> Mapping[str, float | None]:
        """Find the metrics of a facet value: by its text, and of an interval by its lower bound.

        Examples
        --------
        >>> limits = BiasLimits({"age": {"(40, 90]": {"DPL": 0.1}}})
        >>> limits.of(FacetValue("age", "(40, Infinity)", ("(40, Infinity)",)))
        {'DPL': 0.1}
        """
        written = self.facets.get(value.facet, {})
        key = _key(value.text)
        return next((metrics for text, metrics in written.items() if _key(text) == key), {})


def read_bias_analysis(document: Mapping[str, Any]) -> BiasLimits:
    """Understand an `analysis.json`, formats 1.8.

    Raises
    ------
    BaselineError
        Where it is not of that form: what was expected, and where.

    Examples
    --------
    >>> metrics = [{"name": "DI", "value": "Infinity"}, {"name": "DCA", "value": None, "error": "no rows"}]
    >>> facets = {"sex": [{"value_or_threshold": "0", "metrics": metrics}]}
    >>> read_bias_analysis({"post_training_bias_metrics": {"facets": facets}}).facets
    {'sex': {'0': {'DI': inf, 'DCA': None}}}
    """
    facets: dict[str, dict[str, dict[str, float | None]]] = {}
    for stage in STAGES:
        where = f"{stage}_bias_metrics"
        try:
            for facet, entries in document.get(where, {}).get("facets", {}).items():
                for entry in entries:
                    metrics = facets.setdefault(facet, {}).setdefault(str(entry["value_or_threshold"]), {})
                    metrics |= {str(metric["name"]): _value(metric.get("value")) for metric in entry["metrics"]}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = (
                f"{where}: expected facets with a value_or_threshold and metrics with a name and a value, "
                f"got {type(error).__name__}: {error}"
            )
            raise BaselineError(msg) from error
    return BiasLimits(facets)


def is_edited(written: float | None, counted: float | None) -> bool:
    """Whether a person wrote another value into our file than the baseline's counts give.

    Examples
    --------
    >>> is_edited(0.2, 0.19), is_edited(0.2, 0.2), is_edited(None, None), is_edited(float("inf"), float("inf"))
    (True, False, False, False)
    """
    if written is None or counted is None:
        return written is not counted
    return not math.isclose(written, counted, rel_tol=_SAME, abs_tol=_SAME)


def _value(written: Any) -> float | None:
    """A number, or an infinity by its name; no number where the file has none."""
    number = None if written is None else float(written)
    return None if number is None or math.isnan(number) else number


def _key(text: str) -> tuple[str, float | str]:
    """Tell values apart: an interval is its lower bound, 1 and 1.0 are one."""
    if text.startswith("(") and "," in text:
        text, kind = text[1:].split(",", 1)[0], "above"
    else:
        kind = "value"
    try:
        number = float(text)
    except ValueError:
        return kind, text
    return kind, text if math.isnan(number) else number
