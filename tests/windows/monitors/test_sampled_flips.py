# SPDX-License-Identifier: Apache-2.0
"""The flip test in reports on bias: of a sample of rows, and judged in the literal mode only."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from sketches.block import Block
from tests.windows.build import baseline_of, block, window_of
from tests.windows.monitors.test_bias import BASELINE, judge, model, people, verdict
from windows.definition import ModelDefinition, Sample
from windows.evaluate import evaluate
from windows.statistics.flip_test import flip_test


def sampled(**options) -> ModelDefinition:
    return model(**options).model_copy(update={"sample": Sample(enabled=True)})


def with_ids(rows: Block, income: np.ndarray) -> Block:
    """The rows with a numeric feature and the hashes that a sample needs."""
    columns = block(income=income, **{"inference_id.hash": np.arange(rows.n) * 7_919}).columns
    return Block(rows.n, {**rows.columns, **columns})


def test_the_flip_test_comes_of_a_sample_of_rows():
    rows = people(900, 2, predicted_gap=1.0)
    definition = sampled(mode="literal")
    rows = with_ids(rows, np.random.default_rng(1).normal(size=rows.n))
    window = window_of(rows, definition)
    (report,) = [report for report in evaluate(window, BASELINE) if report.monitor == "bias"]
    entries = report.statistics["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    flips = next(entry for entry in entries if entry["name"] == "FT")
    points = np.column_stack([rows.columns["age"].values, rows.columns["income"].values])
    score, woman = rows.columns["score"].values, rows.columns["sex"].values == 0
    expected = flip_test(points, score > 0.5, woman)
    assert (flips["value"], flips["n"]) == (expected.value, expected.n)
    assert -0.6 < flips["value"] < -0.2
    assert [entry["name"] for entry in entries][:-2] == sorted(entry["name"] for entry in entries[:-2])
    assert verdict(report, "FT sex=f").outcome == "insufficient"
    document = copy.deepcopy(BASELINE.documents["bias"])
    post = document["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    post.append({"name": "FT", "description": "Flip Test (FT)", "value": 0.1})
    held = replace(BASELINE, documents={"bias": document})
    (report,) = [report for report in evaluate(window, held) if report.monitor == "bias"]
    assert verdict(report, "FT sex=f").outcome == "violation"


def test_the_flip_test_is_not_offered_without_a_sample():
    entries = judge(people(900, 2)).statistics["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]
    assert "FT" not in {entry["name"] for entry in entries}


def test_the_flip_test_is_no_calibrated_test():
    rows = people(900, 2)
    report = judge(with_ids(rows, np.arange(rows.n) * 0.5), BASELINE, sampled())
    assert verdict(report, "FT sex=f").reason == "judged in the literal mode only"


def test_a_baseline_with_a_sample_says_its_flip_test():
    rows = people(900, 2)
    rows = with_ids(rows, np.arange(rows.n) * 0.5)
    document = baseline_of(rows, definition=sampled()).documents["bias"]
    (found,) = document["post_training_bias_metrics"]["facets"]["sex"]
    flips = next(metric for metric in found["metrics"] if metric["name"] == "FT")
    assert -1.0 <= flips["value"] <= 1.0
