# SPDX-License-Identifier: Apache-2.0
"""Files that are all called the same are told apart by what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windows.baselines.kinds import FileKind, folder_of, kind_of, sorted_files
from windows.errors import BaselineError

DOCUMENTS: dict[FileKind, dict[str, Any]] = {
    FileKind("data_quality", "statistics.json"): {"version": 0.0, "dataset": {"item_count": 1}, "features": []},
    FileKind("data_quality", "constraints.json"): {"version": 0.0, "features": [], "monitoring_config": {}},
    FileKind("model_quality", "statistics.json"): {"dataset": {}, "regression_metrics": {}},
    FileKind("model_quality", "constraints.json"): {"multiclass_classification_constraints": {}},
    FileKind("bias", "analysis.json"): {"version": "1.0", "post_training_bias_metrics": {}},
    FileKind("attribution_drift", "analysis.json"): {"version": "1.0", "explanations": {"kernel_shap": {}}},
}


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS.items())
def test_each_file_is_known_by_what_it_says(kind: FileKind, document: dict[str, Any]) -> None:
    assert kind_of(document) == kind


def _write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def test_files_of_all_kinds_are_sorted_out_and_others_left_alone(tmp_path: Path) -> None:
    paths = {kind: _write(tmp_path / f"job-{i}" / kind.file, doc) for i, (kind, doc) in enumerate(DOCUMENTS.items())}
    _write(tmp_path / "job-9/constraint_violations.json", {"violations": []})
    _write(tmp_path / "job-9/analysis_config.json", {"methods": {}})
    assert sorted_files([tmp_path]) == paths
    assert sorted_files(list(paths.values())) == paths


def test_a_folder_as_a_job_left_it_is_that_of_its_monitor(tmp_path: Path) -> None:
    _write(tmp_path / "constraints.json", DOCUMENTS[FileKind("model_quality", "constraints.json")])
    assert folder_of(tmp_path, "model_quality") == tmp_path
    assert folder_of(tmp_path, "data_quality") == tmp_path / "data_quality"
    (tmp_path / "model_quality").mkdir()
    assert folder_of(tmp_path, "model_quality") == tmp_path / "model_quality"


def test_two_of_a_kind_none_and_what_is_no_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="found none"):
        sorted_files([tmp_path])
    with pytest.raises(BaselineError, match="no such file"):
        sorted_files([tmp_path / "x"])
    for name in ("a", "b"):
        _write(tmp_path / name / "constraints.json", {"features": []})
    with pytest.raises(BaselineError, match=r"expected one constraints\.json of data_quality"):
        sorted_files([tmp_path])
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(BaselineError, match="expected a JSON object"):
        sorted_files([tmp_path / "c.json"])
