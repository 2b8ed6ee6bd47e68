# SPDX-License-Identifier: Apache-2.0
"""Windows unlike the model's past windows: by each column's statistics, and by all of them together.

Beside the comparison with the baseline these take half of the monitor's budget, in equal parts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from windows.history import Floats, PastWindow, names_of, table_of
from windows.monitors.monitor import Judged
from windows.monitors.past_quality import quality_statistics
from windows.monitors.settle import Draft, Earlier, settle
from windows.options import DataDrift
from windows.report import Verdict
from windows.statistics.correction import benjamini_hochberg
from windows.statistics.random_cut_forest import cut_forest_scores
from windows.statistics.window_statistics import Name, Statistic, is_share, share_of, window_statistics
from windows.statistics.z_score import ranked, z_scores
from windows.window_profile import WindowProfile

CHECK = "anomaly_check"
MIN_WINDOWS = 24
_MOST_LACKING = 0.1


def baseline_share(options: DataDrift) -> float:
    """Give the share of the monitor's budget that is left to the comparison with the baseline.

    Examples
    --------
    >>> baseline_share(DataDrift()), baseline_share(DataDrift(anomaly={"modes": ["z_score"]}))
    (1.0, 0.5)
    """
    return 0.5 if options.anomaly.modes else 1.0


def windows_needed(options: DataDrift, alpha: float) -> int:
    """Give the past windows among which the forest can tell anything at a level of the monitor.

    Examples
    --------
    >>> windows_needed(DataDrift(anomaly={"modes": ["random_cut_forest"]}), 0.012)
    166
    """
    return math.ceil(1.0 / _level(options, alpha)) - 1


def _level(options: DataDrift, alpha: float) -> float:
    """The part of the monitor's level that each mode has."""
    return alpha * (1.0 - baseline_share(options)) / len(options.anomaly.modes)


def summary_of(profile: WindowProfile, past: Sequence[PastWindow] = ()) -> PastWindow | None:
    """Sum up a window for the judgement of later ones; None if it has too few rows to be one of them.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    past : sequence of PastWindow
        Windows that start before it: what they tell, it tells too.
    """
    if profile.profile.n < _min_rows(profile.definition.monitors.data_drift):
        return None
    return PastWindow.of(profile.profile.n, _statistics(profile, past))


def _statistics(profile: WindowProfile, past: Sequence[PastWindow]) -> dict[Name, Statistic]:
    return window_statistics(profile.profile, names_of(past)) | quality_statistics(profile, _generator(profile))


def judge_anomaly(profile: WindowProfile, past: Sequence[PastWindow], alpha: float, earlier: Earlier) -> Judged:
    """Compare a window with past windows, in every mode the definition asks for.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    past : sequence of PastWindow
        Windows that start before it, the oldest first.
    alpha : float
        Level of the monitor.
    earlier : Earlier
        What was said of this window before.

    Returns
    -------
    dict
        `anomaly`, what each mode found; empty if none is asked for.
    list of Verdict
        `anomaly_check`: with z-scores of each column and of the quality of the predictions (`model_quality`), with the
        forest of all of them (`*`).
    """
    options = profile.definition.monitors.data_drift
    modes = options.anomaly.modes
    if not modes:
        return {}, []
    n, m, min_rows = profile.profile.n, len(past), _min_rows(options)
    reason = f"{n} rows, needs {min_rows}" if n < min_rows else f"{m} past windows, needs {MIN_WINDOWS}"
    if n < min_rows or m < MIN_WINDOWS:
        return {"anomaly": {"past_windows": m}}, [_insufficient(mode, reason) for mode in modes]
    level = _level(options, alpha)
    table = _Table.of([PastWindow.of(n, _statistics(profile, past)), *past])
    statistics: dict[str, Any] = {"past_windows": m}
    verdicts: list[Verdict] = []
    for mode, judge in (("z_score", _by_z_score), ("random_cut_forest", _by_forest)):
        if mode in modes:
            found, drafts = judge(profile, table, level)
            statistics |= found
            verdicts += settle(drafts, benjamini_hochberg, level, earlier)
    return {"anomaly": statistics}, verdicts


def _min_rows(options: DataDrift) -> int:
    return max(options.min_rows, 1)


def _insufficient(mode: str, reason: str) -> Verdict:
    return Verdict("*", CHECK, mode, "insufficient", reason=reason)


Found = tuple[dict[str, Any], list[Draft | Verdict]]


class _Table(NamedTuple):
    """The statistics of a window, first, and of past windows; NaN where one lacks a statistic."""

    names: tuple[Name, ...]
    values: Floats
    errors: Floats
    rows: Floats

    @classmethod
    def of(cls, windows: Sequence[PastWindow]) -> _Table:
        # In the order of the past, so that a revision draws the same forest whatever statistics its window lacks.
        names = names_of([*windows[1:], windows[0]])
        return cls(names, *table_of(names, windows), np.array([float(window.rows) for window in windows]))


def _by_z_score(profile: WindowProfile, table: _Table, _level: float) -> Found:
    known = ~np.isnan(table.values)
    tested = known[0] & (known[1:].sum(0) >= MIN_WINDOWS)
    names = [name for name, enough in zip(table.names, tested, strict=True) if enough]
    if not names:
        return {}, [_insufficient("z_score", f"no statistic of {MIN_WINDOWS} past windows")]
    values, errors, sizes = table.values[:, tested], table.errors[:, tested], table.rows[1:] / table.rows[0]
    scores = z_scores(values[0], errors[0], values[1:], errors[1:], sizes)
    columns: dict[str, list[_Scored]] = {}
    for (column, statistic), value, *score in zip(names, values[0], *scores, strict=True):
        columns.setdefault(column, []).append(_Scored(statistic, float(value), *map(float, score)))
    found = {column: {one.statistic: round(one.z, 3) for one in scored} for column, scored in columns.items()}
    return {"z_scores": found}, [_draft(profile.profile.n, len(sizes), *column) for column in columns.items()]


class _Scored(NamedTuple):
    statistic: str
    value: float
    expected: float
    z: float
    pvalue: float


def _draft(rows: int, past: int, column: str, scored: list[_Scored]) -> Draft:
    """Speak of a column by the statistic that is the most surprising of its few (Bonferroni)."""
    most = min(scored, key=lambda one: one.pvalue)
    value, expected = most.value, most.expected
    if is_share(most.statistic):
        value, expected = share_of(value), share_of(expected)
    verdict = Verdict(
        column,
        CHECK,
        "z_score",
        "ok",
        most.statistic,
        most.z,
        pvalue=min(1.0, most.pvalue * len(scored)),
        n=rows,
        description=f"{most.statistic} {value:.6g} is {abs(most.z):.3g} standard deviations from {expected:.6g}, "
        f"its mean over {past} past windows",
    )
    return Draft(verdict)


def _by_forest(profile: WindowProfile, table: _Table, level: float) -> Found:
    points = _standardised(table.values)
    if not points.shape[1]:
        return {}, [_insufficient("random_cut_forest", "no statistic of the past windows varies")]
    scores = cut_forest_scores(points, _generator(profile))
    score, rank, past = float(scores[0]), int((scores >= scores[0]).sum()), len(scores) - 1
    pvalue, needed = rank / len(scores), math.ceil(1.0 / level) - 1
    found = {"forest": {"score": score, "pvalue": pvalue}}
    verdict = Verdict(
        "*",
        CHECK,
        "random_cut_forest",
        "ok",
        "displacement",
        score,
        pvalue=pvalue,
        n=profile.profile.n,
        description=f"Of {len(scores)} windows this one stands apart from the others as number {rank}",
    )
    if past < needed:
        most = profile.definition.monitors.data_drift.anomaly.windows
        reason = f"{past} past windows of at most {most}: a rank among them says something at {level:.2g} from {needed}"
        return found, [_insufficient("random_cut_forest", reason)]
    return found, [Draft(verdict)]


def _standardised(table: Floats) -> Floats:
    """Bring statistics to one unit, in a way that treats all windows alike: what a few lack is the median."""
    table = table[:, np.isnan(table).mean(0) <= _MOST_LACKING]
    away = table - ranked(table, 0.5)
    scale = ranked(np.abs(away), 0.5)
    scale = np.where(scale > 0, scale, np.nanstd(table, axis=0))
    return np.asarray(np.nan_to_num(away[:, scale > 0] / scale[scale > 0]))


def _generator(profile: WindowProfile) -> np.random.Generator:
    """Draw the same forest in every revision of a window."""
    key = f"{profile.definition.model}|{profile.definition.version}|{profile.window_start_ms}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
