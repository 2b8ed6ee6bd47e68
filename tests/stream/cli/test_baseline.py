# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch baseline suggest` of a regression, as a user gives it: no broker is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

from stream.cli.main import main

ROLES = ("--label", "progression", "--prediction", "predicted", "--out", "baseline")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    inputs = frame.drop(columns="progression")
    frame["predicted"] = cross_val_predict(LinearRegression(), inputs, frame["progression"], cv=5)
    frame.to_csv("diabetes.csv", index=False)
    Path("monitor.toml").write_text('model = "diabetes"\nproblem_type = "Regression"\n')
    return tmp_path


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(("baseline", "suggest", "diabetes.csv", *words))
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(
    "words", [("--monitor", "monitor.toml"), ("--model", "diabetes", "--problem-type", "Regression")], ids=" ".join
)
def test_the_suggested_constraints_are_the_errors_of_the_held_out_predictions(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(*ROLES, *words, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == 442
    assert "warning: 442 labelled rows with a prediction" in err
    quality = folder / "baseline" / "model_quality"
    limits = json.loads((quality / "constraints.json").read_bytes())["regression_constraints"]
    assert {name: limit["comparison_operator"] for name, limit in limits.items()} == {
        "mae": "GreaterThanThreshold",
        "mse": "GreaterThanThreshold",
        "rmse": "GreaterThanThreshold",
        "r2": "LessThanThreshold",
    }
    data = load_diabetes(scaled=False)
    predicted = cross_val_predict(LinearRegression(), data.data, data.target, cv=5)
    assert limits["r2"]["threshold"] == pytest.approx(r2_score(data.target, predicted), rel=1e-6)


@pytest.mark.usefixtures("folder")
def test_a_problem_type_beside_a_definition_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*ROLES, "--monitor", "monitor.toml", "--problem-type", "Regression") == 2
    assert (
        capsys.readouterr().err
        == "sketchwatch: --problem-type Regression: expected it in monitor.toml, not beside it\n"
    )
