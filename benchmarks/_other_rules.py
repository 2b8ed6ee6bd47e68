# SPDX-License-Identifier: Apache-2.0
"""False alarms and power of other people's rules, on windows of 20 independent normal features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from sketches.block import Block, Column, Kind
from sketches.features import FeatureState
from sketches.profile import ProfileSpec, ProfileState
from windows.statistics.correction import benjamini_hochberg
from windows.statistics.ks import KsDistance, ks_distance, two_sample_pvalue
from windows.statistics.l_infinity import robust
from windows.statistics.t_test import Moments, means_apart

FEATURES, BASELINES, BASELINE_ROWS = 20, 10, 20_000
SHIFTS = (0.1, 0.25, 0.5)
_K_WINDOW, _K_BASELINE = 512, 2_048
Alarms = NDArray[np.bool_]


def other_rules(rng: np.random.Generator, *, quick: bool) -> list[Figure]:
    """Share of windows alarmed without drift, and of windows in which a shifted feature is found."""
    windows = 20 if quick else 200
    figures = []
    for n in (200, 2_000) if quick else (200, 2_000, 20_000):
        false: dict[str, list[bool]] = {rule: [] for rule in RULES}
        power: dict[tuple[str, float], list[bool]] = {(rule, shift): [] for rule in RULES for shift in SHIFTS}
        for i in range(windows):
            if i % (windows // BASELINES) == 0:
                baseline = _profile(rng.standard_normal((FEATURES, BASELINE_ROWS)), _K_BASELINE)
            values = rng.standard_normal((FEATURES, n))
            tests = _tests(_profile(values, _K_WINDOW), baseline)
            for rule, alarms in RULES.items():
                false[rule].append(bool(alarms(tests).any()))
            for shift in SHIFTS:
                moved = _tests(_profile(values[:1] + shift, _K_WINDOW), baseline)
                for rule, alarms in RULES.items():
                    power[rule, shift].append(bool(alarms(np.concatenate((moved, tests[1:])))[0]))
        for rule in RULES:
            figures.append(Figure(f"alarms.{rule}.false.n{n}", 100.0 * float(np.mean(false[rule])), "% of windows"))
            for shift in SHIFTS:
                found = 100.0 * float(np.mean(power[rule, shift]))
                figures.append(Figure(f"alarms.{rule}.power.n{n}.s{shift}", found, "%"))
    return figures


_D, _ROBUST, _WELCH, _T, _KS = range(5)


def _tests(window: ProfileState, baseline: ProfileState) -> NDArray[np.float64]:
    """Distance, Robust distance and p-values (Welch, t of 0.1 sd, two-sample KS) of each feature, a row a feature."""
    return np.array([_row(feature, baseline.features[name]) for name, feature in window.features.items()])


def _row(window: FeatureState, baseline: FeatureState) -> tuple[float, ...]:
    n, m = window.moments.n, baseline.moments.n
    distance = ks_distance(window.quantiles, baseline.quantiles)
    a, b = (Moments(s.moments.n, s.moments.mean, s.moments.std**2) for s in (window, baseline))
    welch, t = (means_apart(a, b, epsilon) for epsilon in (0.0, 0.1))
    assert welch is not None
    assert t is not None
    # The rule knows nothing of the sketches' error.
    plain = two_sample_pvalue(KsDistance(distance.value, 0.0, distance.location), n, m)
    return distance.value, robust(distance.value, n, m), welch[1], t[1], plain


def _bh(tests: NDArray[np.float64]) -> Alarms:
    rejected: Alarms = benjamini_hochberg(tests[:, _KS].tolist(), 0.05).rejected
    return rejected


RULES: dict[str, Callable[[NDArray[np.float64]], Alarms]] = {
    "simple": lambda tests: tests[:, _D] > 0.1,
    "robust": lambda tests: tests[:, _ROBUST] > 0.1,
    "welch": lambda tests: tests[:, _WELCH] < 0.05,
    "t_test": lambda tests: tests[:, _T] < 0.05,
    "ks": lambda tests: tests[:, _KS] < 0.05,
    "ks_bh": _bh,
    "ks_bh_effect": lambda tests: _bh(tests) & (tests[:, _D] > 0.05),
}


def _profile(values: NDArray[np.float64], k: int) -> ProfileState:
    state = ProfileSpec(k=k).empty()
    state.update(Block(values.shape[1], {f"f{i}": Column(Kind.FLOAT, column) for i, column in enumerate(values)}))
    return state
