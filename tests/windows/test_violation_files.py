# SPDX-License-Identifier: Apache-2.0
"""Files of violations are what readers of a managed monitor's files expect."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.windows.build import baseline_of, block, definition, window_of
from windows.evaluate import evaluate
from windows.report import Report, Verdict
from windows.violation_files import violations_document

RNG = np.random.default_rng(3)
BASELINE = baseline_of(block(age=RNG.normal(40, 10, 20_000), job=RNG.choice(["a", "b", "c"], 20_000)))
DRIFTED = block(
    age=RNG.normal(60, 10, 2_000),
    job=RNG.choice(["a", "b", "d"], 2_000, p=[0.8, 0.1, 0.1]),
    extra=RNG.normal(size=2_000),
)


@pytest.mark.parametrize("numeric", ["calibrated", "simple", "robust", "t_test"])
@pytest.mark.parametrize("categorical", ["homogeneity", "l_infinity", "chi_squared"])
def test_every_drift_violation_of_every_mode_reads_as_a_distance_above_a_threshold(
    numeric: str, categorical: str
) -> None:
    chosen = definition(data_drift={"mode": numeric, "categorical_mode": categorical})
    document = violations_document(evaluate(window_of(DRIFTED, chosen), BASELINE))
    drift = {
        v["feature_name"]: v for v in document["violations"] if v["constraint_check_type"] == "baseline_drift_check"
    }
    assert drift.keys() >= {"age", "job"}
    for violation in drift.values():
        assert violation.keys() == {"feature_name", "constraint_check_type", "description"}
        found = re.search("distance: (.+) exceeds threshold: (.+)", violation["description"])
        assert found is not None
        assert float(found[1]) > float(found[2])
    checks = {v["constraint_check_type"] for v in document["violations"]}
    assert {"extra_column_check", "categorical_values_check"} <= checks
    assert "version" not in document


def test_a_p_value_is_told_as_how_sure_it_is() -> None:
    verdict = Verdict("job", "baseline_drift_check", "chi_squared", "violation", pvalue=0.001, threshold=0.05)
    report = Report("m", "1", "data_drift", 0, 1_000, 1, True, "CompletedWithViolations", "1", "0", verdicts=(verdict,))
    (violation,) = violations_document([report])["violations"]
    assert violation["description"] == "Baseline drift distance: 0.999 exceeds threshold: 0.95"


def test_violations_of_model_quality_name_a_metric() -> None:
    verdict = Verdict("recall", "LessThanThreshold", "one_sd", "violation", description="Metric recall with 0.5 was …")
    report = Report(
        "m", "1", "model_quality", 0, 1_000, 1, True, "CompletedWithViolations", "1", "0", verdicts=(verdict,)
    )
    assert violations_document([report])["violations"] == [
        {
            "metric_name": "recall",
            "constraint_check_type": "LessThanThreshold",
            "description": "Metric recall with 0.5 was …",
        }
    ]


def test_violations_of_bias_and_attributions_have_their_own_form() -> None:
    bias = Verdict(
        "DPL Sex=0", "bias_drift_check", "literal", "violation", "DPL", facet="Sex", facet_value="0", description="b"
    )
    shap = Verdict("label0", "feature_attribution_drift_check", "literal", "violation", "ndcg", description="a")
    reports = [
        Report("m", "1", monitor, 0, 1_000, 1, True, "CompletedWithViolations", "1", "0", verdicts=(verdict,))
        for monitor, verdict in (("bias", bias), ("attribution_drift", shap))
    ]
    facet = {"facet": "Sex", "facet_value": "0", "metric_name": "DPL"}
    label = {"label": "label0", "metric_name": "shap"}
    assert [violations_document([report]) for report in reports] == [
        {"version": "1.0", "violations": [facet | {"constraint_check_type": bias.check, "description": "b"}]},
        {"version": "1.0", "violations": [label | {"constraint_check_type": shap.check, "description": "a"}]},
    ]
