# SPDX-License-Identifier: Apache-2.0
"""States from a managed monitor's `statistics.json`: all that the file tells, and no more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from sketches.block import Column, Kind
from sketches.counts import TypeCountsState
from sketches.features import FeatureSpec, FeatureState
from sketches.kll_layout import capacity
from sketches.moments import MomentsState
from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from sketches.quantiles import QuantilesState
from sketches.reading import read
from windows.errors import BaselineError

_K, _MOST_K = 2048, 65_535


def imported_features(entries: Iterable[Mapping[str, Any]]) -> dict[str, FeatureState]:
    """Rebuild the columns of a data quality baseline.

    Parameters
    ----------
    entries : iterable of dict
        `features` of the file, formats 1.4.

    Returns
    -------
    dict of str to FeatureState
        A column without a distribution (too many categories, nothing but nulls) is left out: it cannot be compared.

    Raises
    ------
    BaselineError
        If an entry has another form, naming the feature.

    Notes
    -----
    **Method.** An item of level i stands for 2**i values, there and here: ranks are exactly the file's. Mean, standard
    deviation and extremes are the file's own numbers, which saw every row. What another library left out by its own
    compaction nobody knows: the rank error of imported baselines counts twice.

    Examples
    --------
    >>> sketch = {"parameters": {"k": 2048.0}, "data": [[1.0], [2.0, 3.0]]}
    >>> numbers = {"common": {"num_present": 5, "num_missing": 1}, "mean": 2.2}
    >>> numbers["distribution"] = {"kll": {"sketch": sketch}}
    >>> age = {"name": "age", "inferred_type": "Integral", "numerical_statistics": numbers}
    >>> state = imported_features([age])["age"]
    >>> state.rows, state.numbers, state.moments.mean, state.quantiles.levels()
    (6, 5, 2.2, [[1.0], [2.0, 3.0]])
    """
    features = {}
    for entry in entries:
        name = str(entry.get("name"))
        try:
            state = _numbers(name, entry) if entry.get("numerical_statistics") else _strings(name, entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"statistics of feature {name!r}: expected the form of a managed monitor, got {error!r}"
            raise BaselineError(msg) from error
        if state is not None:
            features[name] = state
    return features


def _numbers(name: str, entry: Mapping[str, Any]) -> FeatureState | None:
    statistics = entry["numerical_statistics"]
    sketch = _within(statistics, "distribution", "kll", "sketch")
    levels = [np.asarray(level, np.float64) for level in sketch.get("data") or ()]
    values = np.concatenate([np.empty(0), *levels])
    if not len(values):
        return None
    weights = np.repeat([1 << i for i in range(len(levels))], [len(level) for level in levels])
    k = int(_within(sketch, "parameters").get("k", _K))
    # Another library shares its room out otherwise; a larger k has room for every item.
    while capacity(k, len(levels)) < len(values) and 2 * k <= _MOST_K:
        k *= 2
    state = FeatureSpec(name, k=k).empty()
    low, high = (_number(statistics.get(end)) for end in ("min", "max"))
    kept = [level.tolist() for level in levels]
    state.quantiles = QuantilesState.from_levels(kept, k, minimum=low, maximum=high, column=name)
    _set_moments(
        state.moments, statistics, state.quantiles, np.average(values, weights=weights), _spread(values, weights)
    )
    _set_types(state.types, values, weights, whole=entry.get("inferred_type") == "Integral")
    state.types.null = int(statistics["common"]["num_missing"])
    state.distinct.add_numbers(read(Column(Kind.FLOAT, values)))
    return state


def _spread(values: np.ndarray, weights: np.ndarray) -> float:
    return math.sqrt(float(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights)))


def _set_moments(
    moments: MomentsState, statistics: Mapping[str, Any], sketch: QuantilesState, mean: float, std: float
) -> None:
    """Take the file's mean and standard deviation, which saw every row; those of the items where it has none."""
    told, spread = (_number(statistics.get(name)) for name in ("mean", "std_dev"))
    one = moments.spec.empty()
    one.add(np.array([mean if told is None else told]))
    moments.n, moments.high = sketch.n, one.high * sketch.n
    moments.m2 = sketch.n * (std if spread is None else spread) ** 2
    moments.minimum, moments.maximum = sketch.minimum, sketch.maximum


def _set_types(types: TypeCountsState, values: np.ndarray, weights: np.ndarray, *, whole: bool) -> None:
    n, round_ones = int(weights.sum()), int(weights[values == np.round(values)].sum())
    if whole and round_ones == n:
        types.integral = n
    else:
        types.integral_float, types.fractional = round_ones, n - round_ones
    types.negative = int(weights[values < 0.0].sum())


def _strings(name: str, entry: Mapping[str, Any]) -> FeatureState | None:
    statistics = entry.get("string_statistics") or {}
    buckets = _within(statistics, "distribution", "categorical").get("buckets") or ()
    counts = {str(bucket["value"]): int(bucket["count"]) for bucket in buckets}
    if not counts:
        return None
    state = FeatureSpec(name, k=_K).empty()
    # One row a category tells the types of all its rows.
    for value, count in counts.items():
        types = read(Column(Kind.STRING, np.zeros(1, np.int32), categories=(value,))).types
        kind = next(kind for kind, rows in types.items() if rows)
        setattr(state.types, kind, getattr(state.types, kind) + count)
    state.distinct.add_texts(state.categories.add(counts), sum(counts.values()))
    state.types.null = int(statistics["common"]["num_missing"])
    return state


def _within(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        document = document.get(name) or {}
    return document


def _number(value: Any) -> float | None:
    """Read a number that may be missing, or written as the string "NaN"."""
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


def imported_quality(statistics: Mapping[str, Any]) -> BinaryQualityState | MulticlassQualityState | None:
    """Rebuild the confusion counts of a model quality baseline; None if the file has none.

    The file has no scores, so metrics of scores have at most a threshold, but no test; a regression's sums cannot be
    told from its metrics at all.

    Raises
    ------
    BaselineError
        If a confusion matrix holds anything but counts, or that of a binary classification other classes than 0 and 1.

    Examples
    --------
    >>> matrix = {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    >>> imported_quality({"binary_classification_metrics": {"confusion_matrix": matrix}}).cells
    (1, 0, 2, 1)
    """
    for problem, rebuild in (("binary_classification", _binary), ("multiclass_classification", _multiclass)):
        matrix = statistics.get(f"{problem}_metrics", {}).get("confusion_matrix")
        if matrix is None:
            continue
        try:
            return rebuild({(str(a), str(p)): _count(n) for a, row in matrix.items() for p, n in row.items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            expected = '{"0": {"0": n, "1": n}, "1": {"0": n, "1": n}}' if rebuild is _binary else "{class: {class: n}}"
            msg = f"expected a confusion_matrix {expected}, got {matrix!r}"
            raise BaselineError(msg) from error
    return None


def _count(written: Any) -> int:
    if int(written) != written or written < 0:
        msg = f"expected a count, got {written!r}"
        raise ValueError(msg)
    return int(written)


def _binary(cells: Mapping[tuple[str, str], int]) -> BinaryQualityState:
    state = BinaryQualitySpec().empty()
    state.tp, state.fn, state.fp, state.tn = (cells[actual, predicted] for actual in "10" for predicted in "10")
    return state


def _multiclass(cells: Mapping[tuple[str, str], int]) -> MulticlassQualityState:
    state = MulticlassQualitySpec().empty()
    for (actual, predicted), rows in cells.items():
        state.add(actual, predicted, rows)
    return state
