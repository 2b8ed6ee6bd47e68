# SPDX-License-Identifier: Apache-2.0
"""The command lays a managed monitor's file beside verdicts from rows or from reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from stream.batch.job import job_of
from stream.batch.run import run
from stream.cli.main import app
from windows.report import Report, Verdict


def _rows(path: Path, n: int, seed: int, ones: float) -> Path:
    rng = np.random.default_rng(seed)
    columns = {"flag": (rng.random(n) < ones).astype(int), "pay": rng.normal(50, 10, n).round(3)}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    train = _rows(tmp_path / "train.csv", 12_000, 1, 0.4)
    run(job_of({"dataset_source": str(train), "output_path": str(tmp_path / "ours")}))
    for name in ("statistics.json", "constraints.json"):
        document = json.loads((tmp_path / "ours" / name).read_text())
        document.pop("sketchwatch")
        (tmp_path / name).write_text(json.dumps(document))
    found = [
        {
            "feature_name": "pay",
            "constraint_check_type": "baseline_drift_check",
            "description": "distance: 0.2 exceeds threshold: 0.1",
        },
        {"feature_name": "score", "constraint_check_type": "extra_column_check", "description": ""},
    ]
    (tmp_path / "old.json").write_text(json.dumps({"violations": found}))
    today = _rows(tmp_path / "today.csv", 5_000, 2, 0.9)
    files = [f"--{name}={tmp_path / name}.json" for name in ("constraints", "statistics")]
    return ["compare", str(tmp_path / "old.json"), f"--source={today}", *files]


def _compared(words: list[str]) -> dict[str, dict[str, Any]]:
    ran = CliRunner().invoke(app, [*words, "--json"])
    assert ran.exit_code == 0, ran.output
    return {record["subject"]: record for record in map(json.loads, ran.stdout.splitlines())}


def test_old_misses_and_false_alarms_are_told_apart_by_the_rows(words: list[str]) -> None:
    found = _compared(words)
    assert found.keys() == {"flag", "pay", "score"}
    assert found["flag"]["theirs"] is None
    assert found["flag"]["ours"]["outcome"] == "violation"
    assert found["flag"]["reason"].startswith("Deequ up to 2.0.21 counted copies of a value once: 0 by its ranks, 0.4")
    assert found["pay"]["ours"]["outcome"] == "ok"
    assert found["pay"]["reason"].endswith("the rows are not the same")
    assert found["score"]["reason"] == "a column of the output, which is no input here"


def test_with_the_old_error_emulated_the_miss_is_ours_too(words: list[str]) -> None:
    assert "flag" not in _compared([*words, "--emulate-deequ-le-2-0-21"])


def test_the_table_sums_up(words: list[str]) -> None:
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0
    assert "0 found by both, 3 by one alone" in ran.stderr
    assert "why they differ" in ran.stdout


def test_reports_stand_in_for_rows(tmp_path: Path, words: list[str]) -> None:
    verdict = Verdict("pay", "baseline_drift_check", "robust", "violation", value=0.2, threshold=0.1)
    reports = [
        Report(
            "m",
            "1",
            "data_drift",
            hour * 3_600_000,
            (hour + 1) * 3_600_000,
            1,
            True,
            "Completed",
            "1",
            "0",
            verdicts=verdicts,
        )
        for hour, verdicts in ((0, ()), (1, (verdict,)))
    ]
    path = tmp_path / "reports.jsonl"
    path.write_text("".join(json.dumps(report.as_record()) + "\n" for report in reports))
    with_reports = ["compare", str(tmp_path / "old.json"), f"--report={path}"]
    assert _compared([*with_reports, "--window", "1970-01-01T01:00:00Z"])["pay"]["agrees"]
    unnamed = CliRunner().invoke(app, with_reports)
    assert "expected reports of one window, got 1970-01-01T00:00:00Z, 1970-01-01T01:00:00Z" in str(unnamed.exception)
    both = CliRunner().invoke(app, [*words, f"--report={path}"])
    assert "expected one of --source, --report and --model" in str(both.exception)
    (tmp_path / "bad.jsonl").write_text("{")
    bad = CliRunner().invoke(app, ["compare", str(tmp_path / "old.json"), f"--report={tmp_path / 'bad.jsonl'}"])
    assert "expected reports, one JSON object a line" in str(bad.exception)
