# SPDX-License-Identifier: Apache-2.0
"""The data drift monitor: whether the distribution of a feature or output has changed since the baseline."""

from __future__ import annotations

from sketches.features import FeatureState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints, FeatureConstraints
from windows.monitors.categorical_drift import judge_categories
from windows.monitors.drift_options import DriftOptions, drift_options
from windows.monitors.numeric_drift import judge_numbers
from windows.monitors.settle import NEVER, Draft, Earlier, settle
from windows.monitors.shelter import sheltered
from windows.options import DataDrift
from windows.outputs import LABEL
from windows.report import Verdict
from windows.statistics.correction import benjamini_hochberg
from windows.window_profile import WindowProfile

CHECK = "baseline_drift_check"


def judge_data_drift(
    profile: WindowProfile, baseline: Baseline, constraints: Constraints, alpha: float, earlier: Earlier = NEVER
) -> list[Verdict]:
    """Compare every column of a window with the baseline's.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    baseline : Baseline
        The distributions to compare with.
    constraints : Constraints
        Which columns, and by which rule where a person or another system set one.
    alpha : float
        False discovery rate over all columns (Benjamini-Hochberg).
    earlier : Earlier
        What was said of this window before.

    Returns
    -------
    list of Verdict
        `baseline_drift_check` of every column; beside a literal verdict the calibrated one, advisory.
    """
    tests = sum(name in baseline.features for name in constraints.features)
    drafts: list[Draft | Verdict] = []
    for name, required in constraints.features.items():
        window, was = profile.profile.features.get(name), baseline.features.get(name)
        options = drift_options(profile.definition.monitors.data_drift, constraints, required, tests, baseline)
        skipped = _skipped(required, window, was, profile.definition.monitors.data_drift)
        if skipped is not None:
            drafts.append(skipped)
        elif window is not None and was is not None:
            with sheltered(name, CHECK, drafts):
                drafts += _judge(window, was, options, required)
    return settle(drafts, benjamini_hochberg, alpha, earlier)


def is_categorical(feature: FeatureState, required: FeatureConstraints) -> bool:
    """Whether a column is compared by its categories rather than by its numbers."""
    declared = feature.spec.categorical or feature.spec.hashed or required.name == LABEL
    return declared or required.inferred_type in {"String", "Boolean"}


def _judge(
    window: FeatureState, was: FeatureState, options: DriftOptions, required: FeatureConstraints
) -> list[Draft | Verdict]:
    if is_categorical(was, required):
        return judge_categories(required.name, window.categories, was.categories, options)
    return judge_numbers(required.name, window, was, options)


def _skipped(
    required: FeatureConstraints, window: FeatureState | None, was: FeatureState | None, options: DataDrift
) -> Verdict | None:
    """Say why a column cannot be compared, None if it can."""
    if not (required.settings.evaluate and required.settings.compare):
        return Verdict(required.name, CHECK, "literal", "skipped", reason="switched off in constraints.json")
    categorical = was is not None and is_categorical(was, required)
    n, m = (_values(feature, categorical=categorical) for feature in (window, was))
    if not m:
        reason = "the baseline has no values of it"
    elif was is not None and window is not None and was.spec.hashed != window.spec.hashed:
        reason = "its values are kept as hashes on one side only"
    elif n < options.min_rows:
        reason = f"{n} values, needs {options.min_rows}"
    else:
        return None
    return Verdict(required.name, CHECK, options.mode, "insufficient", n=n, baseline_n=m, reason=reason)


def _values(feature: FeatureState | None, *, categorical: bool) -> int:
    if feature is None:
        return 0
    return feature.categories.n if categorical else feature.numbers
