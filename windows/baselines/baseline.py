# SPDX-License-Identifier: Apache-2.0
"""Baselines: what a model's data and quality looked like, and what is required of every window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sketches.binary import BinaryQualityState
from sketches.features import FeatureState
from windows.baselines.constraints import Constraints
from windows.baselines.quality_constraints import QualityConstraints


@dataclass(frozen=True, slots=True)
class Baseline:
    """The states and constraints one version of a baseline holds.

    Parameters
    ----------
    model, version, baseline_version : str
        Whose it is; `baseline_version` is empty until it is published.
    n : int
        Rows.
    features : mapping of str to FeatureState
        Features and outputs (`prediction.label`, `prediction.score`) by name.
    constraints : Constraints, optional
        Of data quality and drift; None if there is no such baseline.
    quality : BinaryQualityState, optional
        Predictions against labels, of rows the model was not trained on.
    quality_constraints : QualityConstraints, optional
        Of model quality.
    imported : bool
        Whether the states were read from another system's files, whose sketches are compacted once more: their rank
        error counts twice.
    """

    model: str
    version: str = "1"
    baseline_version: str = ""
    n: int = 0
    features: Mapping[str, FeatureState] = field(default_factory=dict)
    constraints: Constraints | None = None
    quality: BinaryQualityState | None = None
    quality_constraints: QualityConstraints | None = None
    imported: bool = False
