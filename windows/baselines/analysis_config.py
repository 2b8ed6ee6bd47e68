# SPDX-License-Identifier: Apache-2.0
"""What a managed monitor's `analysis_config.json` asks of bias, as options of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sketches.block import Column, Kind
from windows.errors import BaselineError
from windows.options import Bias
from windows.statistics.bias_metrics import BIAS_METRICS

_FILE = "analysis_config.json"
_FEW_VALUES = 0.05


@dataclass(frozen=True, slots=True)
class BiasConfig:
    """The column of the true label, and the options of the bias monitor."""

    label: str
    bias: Bias


def read_analysis_config(
    document: Mapping[str, Any], continuous: Collection[str] = (), headers: Sequence[str] = ()
) -> BiasConfig:
    """Understand an `analysis_config.json`, formats 1.8.

    Parameters
    ----------
    document : mapping
        The file.
    continuous : collection of str
        Columns whose single value is a threshold (`is_continuous`); those above it are meant.
    headers : sequence of str
        Names of the columns, if the file does not give them.

    Raises
    ------
    BaselineError
        If a key is missing or not what it should be.

    Examples
    --------
    >>> config = read_analysis_config({
    ...     "headers": ["Age", "Sex", "Target"], "label": "Target", "label_values_or_threshold": [1],
    ...     "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]},
    ...               {"name_or_index": 0, "value_or_threshold": [40]}],
    ...     "methods": {"pre_training_bias": {"methods": ["DPL", "CI"]}}}, continuous=["Age"])
    >>> config.label, config.bias.positive_labels, config.bias.metrics
    ('Target', ('1',), ('CI', 'DPL'))
    >>> [(facet.name, facet.values, facet.above) for facet in config.bias.facets]
    [('Sex', ('0',), None), ('Age', (), 40.0)]
    """
    names = list(document.get("headers") or headers)
    label = _name(document.get("label"), "label", names)
    favourable = _list(document.get("label_values_or_threshold"))
    facets = document.get("facet") or []
    options: dict[str, Any] = {
        "facets": [_facet(facet, names, continuous) for facet in ([facets] if isinstance(facets, Mapping) else facets)],
        "metrics": _metrics(document.get("methods") or {}, grouped=document.get("group_variable") is not None),
    }
    if document.get("group_variable") is not None:
        options["group"] = _name(document["group_variable"], "group_variable", names)
    if label in continuous and len(favourable) == 1:
        options["label_above"] = favourable[0]
    else:
        options["positive_labels"] = [_class(value) for value in favourable]
    try:
        return BiasConfig(label, Bias.model_validate(options))
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, said['loc']))}: {said['msg']}" for said in error.errors())
        msg = f"{_FILE}: {where}"
        raise BaselineError(msg) from error


def is_continuous(column: Column) -> bool:
    """Whether the managed monitor takes a column's single value for a threshold.

    Fractions are continuous, and integers of which at least 5 % are distinct.

    Examples
    --------
    >>> import numpy as np
    >>> is_continuous(Column(Kind.INTEGER, np.arange(100))), is_continuous(Column(Kind.INTEGER, np.arange(100) % 2))
    (True, False)
    """
    if column.kind == Kind.FLOAT:
        return True
    if column.kind != Kind.INTEGER:
        return False
    values = (column.values if column.valid is None else column.values[column.valid]).tolist()
    return bool(values) and len(set(values)) >= _FEW_VALUES * len(values)


def _facet(facet: Any, names: Sequence[str], continuous: Collection[str]) -> dict[str, Any]:
    if not isinstance(facet, Mapping):
        msg = f"{_FILE}: expected a facet with a name_or_index, got {facet!r}"
        raise BaselineError(msg)
    name, values = _name(facet.get("name_or_index"), "facet", names), _list(facet.get("value_or_threshold"))
    if name in continuous and len(values) == 1:
        return {"name": name, "above": values[0]}
    return {"name": name, "values": [_class(value) for value in values], "together": len(values) > 1}


def _metrics(methods: Mapping[str, Any], *, grouped: bool) -> list[str]:
    """The metrics asked for; none named means all that counts can tell."""
    of = {name: metric.stage for name, metric in BIAS_METRICS.items() if grouped or not metric.conditional}
    asked: set[str] = set()
    for stage in ("pre_training", "post_training"):
        chosen = (methods.get(f"{stage}_bias") or {}).get("methods", [])
        asked |= {name for name in of if of[name] == stage} if chosen == "all" else set(chosen)
    return [] if asked >= set(of) else sorted(asked)


def _name(given: Any, key: str, names: Sequence[str]) -> str:
    """A column's name, also by its number."""
    if isinstance(given, str) and given:
        return given
    if isinstance(given, int) and 0 <= given < len(names):
        return names[given]
    msg = f"{_FILE}: expected a column's name or number in {key}, got {given!r} of {len(names)} headers"
    raise BaselineError(msg)


def _list(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, list) else [given]


def _class(value: Any) -> str:
    """A class in its one form: 1, 1.0 and true are "1"."""
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        msg = f"{_FILE}: expected texts and numbers as values, got {value!r}"
        raise BaselineError(msg)
    return str(int(value)) if float(value).is_integer() else str(value)
