# SPDX-License-Identifier: Apache-2.0
"""Embedding drift: similarity against a policy, the mean's shift against the baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from tests.windows.build import window_of
from windows.baselines.baseline import Baseline
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.report import Report

DIMENSION = 8


def model(names: tuple[str, ...] = ("text",), dimension: int = DIMENSION, **options: Any) -> ModelDefinition:
    monitors = {
        "embedding_drift": {"embeddings": dict.fromkeys(names, dimension), **options},
        "data_quality": {"enabled": False},
        "data_drift": {"enabled": False},
    }
    return ModelDefinition(model="m", monitors=monitors)


def rows(n: int, seed: int, shift: float = 0.0, name: str = "text", dimension: int = DIMENSION) -> Block:
    vectors = np.random.default_rng(seed).normal(1.0, 0.5, size=(n, dimension))
    vectors[:, 0] += shift
    return Block(n, {f"embeddings.{name}": Column(Kind.VECTOR, vectors.astype(np.float32))})


def known(of: Block, definition: ModelDefinition) -> Baseline:
    return suggest([of], model="m", definition=definition).baseline


MODEL = model()
BASELINE = known(rows(5_000, 0), MODEL)


def judge(of: Block, baseline: Baseline | None = BASELINE, definition: ModelDefinition = MODEL) -> Report:
    (report,) = evaluate(window_of(of, definition), baseline)
    assert (report.monitor, report.error) == ("embedding_drift", None)
    return report


def test_vectors_like_the_baselines_are_in_order() -> None:
    report = judge(rows(500, 1))
    (verdict,) = report.verdicts
    assert (verdict.subject, verdict.check, verdict.mode) == ("text", "embedding_drift_check", "calibrated")
    assert (verdict.outcome, verdict.statistic, verdict.n, verdict.baseline_n) == ("ok", "mean_shift", 500, 5_000)
    said = report.statistics["embeddings"]["text"]
    assert said["dimension"] == DIMENSION
    assert set(said["mean_shift"]) == {"squared", "unbiased", "relative", "pvalue"}
    assert said["mean_similarity"]["interval"][0] < said["mean_similarity"]["value"]


def test_a_shift_violates_in_words_that_readers_of_distances_know() -> None:
    (verdict,) = judge(rows(500, 1, shift=1.0)).verdicts
    assert verdict.outcome == "violation"
    assert verdict.pvalue is not None
    assert verdict.pvalue < 1e-6
    assert verdict.description == f"Baseline drift distance: {verdict.value:.6g} exceeds threshold: 0.05"


def test_a_shift_too_small_to_matter_is_none_however_sure() -> None:
    (verdict,) = judge(rows(200_000, 1, shift=0.05)).verdicts
    assert verdict.pvalue is not None
    assert verdict.alpha is not None
    assert verdict.pvalue < verdict.alpha
    assert verdict.outcome == "ok"
    (strict,) = judge(rows(200_000, 1, shift=0.05), definition=model(min_shift=0.0)).verdicts
    assert strict.outcome == "violation"


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "ok"), (-4.0, "violation")])
def test_a_required_similarity_counts_and_the_test_stands_beside_it(shift: float, outcome: str) -> None:
    definition = model(min_similarity=0.7)
    literal, tested = judge(rows(500, 1, shift), definition=definition).verdicts
    assert (literal.mode, literal.outcome, literal.statistic) == ("literal", outcome, "mean_cosine_similarity")
    assert literal.interval is not None
    assert literal.interval[0] < literal.value < literal.interval[1]
    assert (tested.mode, tested.advisory, tested.statistic) == ("calibrated", True, "mean_shift")
    if outcome == "violation":
        assert literal.description == f"Embedding similarity {literal.value:.6g} is below threshold: 0.7"


def test_several_embeddings_are_judged_together() -> None:
    definition = model(("image", "text"))
    both = Block(5_000, {**rows(5_000, 0).columns, **rows(5_000, 1, name="image").columns})
    live = Block(500, {**rows(500, 2, shift=1.0).columns, **rows(500, 3, name="image").columns})
    report = judge(live, known(both, definition), definition)
    assert {v.subject: v.outcome for v in report.verdicts} == {"image": "ok", "text": "violation"}


def test_zero_vectors_and_wrong_lengths_are_counted() -> None:
    held = rows(300, 1)
    held.columns["embeddings.text"].values[:7] = 0.0
    said = judge(held).statistics["embeddings"]["text"]
    assert (said["item_count"], said["rejected"], said["wrong_length"]) == (293, 7, 0)
    said = judge(rows(300, 1, dimension=5)).statistics["embeddings"]["text"]
    assert (said["item_count"], said["rejected"], said["wrong_length"]) == (0, 0, 300)


@pytest.mark.parametrize(
    ("of", "baseline", "definition", "reason"),
    [
        (rows(49, 1), BASELINE, MODEL, "49 vectors, needs 50"),
        (rows(100, 1), None, MODEL, "no baseline of embedding 'text' is published"),
        (rows(100, 1), Baseline("m"), MODEL, "no baseline of embedding 'text' is published"),
        (rows(100, 1, dimension=5), BASELINE, model(dimension=5), "the baseline's vectors have 8 numbers"),
        (rows(100, 1), known(rows(3, 0), MODEL), MODEL, "the baseline has 3 vectors, needs 4"),
    ],
)
def test_what_cannot_be_compared_is_said_to_be_so(
    of: Block, baseline: Baseline | None, definition: ModelDefinition, reason: str
) -> None:
    (verdict,) = judge(of, baseline, definition).verdicts
    assert (verdict.subject, verdict.outcome) == ("text", "insufficient")
    assert verdict.reason is not None
    assert reason in verdict.reason


def test_a_baseline_that_points_one_way_has_no_test_but_a_similarity() -> None:
    one = Block(100, {"embeddings.text": Column(Kind.VECTOR, np.ones((100, DIMENSION), np.float32))})
    (verdict,) = judge(rows(100, 1), known(one, MODEL)).verdicts
    assert (verdict.outcome, verdict.reason) == ("insufficient", "the baseline's vectors all point the same way")
    definition = model(min_similarity=0.5)
    literal, beside = judge(rows(100, 1), known(one, definition), definition).verdicts
    assert (literal.outcome, beside.outcome, beside.advisory) == ("ok", "insufficient", True)


@pytest.mark.statistical
def test_windows_without_drift_do_not_alarm() -> None:
    alarms = sum(judge(rows(200, seed)).status != "Completed" for seed in range(100, 300))
    # A budget of 1 in 50: more than 11 of 200 with probability below 1e-3.
    assert alarms <= 11
