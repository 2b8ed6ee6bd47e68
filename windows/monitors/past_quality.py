# SPDX-License-Identifier: Apache-2.0
"""The quality of a window's predictions, in numbers that can be compared from window to window."""

from __future__ import annotations

import numpy as np

from windows.monitors.model_quality import with_absent_labels, withheld
from windows.quality.problems import problem_of
from windows.statistics.window_statistics import Name, Statistic
from windows.window_profile import WindowProfile

QUALITY_COLUMN = "model_quality"


def quality_statistics(profile: WindowProfile, rng: np.random.Generator) -> dict[Name, Statistic]:
    """Give the metrics of a window whose labels are in, each with its standard deviation; none before.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    rng : numpy.random.Generator
        Not drawn from by closed formulas, but asked for by every problem.

    Returns
    -------
    dict of (str, str) to Statistic
        Under the column `model_quality`, every metric that a baseline would have a constraint of, twins once.
    """
    options = profile.definition.monitors.model_quality
    if profile.quality is None or not options.enabled:
        return {}
    profile = with_absent_labels(profile)
    if withheld(profile, options) is not None:
        return {}
    problem = problem_of(profile.quality)
    metrics = problem.measure(profile.quality, "closed", rng).metrics
    return {
        (QUALITY_COLUMN, name): Statistic(metrics[name].value, metrics[name].sd)
        for name in problem.suggested
        if name not in problem.twins and np.isfinite((metrics[name].value, metrics[name].sd)).all()
    }
