# SPDX-License-Identifier: Apache-2.0
"""`bias/analysis.json`: ours is written and read again, a managed monitor's is understood."""

from __future__ import annotations

import csv
import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sketches.block import Block
from tests.windows.build import baseline_of, block
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.bias_analysis import read_bias_analysis
from windows.definition import ModelDefinition
from windows.errors import BaselineError
from windows.statistics.bias_statistics import FacetValue

ADULT = Path(__file__).parents[3] / "examples" / "adult" / "adult.csv.gz"
FACETS = [{"name": "sex", "values": ["Male"]}, {"name": "race"}, {"name": "age", "above": 40}]
MODEL = ModelDefinition(
    model="m",
    problem_type="BinaryClassification",
    monitors={"bias": {"facets": FACETS, "group": "workclass", "positive_labels": [">50K"]}},
)
OTHERS = {  # A genuine file's numbers (aws/amazon-sagemaker-examples, bias monitor for JSON), shortened.
    "version": "1.0",
    "post_training_bias_metrics": {
        "label": "Target",
        "label_value_or_threshold": "1",
        "facets": {
            "Sex": [
                {
                    "value_or_threshold": "0",
                    "metrics": [
                        {"name": "AD", "description": "Accuracy Difference (AD)", "value": -0.15156641604010024},
                        {
                            "name": "DCA",
                            "description": "Difference in Conditional Acceptance",
                            "value": None,
                            "error": "x",
                        },
                        {"name": "TE", "description": "Treatment Equality (TE)", "value": "Infinity"},
                        {"name": "DI", "description": "Disparate Impact (DI)", "value": "-Infinity"},
                    ],
                }
            ],
            "Age": [{"value_or_threshold": "(40.5, 89.0]", "metrics": [{"name": "DPPL", "value": 0.25}]}],
        },
    },
    "pre_training_bias_metrics": {
        "facets": {"Sex": [{"value_or_threshold": "0", "metrics": [{"name": "CI", "value": 0.33}]}]}
    },
}


def adult() -> Block:
    """Adult's complete cases."""
    with gzip.open(ADULT, "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row.values())]
    columns = {name: np.array([row[name] for row in rows]) for name in ("sex", "race", "workclass")}
    return block(
        **columns, age=np.array([int(row["age"]) for row in rows]), label=np.array([r["income"] for r in rows])
    )


def rows_of(rows: Block, name: str) -> np.ndarray:
    column = rows.columns[name]
    return np.array(column.categories)[column.values]


def metrics_of(document, facet: str, value: str, stage: str = "pre_training") -> dict[str, object]:
    entries = document[f"{stage}_bias_metrics"]["facets"][facet]
    (found,) = [entry for entry in entries if entry["value_or_threshold"] == value]
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


def test_adult_has_the_papers_difference_in_labels(tmp_path):
    rows = adult()
    baseline = baseline_of(rows, definition=MODEL)
    write_baseline(baseline, tmp_path)
    document = json.loads((tmp_path / "bias" / "analysis.json").read_text())
    sex = metrics_of(document, "sex", "Male")
    assert sex["DPL"] == pytest.approx(-0.198901, abs=1e-6)
    assert sex["CI"] == pytest.approx((14_695 - 30_527) / 45_222, rel=1e-12)
    earns, race = rows_of(rows, "label") == ">50K", rows_of(rows, "race")
    for value in np.unique(race):
        difference = earns[race != value].mean() - earns[race == value].mean()
        assert metrics_of(document, "race", value)["DPL"] == pytest.approx(difference, rel=1e-12)
    assert list(sex) == sorted(sex) == ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    assert document["pre_training_bias_metrics"]["label_value_or_threshold"] == ">50K"
    post = document["post_training_bias_metrics"]["facets"]["age"][0]
    assert post["value_or_threshold"] == "(40, Infinity)"
    assert {metric["name"]: metric.get("error") for metric in post["metrics"]}["RD"] == "the facet is empty"
    again = read_baseline(tmp_path)
    assert again.states["bias"].to_bytes() == baseline.states["bias"].to_bytes()
    assert again.states["bias"].spec == baseline.states["bias"].spec
    assert read_bias_analysis(again.documents["bias"]) == read_bias_analysis(baseline.documents["bias"])


def test_a_baseline_of_bias_travels_as_records():
    baseline = replace(baseline_of(adult(), definition=MODEL), baseline_version="3")
    again = baseline_from_records(dict(baseline_records(baseline)))
    assert again.states["bias"].to_bytes() == baseline.states["bias"].to_bytes()
    assert read_bias_analysis(again.documents["bias"]) == read_bias_analysis(baseline.documents["bias"])


def test_a_managed_monitors_file_is_read_with_its_gaps_and_infinities(tmp_path):
    (tmp_path / "bias").mkdir()
    (tmp_path / "bias" / "analysis.json").write_text(json.dumps(OTHERS))
    baseline = read_baseline(tmp_path, model="m")
    limits = read_bias_analysis(baseline.documents["bias"])
    assert limits.of(FacetValue("Sex", "0", ("0",))) == {
        "AD": -0.15156641604010024,
        "DCA": None,
        "TE": math.inf,
        "DI": -math.inf,
        "CI": 0.33,
    }
    assert "bias" not in baseline.states


def test_intervals_match_by_their_lower_bound_and_numbers_by_their_value():
    limits = read_bias_analysis(OTHERS)
    assert limits.of(FacetValue("Age", "(40.5, Infinity)", ())) == {"DPPL": 0.25}
    assert limits.of(FacetValue("Age", "(41, Infinity)", ())) == {}
    assert limits.of(FacetValue("Sex", "0.0", ()))["CI"] == 0.33
    assert limits.of(FacetValue("Sex", "nan", ())) == {}
    assert limits.of(FacetValue("Region", "0", ())) == {}


@pytest.mark.parametrize(
    "facets",
    [[], {"Sex": [{"metrics": []}]}, {"Sex": [{"value_or_threshold": "0", "metrics": [{"name": "CI", "value": "x"}]}]}],
)
def test_a_file_of_another_form_is_refused(facets):
    with pytest.raises(BaselineError, match="pre_training_bias_metrics: expected facets"):
        read_bias_analysis({"pre_training_bias_metrics": {"facets": facets}})
