# SPDX-License-Identifier: Apache-2.0
"""Judge one window: a report of every enabled monitor. Pure; randomness only through an explicit generator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from windows.baselines.baseline import Baseline
from windows.errors import described
from windows.history import PastWindow
from windows.monitors.catalogue import enabled_monitors, monitor_alpha
from windows.monitors.monitor import Judged, Monitor, Terms, is_of
from windows.monitors.segments import halved
from windows.monitors.settle import NEVER, Earlier, status_of
from windows.monitors.shelter import sheltered
from windows.report import Report, Verdict
from windows.window_profile import WindowProfile


def evaluate(
    profile: WindowProfile,
    baseline: Baseline | None,
    *,
    rng: np.random.Generator | None = None,
    earlier: Mapping[str, Earlier] | None = None,
    past: Sequence[PastWindow] = (),
) -> list[Report]:
    """Judge a window with every monitor that may judge it now.

    Parameters
    ----------
    profile : WindowProfile
        The window. Monitors of features judge it once `features_closed`; those of labels once `labels_closed`, and
        give a preview without verdicts once every row is labelled.
    baseline : Baseline or None
        What it is compared with; None gives statistics and an `insufficient` verdict.
    rng : numpy.random.Generator, optional
        Source of resamples; by default seeded by model, window and revision, so that a replay says the same.
    earlier : mapping of str to Earlier, optional
        By monitor, what earlier revisions of this window's reports said: a revision may newly alarm only at half the
        level of the one before.
    past : sequence of PastWindow
        What `summary_of` gave of the windows that start before this one, the oldest first, where anomalies are asked
        for.

    Returns
    -------
    list of Report
        At most one a monitor, in the order of `MONITORS`. A monitor that cannot be computed has status
        Failed and the error; the others are not affected.
    """
    rng = seeded(profile) if rng is None else rng
    reports = []
    for monitor in enabled_monitors(profile.definition):
        final = profile.labels_closed if monitor.of_labels else profile.features_closed
        if not final and not (monitor.of_labels and _whole(profile)):
            continue
        alpha, before = monitor_alpha(profile.definition, monitor.name), (earlier or {}).get(monitor.name, NEVER)
        reports.append(_report(monitor, profile, baseline, Terms(alpha, before, rng, past), final=final))
    return reports


def evaluate_last_rows(profile: WindowProfile, baseline: Baseline | None, earlier: Earlier = NEVER) -> list[Report]:
    """Judge the quality of the last labelled rows, whatever their windows.

    Each judgement is one of a window of its own, at the whole level; `earlier` only says what is in violation.
    """
    definition = profile.definition
    return [
        _report(
            monitor,
            profile,
            baseline,
            Terms(monitor_alpha(definition, monitor.name), Earlier(0, earlier.violated), seeded(profile)),
            final=True,
        )
        for monitor in enabled_monitors(definition)
        if monitor.name == "model_quality"
    ]


def _whole(profile: WindowProfile) -> bool:
    """Whether every row is labelled: before the horizon, a partition tells its quality only then, its counts always."""
    return 0 < profile.labelled == profile.rows


def seeded(profile: WindowProfile) -> np.random.Generator:
    """Make the generator of one revision of one window."""
    definition = profile.definition
    key = f"{definition.model}|{definition.version}|{profile.window_start_ms}|{profile.revision}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))


def _report(
    monitor: Monitor,
    profile: WindowProfile,
    baseline: Baseline | None,
    terms: Terms,
    *,
    final: bool,
) -> Report:
    error = None
    statistics: dict[str, Any] = {}
    verdicts: list[Verdict] = []
    try:
        if (given_up := _given_up(profile, monitor)) is not None:
            error = f"its state was given up: {given_up}"
        elif (unmerged := _unmerged(profile, monitor)) is not None:
            verdicts = [Verdict("*", monitor.name, "calibrated", "insufficient", reason=unmerged)]
        else:
            statistics, verdicts = _judged(monitor, profile, baseline, terms)
    except Exception as raised:  # one monitor's failure is reported and must not silence the others
        error = described(raised)
    return Report(
        profile.definition.model,
        profile.definition.version,
        monitor.name,
        profile.window_start_ms,
        profile.window_end_ms,
        profile.revision,
        final,
        "Failed" if error is not None else status_of(verdicts),
        baseline.baseline_version if baseline is not None else None,
        profile.definition.revision,
        profile.rows,
        profile.labelled,
        profile.late,
        profile.rejected,
        profile.duplicates,
        profile.partitions,
        profile.partitions_closed,
        statistics,
        tuple(verdicts),
        error,
        profile.last_rows,
    )


def _judged(monitor: Monitor, profile: WindowProfile, baseline: Baseline | None, terms: Terms) -> Judged:
    """Judge the whole, and the segments where a definition names any; each half then has half of the level."""
    if monitor.by_segment is None or not profile.definition.segments:
        return monitor.judge(profile, baseline, terms)
    statistics, verdicts = monitor.judge(profile, baseline, halved(terms))
    if baseline is None:
        return statistics, verdicts
    with sheltered("*[segments]", monitor.name, verdicts):
        of_segments, found = monitor.by_segment(profile, baseline, halved(terms))
        statistics, verdicts = statistics | of_segments, verdicts + found
    return statistics, verdicts


def _given_up(profile: WindowProfile, monitor: Monitor) -> str | None:
    """Say why a state of a user's own monitor was given up, None if none was."""
    return next((why for part, why in sorted(profile.failed.items()) if part.split("/")[1] == monitor.name), None)


def _unmerged(profile: WindowProfile, monitor: Monitor) -> str | None:
    """Say why a monitor has not got all the states that it judges, None if it has."""
    parts = [part for part in profile.unmerged if is_of(part, monitor.needs(profile.definition))]
    if not parts:
        return None
    return f"the window was counted under a definition that was replaced: cannot merge {', '.join(parts[:3])}"
