# SPDX-License-Identifier: Apache-2.0
"""Which rule decides whether one column has drifted: the definition's, a person's or another system's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windows.baselines.baseline import Baseline
from windows.baselines.constraints import Constraints, FeatureConstraints
from windows.options import DataDrift

NumericMode = Literal["calibrated", "simple", "robust", "t_test"]
CategoricalMode = Literal["homogeneity", "simple", "robust", "chi_squared"]


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """The rule of one column.

    Parameters
    ----------
    numeric, categorical : str
        Mode of columns of numbers and of categories; `chi_squared` with a `categorical_threshold` violates below that
        p-value, without one it takes part in the budget.
    threshold, categorical_threshold : float or None
        Largest distance that passes a literal mode.
    min_distance, epsilon : float
        Smallest effect worth an alarm: a distance, and a shift in baseline standard deviations.
    marginal : bool
        Take the two-sample p-value instead of the one conditional on the baseline.
    tests : int
        Columns tested together.
    error_factor : float
        Multiplies the baseline's rank error.
    emulate_deequ : bool
        Compute the distance of the modes simple and robust as Deequ did up to 2.0.21.
    """

    numeric: NumericMode = "calibrated"
    categorical: CategoricalMode = "homogeneity"
    threshold: float = 0.1
    categorical_threshold: float | None = 0.1
    min_distance: float = 0.05
    epsilon: float = 0.1
    marginal: bool = False
    tests: int = 1
    error_factor: float = 1.0
    emulate_deequ: bool = False


def drift_options(
    chosen: DataDrift, constraints: Constraints, required: FeatureConstraints, tests: int, baseline: Baseline
) -> DriftOptions:
    """Settle the rule of one column.

    A mode that the definition names comes first; then what a person changed in `constraints.json`, or all of a file
    from elsewhere; then the calibrated test. A `min_distance` other than the default in the definition comes before
    the file's.

    Parameters
    ----------
    chosen : DataDrift
        The definition's options.
    constraints, required : Constraints, FeatureConstraints
        The file, and the column's part of it.
    tests : int
        Columns tested together.
    baseline : Baseline
        Its origin decides the rank error.
    """
    settings = required.settings
    numeric: NumericMode = chosen.mode
    categorical: CategoricalMode
    match chosen.categorical_mode:
        case "l_infinity":
            categorical = "simple" if chosen.mode == "simple" else "robust"
        case "chi_squared":
            categorical = "chi_squared"
        case "homogeneity":
            categorical = "homogeneity"
    threshold = chosen.threshold
    categorical_threshold = None if categorical == "chi_squared" else chosen.threshold
    if "comparison" in required.edited and numeric == "calibrated":
        numeric, threshold = _numeric(settings.comparison_method), settings.comparison_threshold
    if "categories" in required.edited and categorical == "homogeneity":
        literal = _numeric(settings.comparison_method)
        categorical = "chi_squared" if settings.categorical_method == "ChiSquared" else literal
        categorical_threshold = settings.threshold_of_categories
    default = DataDrift().min_distance
    from_file = constraints.min_distance if constraints.min_distance is not None else default
    return DriftOptions(
        numeric,
        categorical,
        threshold,
        categorical_threshold,
        from_file if chosen.min_distance == default else chosen.min_distance,
        chosen.epsilon,
        chosen.marginal,
        tests,
        2.0 if baseline.imported else 1.0,
        chosen.emulate_deequ_le_2_0_21,
    )


def _numeric(method: str) -> Literal["simple", "robust"]:
    return "simple" if method == "Simple" else "robust"
