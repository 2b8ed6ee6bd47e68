# SPDX-License-Identifier: Apache-2.0
"""Jobs of model quality for regressions and for many classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stream.batch.job import job_of
from stream.batch.run import Outcome, run


def _table(path: Path, predicted: list[object], truth: list[object]) -> Path:
    rows = [f"{a},{b}" for a, b in zip(predicted, truth, strict=True)]
    path.write_text("\n".join(["predicted,truth", *rows]) + "\n")
    return path


def _run(problem: str, source: Path, output: Path, baseline: Path | None = None) -> Outcome:
    given = {"dataset_source": source, "output_path": output, "problem_type": problem}
    given |= {"inference_attribute": "predicted", "ground_truth_attribute": "truth"}
    if baseline is not None:
        given |= {"baseline_constraints": baseline, "baseline_statistics": baseline}
    return run(job_of({name: str(value) for name, value in given.items()}))


def _judged(problem: str, tmp_path: Path, was: tuple, good: tuple, bad: tuple) -> dict[str, set[str]]:
    _run(problem, _table(tmp_path / "was.csv", *was), tmp_path / "baseline")
    found = {}
    for name, rows in (("good", good), ("bad", bad)):
        _run(problem, _table(tmp_path / f"{name}.csv", *rows), tmp_path / name, tmp_path / "baseline")
        document = json.loads((tmp_path / name / "constraint_violations.json").read_text())
        found[name] = {violation["metric_name"] for violation in document["violations"]}
    return found


def _numbers(n: int, sd: float) -> tuple[list[object], list[object]]:
    rng = np.random.default_rng(n)
    truth = rng.normal(10, 3, n)
    return (truth + rng.normal(0, sd, n)).round(4).tolist(), truth.round(4).tolist()


def _classes(n: int, share: float) -> tuple[list[object], list[object]]:
    rng = np.random.default_rng(n)
    names = np.array(["red", "green", "blue"])
    truth = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < share, truth, (truth + 1) % 3)
    return names[predicted].tolist(), names[truth].tolist()


def test_a_regression_that_errs_more_is_in_violation(tmp_path: Path) -> None:
    found = _judged("Regression", tmp_path, _numbers(5_000, 1), _numbers(1_000, 1), _numbers(1_000, 1.5))
    # The test of mse decides for rmse, too.
    assert found == {"good": set(), "bad": {"mae", "mse", "r2"}}


def test_many_classes_told_apart_less_often_are_in_violation(tmp_path: Path) -> None:
    found = _judged(
        "MulticlassClassification", tmp_path, _classes(5_000, 0.9), _classes(1_000, 0.9), _classes(1_000, 0.7)
    )
    assert found["good"] == set()
    assert "accuracy" in found["bad"]


@pytest.mark.parametrize("problem", ["Regression", "MulticlassClassification"])
def test_the_files_of_a_baseline_are_enough_without_our_states(tmp_path: Path, problem: str) -> None:
    rows = _numbers if problem == "Regression" else _classes
    _run(problem, _table(tmp_path / "was.csv", *rows(5_000, 0.9)), tmp_path / "baseline")
    for name in ("statistics.json", "constraints.json"):
        document = json.loads((tmp_path / "baseline" / name).read_text())
        document.pop("sketchwatch")
        (tmp_path / name).write_text(json.dumps(document))
    outcome = _run(
        problem, _table(tmp_path / "now.csv", *rows(1_000, 0.1 if rows is _classes else 9)), tmp_path / "out", tmp_path
    )
    assert outcome.status == "CompletedWithViolations"
