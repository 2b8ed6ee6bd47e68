# SPDX-License-Identifier: Apache-2.0
"""A job honours the contract of a managed monitor's container: environment in, files, message and exit status out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.batch.__main__ import main
from stream.batch.job import Format, Job, job_of
from stream.batch.run import Outcome, run
from stream.errors import SettingsError, StreamError
from stream.imports.selectors import Selector
from windows.baselines.kinds import kind_of

CAPTURE = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}'
START, END = "2019-12-01T15: 20: 00Z", "2019-12-01T16: 20: 00Z"


def _csv(path: Path, n: int, seed: int, *, shift: float = 0.0) -> Path:
    rng = np.random.default_rng(seed)
    rows = zip(
        rng.random(n).round(6),
        rng.integers(18, 70, n),
        rng.normal(50 + shift, 10, n).round(3),
        rng.choice(["a", "b"], n),
        strict=True,
    )
    lines = ["churn,age,pay,plan", *(",".join(map(str, row)) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def _captured(csv: Path, path: Path, *, at: str = "2019-12-01T15:30:00Z", truth: bool = False) -> Path:
    """The rows of a CSV as requests: the first column came out, the others went in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, line in enumerate(csv.read_text().splitlines()[1:]):
        out, sent = line.split(",", 1)
        sides = {"endpointInput": {"data": sent, "encoding": "CSV"}, "endpointOutput": {"data": out, "encoding": "CSV"}}
        record = {"captureData": sides, "eventMetadata": {"eventId": f"e{number}", "inferenceTime": at}}
        if truth:
            record["groundTruthData"] = {"data": str(int(float(out) > 0.5)), "encoding": "CSV"}
        lines.append(json.dumps(record | {"eventVersion": "0"}))
    path.write_text("\n".join(lines) + "\n")
    return path


def _environment(source: Path, output: Path, **more: Any) -> dict[str, str]:
    given = {"dataset_source": source, "output_path": output, "dataset_format": CAPTURE, **more}
    return {name: str(value) for name, value in given.items()}


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    csv = _csv(tmp_path / "train.csv", 12_000, 1)
    job = job_of(_environment(csv, tmp_path / "baseline", dataset_format='{"csv": {"header": true}}'))
    outcome = run(job)
    assert (outcome.status, outcome.rows, outcome.violations) == ("Completed", 12_000, 0)
    return tmp_path / "baseline"


def _monitor(baseline: Path, **more: Any) -> dict[str, Any]:
    files = {f"baseline_{name}": baseline / f"{name}.json" for name in ("constraints", "statistics")}
    return {"start_time": START, "end_time": END} | files | more


def _as_theirs(baseline: Path, to: Path) -> Path:
    """The two files as a managed monitor would have written them, with nothing of ours."""
    to.mkdir()
    for name in ("statistics.json", "constraints.json"):
        document = json.loads((baseline / name).read_text())
        document.pop("sketchwatch")
        for feature in document["features"]:
            feature.pop("sketchwatch", None)
        (to / name).write_text(json.dumps(document))
    return to


def _violations(output: Path) -> dict[str, set[str]]:
    document = json.loads((output / "constraint_violations.json").read_text())
    found: dict[str, set[str]] = {}
    for violation in document["violations"]:
        found.setdefault(violation["constraint_check_type"], set()).add(violation["feature_name"])
    return found


def test_without_a_baseline_a_job_makes_one_with_the_files_of_the_contract(baseline: Path) -> None:
    statistics, constraints = (
        json.loads((baseline / f"{name}.json").read_text()) for name in ("statistics", "constraints")
    )
    assert kind_of(statistics) == ("data_quality", "statistics.json")
    assert kind_of(constraints) == ("data_quality", "constraints.json")
    assert statistics["dataset"] == {"item_count": 12_000}
    kinds = [(feature["name"], feature["inferred_type"]) for feature in constraints["features"]]
    assert kinds == [("churn", "Fractional"), ("age", "Integral"), ("pay", "Fractional"), ("plan", "String")]


@pytest.mark.parametrize("theirs", [False, True])
def test_captured_requests_of_a_healthy_hour_are_completed(baseline: Path, tmp_path: Path, theirs: bool) -> None:
    files = _as_theirs(baseline, tmp_path / "theirs") if theirs else baseline
    _captured(_csv(tmp_path / "c.csv", 1_000, 2), tmp_path / "in/m/AllTraffic/2019/12/01/15/a.jsonl")
    # What was downloaded too much: an hour that is not the job's.
    wild = _csv(tmp_path / "w.csv", 1_000, 3, shift=90.0)
    _captured(wild, tmp_path / "in/m/AllTraffic/2019/12/01/16/b.jsonl", at="2019-12-01T16:20:00Z")
    outcome = run(job_of(_environment(tmp_path / "in", tmp_path / "out", **_monitor(files))))
    assert outcome == Outcome("Completed", 1_000, 0, outcome.files)
    assert outcome.message == "Completed: Job completed successfully with no violations."
    assert json.loads((tmp_path / "out/constraint_violations.json").read_text()) == {"violations": []}
    assert (tmp_path / "out/constraints.json").read_bytes() == (files / "constraints.json").read_bytes()
    statistics = json.loads((tmp_path / "out/statistics.json").read_text())
    named = {feature["name"]: feature for feature in statistics["features"]}
    assert named["pay"]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    assert named["plan"]["string_statistics"]["common"] == {"num_present": 1_000, "num_missing": 0}


@pytest.mark.parametrize("theirs", [False, True])
def test_a_shifted_hour_is_completed_with_violations_and_exits_with_0(
    baseline: Path, tmp_path: Path, theirs: bool
) -> None:
    files = _as_theirs(baseline, tmp_path / "theirs") if theirs else baseline
    _captured(_csv(tmp_path / "c.csv", 1_000, 2, shift=20.0), tmp_path / "in/2019/12/01/15/a.jsonl")
    message = tmp_path / "message"
    environment = _environment(
        tmp_path / "in",
        tmp_path / "out",
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="m",
        sagemaker_monitoring_schedule_name="hourly",
        **_monitor(files),
    )
    assert main(environment, message=message, metrics_folder=tmp_path / "metrics") == 0
    assert message.read_text() == "CompletedWithViolations: Job completed successfully with 1 violations."
    assert _violations(tmp_path / "out") == {"baseline_drift_check": {"pay"}}
    metrics = [json.loads(line) for line in (tmp_path / "metrics/cloudwatch_metrics.jsonl").read_text().splitlines()]
    named = {metric["MetricName"]: metric for metric in metrics}
    assert named["feature_data_age"]["StatisticValues"]["SampleCount"] == 1_000
    assert named["feature_non_null_plan"]["Value"] == 1_000.0
    assert named["feature_baseline_drift_pay"]["Value"] > 0.3
    assert named["feature_baseline_drift_pay"]["Timestamp"] == "2019-12-01T16:20:00Z"
    assert named["feature_baseline_drift_pay"]["Dimensions"] == [
        {"Name": "Endpoint", "Value": "m"},
        {"Name": "MonitoringSchedule", "Value": "hourly"},
    ]


def test_columns_too_many_and_too_few_are_violations(baseline: Path, tmp_path: Path) -> None:
    files = _as_theirs(baseline, tmp_path / "theirs")
    rows = [line.split(",") for line in _csv(tmp_path / "c.csv", 200, 2).read_text().splitlines()]
    for name, cut in (("more", slice(None)), ("fewer", slice(3))):
        text = "\n".join(",".join([*row[cut], "9"][: 5 if name == "more" else 3]) for row in rows)
        (tmp_path / f"{name}.csv").write_text(text + "\n")
        _captured(tmp_path / f"{name}.csv", tmp_path / name / "a.jsonl")
        run(job_of(_environment(tmp_path / name, tmp_path / f"out-{name}", **_monitor(files))))
    assert _violations(tmp_path / "out-more")["extra_column_check"] == {"_c4"}
    assert _violations(tmp_path / "out-fewer")["missing_column_check"] == {"plan"}


def test_a_users_script_makes_the_rows_and_another_runs_at_the_end(baseline: Path, tmp_path: Path) -> None:
    _captured(_csv(tmp_path / "c.csv", 500, 2), tmp_path / "in/a.jsonl")
    (tmp_path / "pre.py").write_text(
        "def preprocess_handler(record):\n"
        "    age, pay, plan = record.endpoint_input.data.split(',')\n"
        "    if float(pay) < 30: return []\n"
        "    if plan == 'b' and float(pay) > 75: raise ValueError('too rich')\n"
        "    return {'churn': record.endpoint_output.data, 'age': age, 'pay': pay, 'plan': plan}\n"
    )
    (tmp_path / "post.py").write_text(
        f"import pathlib\ndef postprocess_handler():\n    pathlib.Path({str(tmp_path / 'done')!r}).touch()\n"
    )
    scripts = {
        "record_preprocessor_script": tmp_path / "pre.py",
        "post_analytics_processor_script": tmp_path / "post.py",
    }
    outcome = run(job_of(_environment(tmp_path / "in", tmp_path / "out", **_monitor(baseline), **scripts)))
    assert (tmp_path / "done").exists()
    assert 0 < outcome.unread.count < 20
    assert {one.reason for one in outcome.unread.listed} == {"preprocess_handler raised ValueError: 'too rich'"}
    assert 450 < outcome.rows < 500 - outcome.unread.count
    assert outcome.violations == 0


def test_csv_without_a_header_json_lines_and_gzip_are_rows_too(baseline: Path, tmp_path: Path) -> None:
    lines = _csv(tmp_path / "c.csv", 300, 2).read_text().splitlines()
    (tmp_path / "plain").write_text("\n".join(lines[1:]) + "\n")
    (tmp_path / "zipped").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    names = lines[0].split(",")
    rows = [dict(zip(names, [*map(float, line.split(",")[:3]), line.split(",")[3]], strict=True)) for line in lines[1:]]
    (tmp_path / "lines").write_text("\n".join(map(json.dumps, rows)))
    for name, form in (
        ("plain", '{"csv": {"header": false}}'),
        ("zipped", '{"csv": {"header": false}}'),
        ("lines", "json"),
    ):
        given = _environment(tmp_path / name, tmp_path / f"out-{name}", **_monitor(baseline, dataset_format=form))
        assert (run(job_of(given)).rows, _violations(tmp_path / f"out-{name}")) == (300, {}), name


def test_model_quality_of_merged_records_is_held_against_its_constraints(tmp_path: Path) -> None:
    attributes = {"problem_type": "BinaryClassification", "probability_attribute": "0", "ground_truth_attribute": "0"}
    train = _captured(_csv(tmp_path / "t.csv", 3_000, 1), tmp_path / "train/a.jsonl", truth=True)
    made = run(job_of(_environment(train, tmp_path / "baseline", **attributes)))
    assert made.rows == 3_000
    constraints = json.loads((tmp_path / "baseline/constraints.json").read_text())
    assert constraints["binary_classification_constraints"]["accuracy"]["threshold"] == 1.0
    today = _captured(_csv(tmp_path / "c.csv", 600, 2), tmp_path / "in/a.jsonl", truth=True, at="2018-01-01T00:00:00Z")
    text = today.read_text().splitlines()
    flipped = [line.replace('"data": "1"', '"data": "0"') if i % 3 else line for i, line in enumerate(text)]
    today.write_text("\n".join(flipped))
    outcome = run(
        job_of(_environment(tmp_path / "in", tmp_path / "out", **attributes, **_monitor(tmp_path / "baseline")))
    )
    assert (outcome.status, outcome.rows) == ("CompletedWithViolations", 600)
    document = json.loads((tmp_path / "out/constraint_violations.json").read_text())
    assert "accuracy" in {violation["metric_name"] for violation in document["violations"]}
    statistics = json.loads((tmp_path / "out/statistics.json").read_text())
    assert statistics["dataset"]["evaluation_time"] == "2019-12-01T16:20:00Z"
    matrix = statistics["binary_classification_metrics"]["confusion_matrix"]
    assert sum(count for row in matrix.values() for count in row.values()) == 600


def test_merged_records_without_a_time_are_of_the_job(tmp_path: Path) -> None:
    merged = _captured(_csv(tmp_path / "t.csv", 300, 1), tmp_path / "in/part-0000.jsonl", truth=True)
    records = [json.loads(line) for line in merged.read_text().splitlines()]
    merged.write_text("\n".join(json.dumps(record | {"eventMetadata": {"eventId": "e"}}) for record in records))
    for kind in ({}, {"problem_type": "BinaryClassification", "probability_attribute": "0"}):
        outcome = run(job_of(_environment(tmp_path / "in", tmp_path / "out", start_time=START, end_time=END, **kind)))
        assert (outcome.rows, outcome.unread.count) == (300, 0)


def test_a_job_that_cannot_run_says_why_and_exits_with_1(tmp_path: Path) -> None:
    message = tmp_path / "message"
    assert main({"dataset_source": str(tmp_path / "x"), "output_path": str(tmp_path)}, message=message) == 1
    assert message.read_text() == f"Failed: {tmp_path / 'x'}: no such file or folder"
    (tmp_path / "bad.jsonl").write_text("nothing\n")
    with pytest.raises(
        StreamError, match=r"expected rows to suggest a baseline from, got none; .*bad\.jsonl:1: expected"
    ):
        run(job_of(_environment(tmp_path / "bad.jsonl", tmp_path / "out")))


def test_an_hour_without_requests_is_no_failure(baseline: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    outcome = run(job_of(_environment(tmp_path / "in", tmp_path / "out", **_monitor(baseline))))
    assert (outcome.status, outcome.rows, outcome.violations) == ("InsufficientData", 0, 0)
    assert outcome.message == "InsufficientData: no data"
    (tmp_path / "empty.csv").write_text("churn,age,pay,plan\n")
    given = _environment(tmp_path / "empty.csv", tmp_path / "out", dataset_format="csv", **_monitor(baseline))
    message = tmp_path / "message"
    assert main(given, message=message) == 0
    assert message.read_text() == "InsufficientData: no data"


def test_a_monitor_that_could_not_judge_is_named(baseline: Path, tmp_path: Path) -> None:
    csv = _csv(tmp_path / "c.csv", 400, 2)
    given = _monitor(baseline, dataset_format="csv", baseline_statistics="")
    outcome = run(job_of(_environment(csv, tmp_path / "out", **given)))
    assert outcome.told() == ["warning: data_drift could not judge anything: the baseline has no values of it"]


def test_the_method_of_categories_is_that_of_the_environment(baseline: Path, tmp_path: Path) -> None:
    rows = _csv(tmp_path / "c.csv", 1_000, 2).read_text().splitlines()
    shifted = [line[:-1] + "b" if number % 9 == 0 else line for number, line in enumerate(rows)]
    (tmp_path / "c.csv").write_text("\n".join([rows[0], *shifted[1:]]) + "\n")
    theirs = _as_theirs(baseline, tmp_path / "theirs")
    for method, found in (("LInfinity", {}), ("ChiSquared", {"baseline_drift_check": {"plan"}})):
        given = _monitor(theirs, dataset_format="csv", categorical_drift_method=method)
        run(job_of(_environment(tmp_path / "c.csv", tmp_path / "out", **given)))
        assert _violations(tmp_path / "out") == found, method


def test_a_baseline_is_made_for_the_method_of_the_environment(tmp_path: Path) -> None:
    given = _environment(_csv(tmp_path / "t.csv", 500, 1), tmp_path / "made", dataset_format="csv")
    run(job_of(given | {"categorical_drift_method": "ChiSquared"}))
    document = json.loads((tmp_path / "made/constraints.json").read_text())
    assert document["monitoring_config"]["distribution_constraints"]["categorical_drift_method"] == "ChiSquared"


@pytest.mark.parametrize("form", ["capture", "csv"])
def test_a_record_of_the_wrong_number_of_columns_is_not_read(baseline: Path, tmp_path: Path, form: str) -> None:
    lines = _csv(tmp_path / "c.csv", 300, 2).read_text().splitlines()
    lines[7], lines[9] = "39,50,a", "0.5,39,50,a,9"
    source = tmp_path / "c.csv"
    source.write_text("\n".join(lines) + "\n")
    if form == "capture":
        source = _captured(source, tmp_path / "in/a.jsonl")
    given = _monitor(baseline, dataset_format=CAPTURE if form == "capture" else "csv")
    outcome = run(job_of(_environment(source, tmp_path / "out", **given)))
    assert (outcome.status, outcome.rows, _violations(tmp_path / "out")) == ("Completed", 298, {})
    place = (7, 9) if form == "capture" else (8, 10)
    assert [one.line for one in outcome.unread.listed] == list(place)
    assert ["expected 4 columns" in one.reason and "got " in one.reason for one in outcome.unread.listed] == [True] * 2


def test_named_columns_may_be_fewer_than_the_baselines(baseline: Path, tmp_path: Path) -> None:
    row = {"data": '{"churn": 0.5, "age": 30, "pay": 50.0}', "encoding": "JSON"}
    record = {"captureData": {"endpointInput": row}, "eventMetadata": {"eventId": "e"}, "eventVersion": "0"}
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps(record)] * 60))
    given = _monitor(baseline, start_time="", end_time="")
    outcome = run(job_of(_environment(tmp_path / "a.jsonl", tmp_path / "out", **given)))
    assert (outcome.rows, outcome.unread.count) == (60, 0)
    assert _violations(tmp_path / "out")["missing_column_check"] == {"plan"}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_column_has_one_role(tmp_path: Path, form: str) -> None:
    (tmp_path / "c").write_text("churn,age\n1,30\n" if form == "csv" else '{"churn": 1, "age": 30}')
    roles = {"ground_truth_attribute": "churn", "inference_attribute": "churn"}
    given = _environment(
        tmp_path / "c", tmp_path / "out", dataset_format=form, problem_type="BinaryClassification", **roles
    )
    said = "inference_attribute: expected another column than ground_truth_attribute's, churn"
    with pytest.raises(StreamError, match=said):
        run(job_of(given))


def test_the_environment_is_read_as_it_is_documented() -> None:
    environment = _environment(
        Path("/opt/ml/processing/endpointdata"), Path("/opt/ml/processing/resultdata"), start_time=START, end_time=END
    )
    job = job_of(environment | {"sagemaker_endpoint_name": "endpoint-name", "publish_cloudwatch_metrics": "Disabled"})
    assert job == Job(
        Path("/opt/ml/processing/endpointdata"),
        Path("/opt/ml/processing/resultdata"),
        Format("capture"),
        start_ms=1_575_213_600_000,
        end_ms=1_575_217_200_000,
        endpoint="endpoint-name",
    )
    quality = {"analysis_type": "MODEL_QUALITY", "problem_type": "Regression", "inference_attribute": "prediction[0]"}
    read = job_of(environment | quality)
    assert (read.analysis, read.inference) == ("MODEL_QUALITY", Selector.parse("prediction[0]"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset_source": ""}, "dataset_source: expected a path"),
        ({"dataset_format": "xml"}, "dataset_format: expected an object"),
        ({"start_time": "soon"}, "start_time: expected a time"),
        ({"analysis_type": "MODEL_EXPLAINABILITY"}, "analysis_type: expected one of DATA_QUALITY, MODEL_QUALITY"),
        ({"analysis_type": "MODEL_BIAS"}, "analysis_config: expected a path"),
        ({"problem_type": "Ranking"}, "problem_type: expected one of"),
        ({"categorical_drift_method": "Robust"}, "categorical_drift_method: expected one of LInfinity, ChiSquared"),
        ({"inference_attribute": "a b"}, "inference_attribute: expected an index"),
        ({"probability_threshold_attribute": "2"}, "probability_threshold_attribute: expected a number from 0 to 1"),
    ],
)
def test_a_wrong_variable_is_named(changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        job_of(_environment(Path("in"), Path("out")) | changed)
