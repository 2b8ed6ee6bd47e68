# SPDX-License-Identifier: Apache-2.0
"""Constraints: a person's edits, foreign files, and every spelling of overrides."""

from __future__ import annotations

import copy
import json
import re

import pytest

from windows.baselines.constraints import ASPECTS, Settings, constraints_document, read_constraints
from windows.baselines.quality_constraints import quality_document, read_quality_constraints
from windows.errors import BaselineError

AGE = {"name": "age", "inferred_type": "Integral", "completeness": 0.98, "num_constraints": {"is_non_negative": True}}
JOB = {"name": "job", "inferred_type": "String", "completeness": 1.0, "string_constraints": {"domains": ["a", "b"]}}


def suggested() -> dict:
    return json.loads(json.dumps(constraints_document([copy.deepcopy(AGE), copy.deepcopy(JOB)], 0.05)))


def test_what_we_suggest_is_not_edited():
    constraints = read_constraints(suggested())
    assert constraints.suggested
    assert constraints.min_distance == 0.05
    assert {name: feature.edited for name, feature in constraints.features.items()} == {
        "age": frozenset(),
        "job": frozenset(),
    }


@pytest.mark.parametrize(
    ("edit", "aspect"),
    [
        (lambda d: d["features"][0].update(completeness=0.9), "completeness"),
        (lambda d: d["features"][0].update(inferred_type="Fractional"), "inferred_type"),
        (lambda d: d["features"][0]["num_constraints"].update(is_non_negative=False), "non_negative"),
        (
            lambda d: d["features"][0].update(monitoringConfigOverrides={"datatype_check_threshold": 0.5}),
            "inferred_type",
        ),
        (
            lambda d: d["features"][0].update(
                monitoring_config_overrides={"distribution_constraints": {"comparison_threshold": 0.3}}
            ),
            "comparison",
        ),
    ],
)
def test_an_edit_makes_that_check_of_that_feature_literal(edit, aspect):
    document = suggested()
    edit(document)
    features = read_constraints(document).features
    assert features["age"].edited == {aspect}
    assert features["job"].edited == frozenset()


def test_an_edited_domain_makes_categories_literal():
    document = suggested()
    document["features"][1]["string_constraints"]["domains"].append("c")
    feature = read_constraints(document).features["job"]
    assert feature.edited == {"domains"}
    assert feature.domains == ("a", "b", "c")


def test_an_edited_common_threshold_makes_every_feature_literal():
    document = suggested()
    document["monitoring_config"]["distribution_constraints"]["comparison_threshold"] = 0.2
    features = read_constraints(document).features
    assert {name for name, feature in features.items() if feature.edited == {"comparison"}} == {"age", "job"}
    assert features["age"].settings.comparison_threshold == 0.2


def test_rules_of_numbers_and_of_categories_are_edited_apart():
    document = suggested()
    document["monitoring_config"]["distribution_constraints"]["categorical_drift_method"] = "ChiSquared"
    assert {feature.edited for feature in read_constraints(document).features.values()} == {frozenset({"categories"})}
    document = suggested()
    document["monitoring_config"]["distribution_constraints"]["comparison_method"] = "Simple"
    both = frozenset({"comparison", "categories"})
    assert {feature.edited for feature in read_constraints(document).features.values()} == {both}


def test_an_added_feature_is_literal_and_a_removed_one_is_remembered():
    document = suggested()
    del document["features"][0]
    document["features"].append({"name": "new", "inferred_type": "String", "completeness": 1.0})
    constraints = read_constraints(document)
    assert constraints.removed == {"age"}
    assert constraints.features["new"].edited == ASPECTS


def test_a_file_from_elsewhere_is_literal():
    document = suggested()
    del document["sketchwatch"]
    constraints = read_constraints(document)
    assert not constraints.suggested
    assert constraints.min_distance is None
    assert all(feature.edited == ASPECTS for feature in constraints.features.values())


@pytest.mark.parametrize(
    "override",
    [
        {"monitoringConfigOverrides": {"evaluate_constraints": "Disabled"}},
        {"monitoring_config_overrides": {"evaluate_constraints": "Disabled"}},
        {"string_constraints": {"monitoring_config_overrides": {"evaluate_constraints": "Disabled"}}},
        {"num_constraints": {"monitoring_config_overrides": {"evaluate_constraints": "Disabled"}}},
    ],
)
def test_every_spelling_of_an_override_switches_a_feature_off(override):
    document = {"features": [{"name": "age", "inferred_type": "String", "completeness": 1.0, **override}]}
    assert not read_constraints(document).features["age"].settings.evaluate


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"distribution_constraints": {"comparison_method": "linf_simple"}}, {"comparison_method": "Simple"}),
        ({"distribution_constraints": {"comparion_method": "Simple"}}, {"comparison_method": "Simple"}),
        ({"comparison_threshold": 0.4}, {"comparison_threshold": 0.4}),
        ({"distribution_constraints": {"perform_comparison": "Disabled"}}, {"compare": False}),
        (
            {"distribution_constraints": {"categorical_drift_method": "ChiSquared"}},
            {"categorical_method": "ChiSquared"},
        ),
        ({"domain_content_threshold": 0.1}, {"domain_threshold": 0.1}),
    ],
)
def test_settings_are_read_in_the_spellings_there_are(config, expected):
    settings = Settings().read(config)
    assert {name: getattr(settings, name) for name in expected} == expected


def test_categories_take_the_common_threshold_unless_they_have_their_own():
    assert Settings(comparison_threshold=0.2).threshold_of_categories == 0.2
    assert Settings(comparison_threshold=0.2, categorical_threshold=0.3).threshold_of_categories == 0.3


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "age", "completeness": "all"},
        {"name": "age", "monitoringConfigOverrides": {"comparison_method": "cosine"}},
        {"name": "age", "string_constraints": {"domains": 3}},
    ],
)
def test_a_wrong_constraint_names_its_feature(entry):
    with pytest.raises(BaselineError, match="constraints of feature 'age'"):
        read_constraints({"features": [entry]})


@pytest.mark.parametrize(
    "document",
    [
        {"monitoring_config": {"datatype_check_threshold": "most"}},
        {"monitoring_config": {"distribution_constraints": {"comparison_method": "cosine"}}},
        {"monitoring_config": []},
        {"features": ["age"]},
        {"features": 3},
    ],
)
def test_a_file_of_another_form_is_a_baseline_error(document):
    with pytest.raises(BaselineError, match="expected"):
        read_constraints(document)


def test_a_changed_quality_threshold_is_literal_and_the_others_are_not():
    document = quality_document("binary_classification", {"recall": 0.6, "false_positive_rate": 0.1})
    document["binary_classification_constraints"]["recall"]["threshold"] = 0.5
    constraints = read_quality_constraints(json.loads(json.dumps(document)))
    assert constraints.metrics["recall"].edited
    assert not constraints.metrics["false_positive_rate"].edited
    assert constraints.metrics["false_positive_rate"].operator == "GreaterThanThreshold"
    assert constraints.metrics["false_positive_rate"].sign == 1.0


@pytest.mark.parametrize("entry", [{}, {"threshold": "high", "comparison_operator": "LessThanThreshold"}, None])
def test_a_quality_constraint_of_another_form_names_its_metric(entry):
    with pytest.raises(BaselineError, match="constraint of metric 'recall'"):
        read_quality_constraints({"binary_classification_constraints": {"recall": entry}})
    wrong = {"threshold": 1, "comparison_operator": "Around"}
    with pytest.raises(BaselineError, match="expected a comparison_operator of"):
        read_quality_constraints({"binary_classification_constraints": {"recall": wrong}})


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (read_constraints, suggested()),
        (read_quality_constraints, quality_document("binary_classification", {"auc": 0.9})),
    ],
)
@pytest.mark.parametrize("method", ["one_sd", None, ["calibrated"]])
def test_a_method_that_is_not_there_is_refused_with_its_key(read, document, method):
    changed = {**document, "sketchwatch": {**document["sketchwatch"], "method": method}}
    with pytest.raises(BaselineError, match=re.escape(f"sketchwatch.method: expected 'calibrated', got {method!r};")):
        read(changed)


def test_an_object_of_ours_without_a_method_is_calibrated():
    document = suggested()
    del document["sketchwatch"]["method"]
    assert read_constraints(document).features["age"].edited == frozenset()


def test_null_says_nothing():
    feature = {"name": "age", "num_constraints": None, "string_constraints": None, "monitoringConfigOverrides": None}
    config = {"evaluate_constraints": None, "distribution_constraints": None}
    constraints = read_constraints({"features": [feature], "monitoring_config": config})
    assert constraints.features["age"].settings == Settings()
    assert read_constraints({"features": [feature], "monitoring_config": None}).features == constraints.features


def test_a_metric_without_a_value_on_the_baseline_requires_nothing():
    entries = {
        name: {"threshold": threshold, "comparison_operator": "LessThanThreshold"}
        for name, threshold in (("recall", "NaN"), ("precision", "0.5"))
    }
    constraints = read_quality_constraints({"version": 0.0, "binary_classification_constraints": entries})
    assert {name: metric.threshold for name, metric in constraints.metrics.items()} == {"precision": 0.5}
