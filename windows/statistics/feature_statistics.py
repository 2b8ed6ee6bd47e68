# SPDX-License-Identifier: Apache-2.0
"""Statistics of one column in the managed monitors' form, formats 1.4."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sketches.features import FeatureState
from sketches.quantiles import QuantilesState

MAX_LISTED = 120
"""Distinct values above which categories are not listed (Deequ's `DEFAULT_CARDINALITY_THRESHOLD`)."""
_BUCKETS = 10
_KLL_SHRINKING = 0.64


def feature_statistics(
    name: str, feature: FeatureState, n: int, inferred_type: str, *, sketch: bool = False
) -> dict[str, Any]:
    """Describe a column.

    Parameters
    ----------
    name : str
        The column.
    feature : FeatureState
        Its state.
    n : int
        Rows, those without the key included.
    inferred_type : str
        Integral, Fractional, String, Boolean or Unknown.
    sketch : bool
        Whether to list the quantile sketch's values, so that any reader can compute ranks.

    Returns
    -------
    dict
        `numerical_statistics` for a column of numbers, else `string_statistics`; a `sketchwatch` object holds what the
        format has no place for.

    Notes
    -----
    **Error.** Bucket counts come from the sketch: each is off by at most twice `rank_error` times the numbers.
    Beyond `max_categories` values every count of a category is short by at most `categories_error` times the values
    counted; both are given only then. `distinct_count` and `approximate_num_distinct_values` are estimates; `std_dev`
    is the population's.

    Examples
    --------
    >>> from sketches.block import Block, Column, Kind
    >>> from sketches.features import FeatureSpec
    >>> state = FeatureSpec("age").empty()
    >>> state.update(Block(2, {"age": Column(Kind.INTEGER, np.array([20, 40]))}))
    >>> described = feature_statistics("age", state, 2, "Integral")
    >>> described["numerical_statistics"]["mean"], described["numerical_statistics"]["std_dev"]
    (30.0, 10.0)
    """
    types = feature.types
    present = types.n - types.missing
    common = {"num_present": present, "num_missing": n - present}
    completeness = present / n if n else 1.0
    described: dict[str, Any] = {"name": name, "inferred_type": inferred_type}
    capped: dict[str, Any] = {}
    if inferred_type in {"Integral", "Fractional"} and feature.numbers:
        described["numerical_statistics"] = {
            "common": common,
            "mean": feature.moments.mean,
            "sum": feature.moments.sum,
            "std_dev": feature.moments.std,
            "min": feature.moments.minimum,
            "max": feature.moments.maximum,
            **_distinct(feature),
            "completeness": completeness,
            "distribution": {"kll": _kll(feature.quantiles, sketch=sketch)},
        }
    else:
        described["string_statistics"] = {
            "common": common,
            "distinct_count": float(round(feature.distinct.estimate)),
            "completeness": completeness,
        }
        if listed(feature):
            buckets = [{"value": value, "count": count} for value, count in feature.categories.counts().items()]
            described["string_statistics"]["distribution"] = {"categorical": {"buckets": buckets}}
        if feature.categories.error:
            capped = {
                "categories_error": feature.categories.error,
                "max_categories": feature.categories.spec.max_categories,
            }
    described["sketchwatch"] = {
        "num_absent": n - types.n,
        "num_nan": types.nan,
        "num_infinite": types.infinite,
        "rank_error": feature.quantiles.rank_error,
        **capped,
    }
    return described


def listed(feature: FeatureState) -> bool:
    """Whether a column's categories are few enough to be listed, and so to be a domain."""
    categories = feature.categories
    return bool(categories.n) and not categories.error and len(categories.counts()) <= MAX_LISTED


def _distinct(feature: FeatureState) -> dict[str, int]:
    """Distinct numbers; fractions are not counted, so a column that has any gives none."""
    if feature.types.fractional or feature.types.string_fractional:
        return {}
    return {"approximate_num_distinct_values": round(feature.distinct.estimate)}


def _kll(quantiles: QuantilesState, *, sketch: bool) -> dict[str, Any]:
    low, high = quantiles.minimum, quantiles.maximum
    edges = (
        low + np.arange(_BUCKETS + 1) / _BUCKETS * (high - low) if math.isfinite(high - low) else np.array([low, high])
    )
    edges[-1] = high
    below = np.concatenate(([0.0], quantiles.cdf(edges[1:-1], inclusive=False), [1.0])) * quantiles.n
    kll: dict[str, Any] = {
        "buckets": [
            {"lower_bound": lower, "upper_bound": upper, "count": count}
            for lower, upper, count in zip(
                edges[:-1].tolist(), edges[1:].tolist(), np.diff(np.round(below)).tolist(), strict=True
            )
        ]
    }
    if sketch:
        parameters = {"c": _KLL_SHRINKING, "k": float(quantiles.spec.k)}
        kll["sketch"] = {"parameters": parameters, "data": quantiles.levels()}
    return kll
