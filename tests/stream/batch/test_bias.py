# SPDX-License-Identifier: Apache-2.0
"""Jobs of bias: an analysis of the baseline, and violations against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.batch.job import job_of
from stream.batch.run import Outcome, run

CONFIG = {
    "version": "1.0",
    "headers": ["age", "sex", "target"],
    "label": "target",
    "label_values_or_threshold": [1],
    "facet": [
        {"name_or_index": "sex", "value_or_threshold": ["F"]},
        {"name_or_index": "age", "value_or_threshold": [40]},
    ],
    "methods": {"pre_training_bias": {"methods": ["DPL", "CI"]}, "post_training_bias": {"methods": ["DPPL", "AD"]}},
}


def _rows(n: int, unfair: float) -> list[tuple[float, str, int, int]]:
    """Age, sex, truth and prediction; women are predicted the favourable class less often."""
    rng = np.random.default_rng(n)
    woman, truth = rng.random(n) < 0.4, rng.random(n) < 0.5
    predicted = truth & ~(woman & (rng.random(n) < unfair))
    age = rng.uniform(18, 70, n).round(2)
    return list(
        zip(
            age.tolist(),
            np.where(woman, "F", "M").tolist(),
            truth.astype(int).tolist(),
            predicted.astype(int).tolist(),
            strict=True,
        )
    )


def _table(path: Path, rows: list[tuple[float, str, int, int]]) -> Path:
    path.write_text("\n".join(["age,sex,target,predicted", *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def _merged(path: Path, rows: list[tuple[float, str, int, int]]) -> Path:
    lines = []
    for place, (age, sex, truth, predicted) in enumerate(rows):
        sides = {
            "endpointInput": {"data": f"{age},{sex}", "encoding": "CSV"},
            "endpointOutput": {"data": json.dumps({"predicted": predicted}), "encoding": "JSON"},
        }
        held = {"data": str(truth), "encoding": "CSV"}
        metadata = {"eventId": f"e{place}", "inferenceTime": "2026-01-01T00:00:00Z"}
        lines.append(json.dumps({"captureData": sides, "groundTruthData": held, "eventMetadata": metadata}))
    path.write_text("\n".join(lines))
    return path


def test_metrics_name_stage_label_and_facet(tmp_path: Path) -> None:
    rows = [row for row in _rows(2_000, 0.5) if row[3] == 0 or row[1] == "M"]
    _run(tmp_path, _table(tmp_path / "train.csv", rows), "baseline")
    more = {"baseline_constraints": tmp_path / "baseline", "publish_cloudwatch_metrics": "Enabled"}
    _run(tmp_path, _table(tmp_path / "now.csv", rows), "out", sagemaker_endpoint_name="m", **more)
    lines = (tmp_path / "metrics/cloudwatch_metrics.jsonl").read_text().splitlines()
    found = {}
    for metric in map(json.loads, lines):
        names = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        assert (names["Endpoint"], names["Label"], names["LabelValue"]) == ("m", "target", "1")
        found[names["BiasStage"], names["Facet"], names["FacetValue"], metric["MetricName"]] = metric["Value"]
    assert found["Post-Training", "sex", "F", "bias_metric_DPPL"] > 0.45
    assert ("Pre-training", "sex", "F", "bias_metric_CI") in found


def _run(tmp_path: Path, source: Path, output: str, **more: Any) -> Outcome:
    (tmp_path / "analysis_config.json").write_text(json.dumps(CONFIG))
    given = {"dataset_source": source, "output_path": tmp_path / output, "inference_attribute": "predicted"}
    given |= {"analysis_config": tmp_path / "analysis_config.json"} | more
    return run(job_of({name: str(value) for name, value in given.items()}), metrics_folder=tmp_path / "metrics")


def _violated(tmp_path: Path, output: str) -> set[tuple[str, str]]:
    document = json.loads((tmp_path / output / "constraint_violations.json").read_text())
    assert document.get("version", "1.0") == "1.0"
    return {(violation["facet"], violation["metric_name"]) for violation in document["violations"]}


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("captured", [False, True])
def test_a_bias_that_the_baseline_lacks_is_in_violation(tmp_path: Path, theirs: bool, captured: bool) -> None:
    _run(tmp_path, _table(tmp_path / "train.csv", _rows(8_000, 0.1)), "baseline")
    analysis = json.loads((tmp_path / "baseline/analysis.json").read_text())
    facets = analysis["post_training_bias_metrics"]["facets"]
    assert facets.keys() == {"sex", "age"}
    assert analysis["pre_training_bias_metrics"]["label"] == "target"
    if theirs:
        analysis.pop("sketchwatch")
        (tmp_path / "baseline/analysis.json").write_text(json.dumps(analysis))
    write, form = (_merged, "sagemakerCaptureJson") if captured else (_table, "csv")
    more = {"baseline_constraints": tmp_path / "baseline", "dataset_format": form}
    for name, unfair in (("fair", 0.1), ("unfair", 0.5)):
        outcome = _run(tmp_path, write(tmp_path / f"{name}.rows", _rows(2_000, unfair)), name, **more)
        assert outcome.rows == 2_000
        assert kinds(tmp_path / name) == {"analysis.json", "constraint_violations.json"}
    assert _violated(tmp_path, "fair") == set()
    assert ("sex", "DPPL") in _violated(tmp_path, "unfair")
    assert not {facet for facet, _ in _violated(tmp_path, "unfair")} - {"sex"}


def kinds(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
