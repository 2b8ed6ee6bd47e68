# SPDX-License-Identifier: Apache-2.0
"""What a window looked like, in numbers that can be compared from window to window."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from sketches.categories import CategoriesState
from sketches.features import FeatureState
from sketches.profile import ProfileState

Name = tuple[str, str]
"""A column and one of its statistics."""

TOP_CATEGORIES = 10
MOST_CATEGORIES = 20
_QUANTILES = ("p10", "p50", "p90")
_SHARES = np.array([0.1, 0.5, 0.9])
_MAX_KURTOSIS = 6.0
_MAX_SKEWNESS = 0.1
_TWO_SIDED_99 = 2.5758293035489004
_ROUNDING = 1e-12
_SHARE_OF = "share of "


class Statistic(NamedTuple):
    """A statistic, and what it would be off by chance in a window of so many rows (one standard deviation)."""

    value: float
    error: float


def window_statistics(profile: ProfileState, known: Collection[Name] = ()) -> dict[Name, Statistic]:
    """Sum up every column of a window.

    Parameters
    ----------
    profile : ProfileState
        Of the window.
    known : collection of (str, str)
        What earlier windows gave: shares of these categories come first, whatever became of them, as does the
        completeness of columns that vanished.

    Returns
    -------
    dict of (str, str) to Statistic
        By column: `completeness`; of numbers `mean`, `sd`, `p10`, `p50` and `p90` in the column's unit; of categories
        `share of <value>`, of those known and of the ten most frequent, at most twenty. Shares are angles,
        `2 asin sqrt(share)` radians, whose error is that of any share.

    Notes
    -----
    **Method.** A number is left out where chance does not move it as a normal would: the mean where the skewness over
    sqrt(n) exceeds 0.1, the standard deviation where the kurtosis exceeds 6, a quantile among repeated values. Skewness
    and kurtosis are those of the sketch. A category that was frequent once is followed from then on: the shares of
    windows in which it happens to be frequent would be no measure of the others.

    References
    ----------
    .. [1] Anscombe (1948), Biometrika 35(3-4), 246-254: the angle of a share.

    Examples
    --------
    >>> from sketches.block import Block, Column, Kind
    >>> from sketches.profile import ProfileSpec
    >>> state = ProfileSpec().empty()
    >>> state.update(Block(400, {"age": Column(Kind.FLOAT, np.arange(400.0))}))
    >>> {statistic: round(value, 1) for (_, statistic), (value, _) in window_statistics(state).items()}
    {'completeness': 3.1, 'mean': 199.5, 'sd': 115.5, 'p10': 39.0, 'p50': 199.0, 'p90': 359.0}
    """
    found: dict[Name, Statistic] = {}
    followed: dict[str, list[str]] = {}
    for name, statistic in known:
        followed.setdefault(name, []).append(statistic)
    vanished = {name for name, statistics in followed.items() if "completeness" in statistics}
    for name in sorted({*profile.features, *vanished}):
        feature = profile.features.get(name)
        present = 0 if feature is None else feature.types.n - feature.types.missing
        found[name, "completeness"] = angle(present, profile.n)
        if feature is not None:
            found |= {(name, statistic): value for statistic, value in _numbers(feature)}
            found |= {
                (name, statistic): value for statistic, value in _shares(feature.categories, followed.get(name, ()))
            }
    return {name: s for name, s in found.items() if math.isfinite(s.value) and math.isfinite(s.error)}


def angle(rows: float, n: int) -> Statistic:
    """Give a share as an angle, which chance moves as much whatever the share is.

    Examples
    --------
    >>> share_of(angle(3_000, 10_000).value), angle(3_000, 10_000).error
    (0.3, 0.01)
    """
    return Statistic(2.0 * math.asin(math.sqrt((rows + 0.375) / (n + 0.75))), 1.0 / math.sqrt(n))


def is_share(statistic: str) -> bool:
    """Whether a statistic is a share, given as an angle."""
    return statistic == "completeness" or statistic.startswith(_SHARE_OF)


def share_of(angle: float) -> float:
    """Turn an angle back into a share, to two digits more than a percent.

    Examples
    --------
    >>> share_of(0.0), share_of(3.141592653589793)
    (0.0, 1.0)
    """
    return round(math.sin(angle / 2.0) ** 2, 4)


def _numbers(feature: FeatureState) -> Iterator[tuple[str, Statistic]]:
    n = feature.numbers
    if n < 2 or feature.spec.categorical:
        return
    skewness, kurtosis = _shape(feature)
    sd = feature.moments.std
    if abs(skewness) <= _MAX_SKEWNESS * math.sqrt(n):
        yield "mean", Statistic(feature.moments.mean, sd / math.sqrt(n))
    if kurtosis <= _MAX_KURTOSIS:
        yield "sd", Statistic(sd, sd * math.sqrt(max(kurtosis - 1.0, 0.0) / (4.0 * n)))
    chance = np.hypot(np.sqrt(_SHARES * (1.0 - _SHARES) / n), feature.quantiles.rank_error / _TWO_SIDED_99)
    around = feature.quantiles.quantile(_SHARES + np.multiply.outer(np.arange(-2, 3), chance))
    for name, (_, below, value, above, _), distinct in zip(_QUANTILES, around.T, np.diff(around.T) > 0, strict=True):
        if distinct.all():
            yield name, Statistic(float(value), float(above - below) / 2.0)


def _shape(feature: FeatureState) -> tuple[float, float]:
    """Skewness and kurtosis of the values a sketch keeps; infinite if it keeps none of the few that differ."""
    if feature.moments.minimum == feature.moments.maximum:
        return 0.0, 1.0
    values, cumulative = feature.quantiles.weighted()
    weights = np.diff(cumulative, prepend=0.0) / cumulative[-1]
    scaled = values / float(np.abs(values).max() or 1.0)
    deviations = scaled - float((weights * scaled).sum())
    sd = math.sqrt(float((weights * deviations**2).sum()))
    if sd <= _ROUNDING:
        return math.inf, math.inf
    z = deviations / sd
    # Products: NumPy's power takes ten times as long.
    cubes = weights * z * z * z
    return float(cubes.sum()), float((cubes * z).sum())


def _shares(categories: CategoriesState, known: Collection[str]) -> Iterator[tuple[str, Statistic]]:
    if not categories.n:
        return
    counts = categories.counts()
    frequent = [_SHARE_OF + value for value in list(counts)[:TOP_CATEGORIES]]
    shares = dict.fromkeys((*(name for name in known if name.startswith(_SHARE_OF)), *frequent))
    for statistic in list(shares)[:MOST_CATEGORIES]:
        yield statistic, angle(counts.get(statistic.removeprefix(_SHARE_OF), 0), categories.n)
