# SPDX-License-Identifier: Apache-2.0
"""Early warning: which features of an open window are on the way to a drift violation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from windows.baselines.baseline import Baseline
from windows.looks import Look
from windows.monitors.data_drift import CHECK
from windows.options import EarlyWarning
from windows.report import Verdict, Violation
from windows.statistics.early_warning import CUTS, evidence, to_blame
from windows.statistics.ks import baseline_radius

MONITOR = "data_drift"
# e**700 is the largest power that float64 holds.
_LARGEST_LOG = 700.0


def warnings_of(look: Look, baseline: Baseline) -> list[Violation]:
    """Warn of features whose numbers have moved since the baseline.

    The whole window so far is weighed again, slice by slice, so that warnings do not depend on when counts came.

    Parameters
    ----------
    look : Look
        The window so far.
    baseline : Baseline
        What it is compared with; its shares are taken at the edges that the window counted by.

    Returns
    -------
    list of Violation
        Of type early_warning; none while the evidence is too weak.
    """
    definition = look.definition
    return [
        Violation(
            "early_warning",
            definition.model,
            definition.version,
            MONITOR,
            look.window_start_ms,
            look.window_start_ms + definition.window.size,
            0,
            verdict,
        )
        for verdict in _verdicts(look, baseline, definition.monitors.data_drift.early_warning)
    ]


def _verdicts(look: Look, baseline: Baseline, options: EarlyWarning) -> Iterator[Verdict]:
    counts, alpha = look.counts, options.alpha
    names = [name for name in counts.spec.binned.features if _compared(name, baseline)]
    slices = int(np.flatnonzero(counts.rows)[-1]) + 1 if counts.n else 0
    if not names or not slices:
        return
    below = np.zeros((slices, len(names), len(CUTS)))
    total = np.zeros((slices, len(names)))
    shares = np.full((len(names), len(CUTS)), np.nan)
    radius = np.zeros(len(names))
    edges = dict(counts.spec.binned.edges)
    for at, name in enumerate(names):
        quantiles = baseline.features[name].quantiles
        up_to = counts.of(name)[:slices].cumsum(axis=1)
        cuts = len(edges[name])
        below[:, at, :cuts], total[:, at] = up_to[:, :-1], up_to[:, -1]
        shares[at, :cuts] = quantiles.cdf(edges[name])
        error = quantiles.rank_error * (2.0 if baseline.imported else 1.0)
        radius[at] = baseline_radius(quantiles.n, len(names)) + error + options.min_distance
    weighed = evidence(below, total, shares, radius, slices=counts.spec.slices)
    warned = {
        at: number
        for number in np.flatnonzero(weighed.of_all >= -math.log(alpha)).tolist()[::-1]
        for at in to_blame(weighed.by_feature[number], alpha)
    }
    for at, number in sorted(warned.items()):
        value = math.exp(min(float(weighed.of_all[number]), _LARGEST_LOG))
        end = counts.spec.end_ms(number)
        yield Verdict(
            names[at],
            CHECK,
            "calibrated",
            "early_warning",
            "e_value",
            value,
            float(radius[at]) - options.min_distance,
            1.0 / alpha,
            pvalue=1.0 / value,
            alpha=alpha,
            n=int(total[: number + 1, at].sum()),
            baseline_n=baseline.features[names[at]].numbers,
            description=(
                f"Early warning of drift: evidence {value:.6g} exceeds {1.0 / alpha:.6g}, "
                f"by the first {end / look.definition.window.size:.0%} of the window"
            ),
        )


def _compared(name: str, baseline: Baseline) -> bool:
    feature = baseline.features.get(name)
    return feature is not None and feature.numbers > 0
