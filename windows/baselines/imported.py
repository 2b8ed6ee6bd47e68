# SPDX-License-Identifier: Apache-2.0
"""States from a managed monitor's `statistics.json`: rows as many and as alike as the file can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from sketches.block import Block, Column, Kind
from sketches.features import FeatureSpec, FeatureState
from windows.errors import BaselineError

_K = 2048


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
    **Method.** A sketch item of level i stands for 2**i equal rows, so ranks are those of the file's sketch; they are
    compacted once more, which the doubled rank error of imported baselines covers. Mean and standard deviation follow
    from the items.

    Examples
    --------
    >>> sketch = {"parameters": {"k": 2048.0}, "data": [[1.0], [2.0, 3.0]]}
    >>> numbers = {"common": {"num_present": 5, "num_missing": 1}, "distribution": {"kll": {"sketch": sketch}}}
    >>> age = {"name": "age", "inferred_type": "Integral", "numerical_statistics": numbers}
    >>> state = imported_features([age])["age"]
    >>> state.rows, state.numbers, state.moments.mean
    (6, 5, 2.2)
    """
    features = {}
    for entry in entries:
        name = str(entry.get("name"))
        try:
            column = _numbers(entry) if "numerical_statistics" in entry else _strings(entry)
        except (KeyError, TypeError, ValueError) as error:
            msg = f"statistics of feature {name!r}: expected the form of a managed monitor, got {error!r}"
            raise BaselineError(msg) from error
        if column is not None:
            features[name] = FeatureSpec(name, k=_K).empty()
            features[name].update(Block(len(column.values), {name: column}))
    return features


def _numbers(entry: Mapping[str, Any]) -> Column | None:
    statistics = entry["numerical_statistics"]
    levels = statistics.get("distribution", {}).get("kll", {}).get("sketch", {}).get("data", [])
    values = np.concatenate(
        [np.empty(0), *(np.repeat(np.asarray(level, float), 1 << i) for i, level in enumerate(levels))]
    )
    if not len(values):
        return None
    whole = entry.get("inferred_type") == "Integral" and bool((values == np.round(values)).all())
    return _column(Kind.INTEGER if whole else Kind.FLOAT, values.astype(np.int64) if whole else values, statistics)


def _strings(entry: Mapping[str, Any]) -> Column | None:
    statistics = entry.get("string_statistics", {})
    buckets = statistics.get("distribution", {}).get("categorical", {}).get("buckets", [])
    if not buckets:
        return None
    codes = np.repeat(np.arange(len(buckets), dtype=np.int32), [int(bucket["count"]) for bucket in buckets])
    return _column(Kind.STRING, codes, statistics, tuple(str(bucket["value"]) for bucket in buckets))


def _column(kind: Kind, present: np.ndarray, statistics: Mapping[str, Any], categories: tuple[str, ...] = ()) -> Column:
    missing = int(statistics["common"]["num_missing"])
    values = np.concatenate((present, np.zeros(missing, present.dtype)))
    return Column(kind, values, np.arange(len(values)) < len(present), categories)


def imported_quality(statistics: Mapping[str, Any]) -> BinaryQualityState | None:
    """Rebuild the confusion cells of a model quality baseline; None if the file has none.

    The file has no score counts, so AUC has a threshold but no test.

    Examples
    --------
    >>> matrix = {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    >>> imported_quality({"binary_classification_metrics": {"confusion_matrix": matrix}}).cells
    (1, 0, 2, 1)
    """
    matrix = statistics.get("binary_classification_metrics", {}).get("confusion_matrix")
    if matrix is None:
        return None
    try:
        counts = [int(matrix[actual][predicted]) for actual in "01" for predicted in "01"]
    except (KeyError, TypeError, ValueError) as error:
        msg = f'expected a confusion_matrix {{"0": {{"0": n, "1": n}}, "1": {{"0": n, "1": n}}}}, got {matrix!r}'
        raise BaselineError(msg) from error
    cells = np.repeat(np.arange(4, dtype=np.int32), counts)
    label, predicted = (Column(Kind.STRING, codes, categories=("0", "1")) for codes in (cells // 2, cells % 2))
    state = BinaryQualitySpec().empty()
    state.update(Block(len(cells), {"label": label, "prediction.label": predicted}))
    return state
