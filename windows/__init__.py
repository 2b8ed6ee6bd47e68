# SPDX-License-Identifier: Apache-2.0
"""Time and judgement, pure: windows, the join of labels, baselines, tests, verdicts and violations."""

from __future__ import annotations

from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.constraints import Constraints, FeatureConstraints, read_constraints
from windows.baselines.quality_constraints import MetricConstraint, QualityConstraints, read_quality_constraints
from windows.baselines.roles import Roles
from windows.baselines.suggest import Suggestion, suggest
from windows.definition import Catalog, ModelDefinition
from windows.errors import BaselineError, WindowError
from windows.evaluate import evaluate
from windows.monitors.settle import Earlier
from windows.report import Report, Verdict, Violation
from windows.violations import earlier_of, resolved, violation_from_record, violations_of
from windows.window_profile import WindowProfile

__all__ = [
    "Baseline",
    "BaselineError",
    "Catalog",
    "Constraints",
    "Earlier",
    "FeatureConstraints",
    "MetricConstraint",
    "ModelDefinition",
    "QualityConstraints",
    "Report",
    "Roles",
    "Suggestion",
    "Verdict",
    "Violation",
    "WindowError",
    "WindowProfile",
    "baseline_from_records",
    "baseline_records",
    "earlier_of",
    "evaluate",
    "read_baseline",
    "read_constraints",
    "read_quality_constraints",
    "resolved",
    "suggest",
    "violation_from_record",
    "violations_of",
    "write_baseline",
]
