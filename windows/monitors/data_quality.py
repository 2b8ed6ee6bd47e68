# SPDX-License-Identifier: Apache-2.0
"""The data quality monitor: types, completeness, columns, categories, signs and outlying values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sketches.features import FeatureState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints, FeatureConstraints
from windows.monitors.settle import NEVER, Draft, Earlier, settle
from windows.monitors.shares import Share, judge_share
from windows.monitors.shelter import sheltered
from windows.options import DataQuality
from windows.outputs import OUTPUTS, SCORES
from windows.report import Verdict
from windows.statistics.correction import holm
from windows.statistics.inferred_type import has_numbers, mismatches
from windows.statistics.limits import outlying
from windows.window_profile import WindowProfile


def judge_data_quality(
    profile: WindowProfile, baseline: Baseline, constraints: Constraints, alpha: float, earlier: Earlier = NEVER
) -> list[Verdict]:
    """Check every column of a window.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    baseline : Baseline
        What suggested constraints are tested against.
    constraints : Constraints
        What is required; a person's edits and foreign files are literal.
    alpha : float
        Level of all tests together (Holm).
    earlier : Earlier
        What was said of this window before.

    Returns
    -------
    list of Verdict
        `data_type_check`, `completeness_check`, `missing_column_check`, `extra_column_check`,
        `categorical_values_check`, `non_negative_check` and `outlying_values_check`.
    """
    drafts: list[Draft | Verdict] = []
    options = profile.definition.monitors.data_quality
    for name, required in constraints.features.items():
        if not required.settings.evaluate:
            drafts.append(
                Verdict(name, "data_quality", "literal", "skipped", reason="switched off in constraints.json")
            )
            continue
        state = profile.profile
        column = _Column(required, state.features.get(name), baseline.features.get(name), state.n, baseline.n)
        with sheltered(name, "data_quality", drafts):
            for share in _checks(column, options, imported=baseline.imported):
                if share is not None:
                    drafts += judge_share(share, options)
    drafts += _extra_columns(profile, constraints)
    return settle(drafts, holm, alpha, earlier)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the window and of the baseline, the rows on each side, and what is required."""

    required: FeatureConstraints
    now: FeatureState | None
    was: FeatureState | None
    n: int
    baseline_n: int

    def share(
        self,
        check: str,
        failures: int,
        n: int,
        baseline: tuple[int, int] | None,
        *,
        required: float | None = 1.0,
        literal: bool = False,
        description: str = "",
        error: float | None = None,
    ) -> Share:
        baseline_failures, baseline_n = (None, 0) if baseline is None else baseline
        name = self.required.name
        return Share(name, check, failures, n, baseline_failures, baseline_n, required, literal, description, error)


def _checks(column: _Column, options: DataQuality, *, imported: bool) -> Iterator[Share | None]:
    yield _missing_column(column, options.min_rows)
    if column.now is not None and column.now.rows:
        yield _completeness(column, column.now)
        yield _data_type(column, column.now)
        yield _categories(column, column.now)
        yield _non_negative(column, column.now)
        yield _outlying(column, column.now, options.outlier_z, 2.0 if imported else 1.0)


def _present(feature: FeatureState) -> int:
    return feature.types.n - feature.types.missing


def _missing(column: _Column) -> tuple[int, int] | None:
    # An imported sketch's weights may add up to a few values more than the rows it was made of.
    return None if column.was is None else (max(0, column.baseline_n - _present(column.was)), column.baseline_n)


def _missing_column(column: _Column, min_rows: int) -> Share:
    """A column is missing when no row has its key; clients that drop nulls make it a matter of chance."""
    gone = column.now is None or not column.now.rows
    return column.share(
        "missing_column_check",
        column.n if gone else 0,
        column.n,
        _missing(column),
        required=1.0 if column.n >= min_rows else None,
        literal=column.was is None,
        description=f"Column {column.required.name} is missing: 0 of {column.n} rows have it.",
    )


def _completeness(column: _Column, now: FeatureState) -> Share | None:
    required = column.required
    literal = "completeness" in required.edited
    if literal and required.completeness is None:
        return None
    return column.share(
        "completeness_check",
        column.n - _present(now),
        column.n,
        _missing(column),
        required=required.completeness,
        literal=literal,
    )


def _data_type(column: _Column, now: FeatureState) -> Share | None:
    expected, least = column.required.inferred_type, column.required.settings.data_type_threshold
    if expected == "Unknown":
        return None
    was = column.was
    mixed = was is not None and has_numbers(was.types)
    failures, n = mismatches(now.types, expected, numbers_allowed=mixed), _present(now)
    return column.share(
        "data_type_check",
        failures,
        n,
        None if was is None else (mismatches(was.types, expected, numbers_allowed=mixed), _present(was)),
        required=least,
        literal="inferred_type" in column.required.edited,
        description=(
            f"Data type match requirement is not met. Expected data type: {expected}, Expected match: {100 * least}%. "
            f"Observed: Only {100 * (n - failures) / max(n, 1)}% of data is {expected}."
        ),
    )


def _categories(column: _Column, now: FeatureState) -> Share | None:
    """Values outside the domain; suggested domains allow as many as Good and Turing expect.

    A baseline in which `a` values came once has missed values of about a / m of all rows.
    """
    required, was = column.required, column.was
    if required.domains is None or (was is not None and was.spec.hashed != now.spec.hashed):
        return None
    domain, n = set(required.domains), now.categories.n
    return column.share(
        "categorical_values_check",
        n - sum(rows for value, rows in now.categories.counts().items() if value in domain),
        n,
        None if was is None else (was.categories.singletons(), was.categories.n),
        required=required.settings.domain_threshold,
        literal="domains" in required.edited,
    )


def _non_negative(column: _Column, now: FeatureState) -> Share | None:
    required, was = column.required, column.was
    if not required.non_negative:
        return None
    return column.share(
        "non_negative_check",
        now.types.negative,
        now.numbers,
        None if was is None else (was.types.negative, was.numbers),
        literal="non_negative" in required.edited,
    )


def _outlying(column: _Column, now: FeatureState, z: float, error_factor: float) -> Share | None:
    """Values far from the baseline's mean, counted no higher than the sketches' errors allow."""
    was = column.was
    if was is None or column.required.inferred_type not in {"Integral", "Fractional"}:
        return None
    limits = outlying(was.moments, z)
    if limits is None:
        return None
    low, high = limits
    error, baseline_error = now.quantiles.rank_error, error_factor * was.quantiles.rank_error
    return column.share(
        "outlying_values_check",
        math.floor(_beyond(now, low, high, -error)),
        now.numbers,
        (math.ceil(_beyond(was, low, high, baseline_error)), was.numbers),
        required=None,
        error=error + baseline_error,
    )


def _beyond(feature: FeatureState, low: float, high: float, error: float) -> float:
    """Rows outside [low, high], the sketch erring by `error` on each side that has any."""
    share = 0.0
    if feature.numbers and feature.moments.minimum < low:
        share += max(0.0, float(feature.quantiles.cdf(low, inclusive=False)) + error)
    if feature.numbers and feature.moments.maximum > high:
        share += max(0.0, 1.0 - float(feature.quantiles.cdf(high)) + error)
    return min(share, 1.0) * feature.numbers


def _extra_columns(profile: WindowProfile, constraints: Constraints) -> Iterator[Verdict]:
    """Columns without a constraint, in more rows than chance would put there."""
    options, n = profile.definition.monitors.data_quality, profile.profile.n
    literal = options.mode == "literal" or not constraints.suggested
    floor = 0.0 if literal else options.extra_column_share
    known = constraints.features.keys() | constraints.removed | OUTPUTS
    found = {
        name: feature.rows
        for name, feature in profile.profile.features.items()
        if name not in known and not name.startswith(SCORES)
    }
    if profile.profile.overflow:
        found[f"columns beyond the limit, such as {', '.join(sorted(profile.profile.refused)[:3])}"] = min(
            profile.profile.overflow, n
        )
    for name, rows in found.items():
        if n < options.min_rows:
            outcome, reason = "insufficient", f"{n} rows, needs {options.min_rows}"
        else:
            outcome, reason = "violation" if rows / n > floor else "ok", None
        yield Verdict(
            name,
            "extra_column_check",
            "literal" if literal else "calibrated",
            outcome,  # type: ignore[arg-type]
            "share",
            rows / n if n else 0.0,
            threshold=floor,
            n=n,
            baseline_n=0,
            reason=reason,
            description=f"Column {name} is not in the baseline: {rows} of {n} rows have it.",
        )
