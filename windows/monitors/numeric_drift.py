# SPDX-License-Identifier: Apache-2.0
"""Drift of one column of numbers."""

from __future__ import annotations

from sketches.features import FeatureState
from sketches.moments import MomentsState
from windows.monitors.drift_options import DriftOptions
from windows.monitors.settle import Draft, beside
from windows.report import Verdict
from windows.statistics.deequ_emulation import distance_le_2_0_21
from windows.statistics.ks import KsDistance, conditional_pvalue, distance_interval, ks_distance, two_sample_pvalue
from windows.statistics.l_infinity import robust
from windows.statistics.t_test import Moments, means_apart


def judge_numbers(name: str, window: FeatureState, was: FeatureState, options: DriftOptions) -> list[Draft | Verdict]:
    """Compare the numbers of a window with those of the baseline.

    Parameters
    ----------
    name : str
        The column.
    window, was : FeatureState
        Of the window and the baseline, both with numbers.
    options : DriftOptions
        The rule.

    Returns
    -------
    list of Draft or Verdict
        The one that counts first; beside a literal one the calibrated test, advisory.
    """
    distance = ks_distance(window.quantiles, was.quantiles, baseline_error_factor=options.error_factor)
    calibrated = calibrated_drift(name, distance, window.numbers, was.numbers, options)
    if options.numeric == "calibrated":
        return [calibrated]
    advisory = beside(calibrated)
    if options.numeric == "t_test":
        return [_t_test(calibrated.verdict, window.moments, was.moments, options), advisory]
    verdict, value = calibrated.verdict, distance.value
    if options.emulate_deequ:
        value, n, m = distance_le_2_0_21(window.quantiles, was.quantiles)
        verdict = verdict._replace(n=n, baseline_n=m, error=None, interval=None, statistic="ks_deequ_le_2_0_21")
    return [literal_distance(verdict, value, options.numeric, options.threshold), advisory]


def calibrated_drift(name: str, distance: KsDistance, n: int, m: int, options: DriftOptions) -> Draft:
    """Draft the calibrated test of a distance: `n` values of a window against `m` of the baseline."""
    pvalue = (
        two_sample_pvalue(distance, n, m) if options.marginal else conditional_pvalue(distance, n, m, options.tests)
    )
    verdict = Verdict(
        name,
        "baseline_drift_check",
        "calibrated",
        "ok",
        "ks",
        distance.value,
        distance.error,
        options.min_distance,
        pvalue,
        interval=distance_interval(distance, n, m),
        n=n,
        baseline_n=m,
        description=drift_text(distance.value, options.min_distance),
    )
    return Draft(verdict, large_enough=distance.value - distance.error > options.min_distance)


def literal_distance(counted: Verdict, distance: float, mode: str, threshold: float) -> Verdict:
    """Hold a distance against a threshold as Deequ's `simple` and `robust` do."""
    assert counted.n is not None
    assert counted.baseline_n is not None
    value = robust(distance, counted.n, counted.baseline_n) if mode == "robust" else distance
    return counted._replace(
        mode=mode,
        outcome="violation" if value > threshold else "ok",
        value=value,
        threshold=threshold,
        pvalue=None,
        description=drift_text(value, threshold),
    )


def _t_test(counted: Verdict, window: MomentsState, was: MomentsState, options: DriftOptions) -> Draft | Verdict:
    result = means_apart(_sample(window), _sample(was), options.epsilon)
    verdict = counted._replace(mode="t_test", statistic="t", error=None, threshold=options.epsilon, interval=None)
    if result is None:
        reason = "the baseline's standard deviation is zero or not finite"
        return verdict._replace(outcome="insufficient", value=None, pvalue=None, reason=reason)
    shift, pvalue = result
    return Draft(verdict._replace(value=abs(shift), pvalue=pvalue, description=drift_text(abs(shift), options.epsilon)))


def _sample(moments: MomentsState) -> Moments:
    return Moments(moments.n, moments.mean, moments.variance * moments.n / max(moments.n - 1, 1))


def drift_text(value: float, threshold: float) -> str:
    """Describe a drift violation in the words that users of the managed monitors parse."""
    return f"Baseline drift distance: {value:.6g} exceeds threshold: {threshold:.6g}"
