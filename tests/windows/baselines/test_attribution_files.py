# SPDX-License-Identifier: Apache-2.0
"""Baselines of attributions and embeddings in files and records, ours and a managed monitor's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from windows.baselines.attributions import by_label, read_analysis
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.errors import BaselineError

MODEL = ModelDefinition(
    model="m", monitors={"attribution_drift": {"enabled": True}, "embedding_drift": {"embeddings": {"text": 3}}}
)
GENUINE = {
    "version": "1.0",
    "explanations": {
        "kernel_shap": {
            "0.7956783771514893": {"global_shap_values": {"Age": 0.0597, "Sex": -0.02}, "expected_value": 0.2506}
        }
    },
}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    rng = np.random.default_rng(0)
    columns = {
        "age": Column(Kind.FLOAT, rng.normal(size=500)),
        "attributions.age": Column(Kind.FLOAT, rng.normal(size=500)),
        "attributions.job": Column(Kind.FLOAT, rng.normal(size=500) / 2),
        "embeddings.text": Column(Kind.VECTOR, rng.normal(1.0, size=(500, 3)).astype(np.float32)),
    }
    return suggest([Block(500, columns)], model="m", definition=MODEL).baseline


def same(a: Baseline, b: Baseline) -> bool:
    equal = all(state.spec.equivalent(state, b.states[part]) for part, state in a.states.items())
    return equal and a.states.keys() == b.states.keys() and dict(a.documents) == dict(b.documents)


def test_attributions_and_embeddings_are_no_features(baseline: Baseline) -> None:
    assert set(baseline.features) == {"age"}
    assert set(baseline.states) == {"attributions", "embedding/text"}
    assert set(baseline.documents) == {"attribution_drift", "embedding_drift"}


def test_a_baseline_is_read_back_from_its_files(baseline: Baseline, tmp_path: Path) -> None:
    files = {path.relative_to(tmp_path).as_posix() for path in write_baseline(baseline, tmp_path)}
    assert {"attribution_drift/analysis.json", "embedding_drift/statistics.json"} < files
    assert same(baseline, read_baseline(tmp_path))
    written = json.loads((tmp_path / "attribution_drift" / "analysis.json").read_bytes())
    assert set(read_analysis(written)["label0"]) == {"age", "job"}


def test_a_baseline_is_read_back_from_its_records(baseline: Baseline) -> None:
    assert same(baseline, baseline_from_records(dict(baseline_records(baseline))))


def test_the_similarity_of_a_baselines_own_vectors_is_told(baseline: Baseline) -> None:
    vectors = np.random.default_rng(0)
    for _ in range(3):
        vectors.normal(size=500)
    unit = vectors.normal(1.0, size=(500, 3)).astype(np.float32).astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[~np.eye(500, dtype=bool)]
    said = baseline.documents["embedding_drift"]["embeddings"]["text"]
    assert said == {
        "dimension": 3,
        "item_count": 500,
        "rejected": 0,
        "wrong_length": 0,
        "mean_similarity": pytest.approx(pairs.mean(), abs=1e-12),
    }


@pytest.mark.parametrize("own_folder", [True, False])
def test_a_managed_monitors_analysis_is_read_where_it_lies(tmp_path: Path, own_folder: bool) -> None:
    folder = tmp_path / "attribution_drift" if own_folder else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "analysis.json").write_text(json.dumps(GENUINE))
    read = read_baseline(tmp_path, model="m")
    assert read_analysis(read.documents["attribution_drift"]) == {"0.7956783771514893": {"Age": 0.0597, "Sex": 0.02}}
    assert read.states == {}


def test_labels_match_by_name_before_they_match_by_position() -> None:
    known = {"a": {"x": 1.0}, "b": {"x": 2.0}}
    assert by_label(["b"], known) == {"b": {"x": 2.0}}
    assert by_label(["label0", "label1", "label2"], known) == {"label0": {"x": 1.0}, "label1": {"x": 2.0}}
    assert by_label(["b", "c"], known) == {"b": {"x": 1.0}, "c": {"x": 2.0}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "expected explanations.kernel_shap"),
        ({"explanations": {"pdp": {}}}, r"got the keys \['pdp'\]"),
        ({"explanations": {"kernel_shap": {"a": 1}}}, "expected global_shap_values of label 'a'"),
        ({"explanations": {"kernel_shap": {"a": {"global_shap_values": {"x": "NaN"}}}}}, "a number for 'x'"),
        ({"explanations": {"kernel_shap": {"a": {"global_shap_values": {"x": None}}}}}, "got None"),
    ],
)
def test_a_document_of_another_form_is_refused(document: dict[str, Any], expected: str) -> None:
    with pytest.raises(BaselineError, match=expected):
        read_analysis(document)
