# SPDX-License-Identifier: Apache-2.0
"""Drift of one column of categories."""

from __future__ import annotations

import math

from sketches.categories import CategoriesState
from windows.monitors.drift_options import DriftOptions
from windows.monitors.numeric_drift import drift_text, literal_distance
from windows.monitors.settle import Draft, beside
from windows.report import Verdict
from windows.statistics.chi_square import goodness_of_fit, homogeneity
from windows.statistics.ks import KsDistance, conditional_pvalue
from windows.statistics.l_infinity import categorical_distance


def judge_categories(
    name: str, window: CategoriesState, was: CategoriesState, options: DriftOptions
) -> list[Draft | Verdict]:
    """Compare the categories of a window with those of the baseline.

    Parameters
    ----------
    name : str
        The column.
    window, was : CategoriesState
        Of the window and the baseline, neither empty.
    options : DriftOptions
        The rule.

    Returns
    -------
    list of Draft or Verdict
        The one that counts first; beside another mode the calibrated test, advisory. `insufficient` where so many
        values came that neither side counts any.
    """
    if not window.kept and not was.kept:
        return [_uncounted(name, window, was, options)]
    distance, _ = categorical_distance(window.counts(), was.counts(), window.n, was.n)
    calibrated = _calibrated(name, distance, window, was, options)
    if options.categorical == "homogeneity":
        return [calibrated]
    advisory = beside(calibrated)
    if options.categorical == "chi_squared":
        return [_chi_squared(calibrated.verdict, window, was, options), advisory]
    threshold = 0.0 if options.categorical_threshold is None else options.categorical_threshold
    return [literal_distance(calibrated.verdict, distance, options.categorical, threshold), advisory]


def _uncounted(name: str, window: CategoriesState, was: CategoriesState, options: DriftOptions) -> Verdict:
    mode = "calibrated" if options.categorical == "homogeneity" else options.categorical
    reason = "no value is frequent enough to be counted, as of ids"
    return Verdict(name, "baseline_drift_check", mode, "insufficient", n=window.n, baseline_n=was.n, reason=reason)


def _calibrated(
    name: str, distance: float, window: CategoriesState, was: CategoriesState, options: DriftOptions
) -> Draft:
    n, m, error = window.n, was.n, window.error + was.error
    if error:
        # Frequent items are no counts to test; a share's error is at most twice that of a distribution function.
        half = KsDistance(max(0.0, distance - error) / 2.0, 0.0, 0.0)
        statistic, pvalue = "l_infinity", conditional_pvalue(half, n, m, options.tests)
    else:
        statistic, pvalue = "chi_square", homogeneity(window.counts(), was.counts()).pvalue
    verdict = Verdict(
        name,
        "baseline_drift_check",
        "calibrated",
        "ok",
        statistic,
        distance,
        error,
        options.min_distance,
        pvalue,
        n=n,
        baseline_n=m,
        description=drift_text(distance, options.min_distance),
    )
    return Draft(verdict, large_enough=distance - error > options.min_distance)


def _chi_squared(
    counted: Verdict, window: CategoriesState, was: CategoriesState, options: DriftOptions
) -> Draft | Verdict:
    fit = goodness_of_fit(window.counts(), was.counts())
    verdict = counted._replace(mode="chi_squared", value=fit.statistic, pvalue=fit.pvalue, threshold=None)
    if math.isnan(fit.pvalue):
        reason = "fewer than two categories are large enough"
        return verdict._replace(outcome="insufficient", value=None, pvalue=None, reason=reason)
    threshold = options.categorical_threshold
    if threshold is None:
        return Draft(
            verdict._replace(description=f"Baseline drift distance: {fit.statistic:.6g} has p-value {fit.pvalue:.3g}")
        )
    return verdict._replace(
        outcome="violation" if fit.pvalue < threshold else "ok",
        threshold=threshold,
        description=f"Baseline drift p-value: {fit.pvalue:.6g} is below threshold: {threshold:.6g}",
    )
