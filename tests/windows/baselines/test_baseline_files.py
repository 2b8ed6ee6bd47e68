# SPDX-License-Identifier: Apache-2.0
"""Baselines on disk, on a topic, suggested from rows and imported from a managed monitor."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from sketches.envelope import seal, unseal
from tests.windows.build import BINARY, ROLES, baseline_of, column, window_of
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import (
    CONSTRAINTS,
    HEADER,
    QUALITY_CONSTRAINTS,
    baseline_from_records,
    baseline_records,
)
from windows.baselines.roles import Roles, by_role, classes
from windows.baselines.suggest import suggest
from windows.errors import BaselineError
from windows.evaluate import evaluate


def rows(n: int, seed: int) -> Block:
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    return Block(
        n,
        {
            "age": column(rng.integers(18, 80, n)),
            "pay/€": Column(Kind.FLOAT, rng.normal(10, 3, n), rng.random(n) < 0.9),
            "job": column(rng.choice(["a", "b"], n)),
            "user": column(np.char.add("u", rng.integers(0, 400, n).astype(str))),
            "label": column(label),
            "score": column(np.clip(0.3 + 0.3 * label + rng.normal(0, 0.1, n), 0, 1)),
        },
    )


BASELINE = baseline_of(rows(12_000, 1), hashed=("user",))


def same(a: Baseline, b: Baseline) -> bool:
    features = a.features.keys() == b.features.keys() and all(
        state.to_bytes() == b.features[name].to_bytes() for name, state in a.features.items()
    )
    return (
        features
        and (a.model, a.version, a.n, a.imported) == (b.model, b.version, b.n, b.imported)
        and a.constraints == b.constraints
        and a.quality_constraints == b.quality_constraints
        and a.quality.to_bytes() == b.quality.to_bytes()
    )


def test_a_baseline_written_is_read_alike(tmp_path):
    written = write_baseline(BASELINE, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} >= {
        "data_quality/statistics.json",
        "data_quality/constraints.json",
        "model_quality/statistics.json",
        "model_quality/constraints.json",
    }
    assert same(read_baseline(tmp_path), BASELINE)


def test_a_baseline_sent_is_received_alike():
    published = replace(BASELINE, baseline_version="7")
    records = baseline_records(published)
    assert records[-1][0] == HEADER
    assert max(len(value) for _, value in records) < 1_000_000
    received = baseline_from_records(dict(records))
    assert received.baseline_version == "7"
    assert same(received, published)


def test_a_baseline_with_a_part_missing_is_refused():
    records = dict(baseline_records(BASELINE))
    del records["feature/age"]
    with pytest.raises(BaselineError, match=r"parts \['feature/age'\] are missing"):
        baseline_from_records(records)
    with pytest.raises(BaselineError, match="expected the part 'header'"):
        baseline_from_records({})


def test_a_damaged_sketch_is_refused_with_its_file(tmp_path):
    write_baseline(BASELINE, tmp_path)
    sketch = next((tmp_path / "data_quality" / "sketches").iterdir())
    sketch.write_bytes(sketch.read_bytes()[:-1] + b"x")
    with pytest.raises(BaselineError, match="data_quality: expected the sketches"):
        read_baseline(tmp_path)


def test_the_files_have_the_managed_monitors_shape(tmp_path):
    write_baseline(BASELINE, tmp_path)
    statistics = json.loads((tmp_path / "data_quality" / "statistics.json").read_text())
    features = {feature["name"]: feature for feature in statistics["features"]}
    age = features["age"]["numerical_statistics"]
    assert isinstance(statistics["version"], float)
    assert isinstance(age["common"]["num_present"], int)
    assert isinstance(age["approximate_num_distinct_values"], int)
    assert isinstance(age["distribution"]["kll"]["buckets"][0]["count"], float)
    sketch = age["distribution"]["kll"]["sketch"]
    assert sketch["parameters"] == {"c": 0.64, "k": 2048.0}
    assert sum(len(level) << i for i, level in enumerate(sketch["data"])) == 12_000
    assert "distribution" not in features["user"]["string_statistics"]
    assert isinstance(features["job"]["string_statistics"]["distribution"]["categorical"]["buckets"][0]["count"], int)
    values = BASELINE.features["age"].moments
    assert age["std_dev"] == values.std
    constraints = json.loads((tmp_path / "data_quality" / "constraints.json").read_text())
    assert constraints["monitoring_config"]["distribution_constraints"]["comparison_method"] == "Robust"
    assert constraints["sketchwatch"]["method"] == "calibrated"
    named = {feature["name"]: feature for feature in constraints["features"]}
    assert named["job"]["string_constraints"] == {"domains": sorted("ab", key=lambda c: -_count(features, c))}
    assert named["age"]["num_constraints"] == {"is_non_negative": True}
    assert 0.85 < named["pay/€"]["completeness"] < 0.95
    quality = json.loads((tmp_path / "model_quality" / "constraints.json").read_text())
    assert quality["binary_classification_constraints"]["false_positive_rate"]["comparison_operator"] == (
        "GreaterThanThreshold"
    )


def _count(features, value: str) -> int:
    buckets = features["job"]["string_statistics"]["distribution"]["categorical"]["buckets"]
    return next(bucket["count"] for bucket in buckets if bucket["value"] == value)


def test_an_edit_in_the_file_is_seen(tmp_path):
    write_baseline(BASELINE, tmp_path)
    path = tmp_path / "data_quality" / "constraints.json"
    document = json.loads(path.read_text())
    document["features"][0]["completeness"] = 0.5
    path.write_text(json.dumps(document))
    constraints = read_baseline(tmp_path).constraints
    edited = {name: feature.edited for name, feature in constraints.features.items() if feature.edited}
    assert edited == {document["features"][0]["name"]: {"completeness"}}


def test_a_managed_monitors_files_are_read_and_judge(tmp_path):
    write_baseline(BASELINE, tmp_path)
    for path in tmp_path.rglob("*.json"):
        document = json.loads(path.read_text())
        document.pop("sketchwatch")
        for feature in document.get("features", []):
            feature.pop("sketchwatch", None)
        path.write_text(json.dumps(document))
    imported = read_baseline(tmp_path, model="m")
    assert imported.imported
    assert imported.quality.cells == BASELINE.quality.cells
    for name in ("age", "pay/€"):
        ours, theirs = imported.features[name], BASELINE.features[name]
        assert ours.types.missing == theirs.types.missing
        assert ours.numbers == theirs.numbers
        assert ours.moments.mean == pytest.approx(theirs.moments.mean, rel=0.01)
    assert imported.features["job"].categories.counts() == BASELINE.features["job"].categories.counts()
    assert "user" not in imported.features
    reports = evaluate(window_of(rows(2_000, 2), BINARY), imported)
    literal = [v for report in reports[1:] for v in report.verdicts if not v.advisory and v.outcome == "ok"]
    assert {v.mode for v in literal} == {"robust", "one_sd"}
    assert any(v.advisory and v.mode == "calibrated" and v.outcome == "ok" for v in reports[1].verdicts)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("constraints.json", "{", "constraints.json: expected a JSON object"),
        ("statistics.json", "[]", "expected a JSON object, got list"),
        ("constraints.json", '{"features": [{"name": "a", "completeness": "x"}]}', "constraints of feature 'a'"),
        ("constraints.json", '{"sketchwatch": {"method": "psi"}}', "constraints.json: sketchwatch.method: "),
    ],
)
def test_files_of_another_form_are_named(tmp_path, name, content, message):
    write_baseline(BASELINE, tmp_path)
    (tmp_path / "data_quality" / name).write_text(content)
    with pytest.raises(BaselineError, match=message):
        read_baseline(tmp_path)


def test_a_directory_without_a_baseline_says_what_was_expected(tmp_path):
    with pytest.raises(BaselineError, match=r"expected one of data_quality/constraints\.json, model_quality"):
        read_baseline(tmp_path)


def test_a_baseline_of_another_model_is_refused(tmp_path):
    write_baseline(BASELINE, tmp_path)
    with pytest.raises(BaselineError, match="expected one model of the baseline, got \\['m', 'other'\\]"):
        read_baseline(tmp_path, model="other")


def test_few_rows_are_warned_of():
    warnings = suggest([rows(1_000, 1)], model="m", roles=ROLES).warnings
    assert [w.split(":")[0] for w in warnings] == [
        "1000 rows",
        f"{_positives(1_000)} positive and {_negatives(1_000)} negative labelled rows",
    ]
    assert suggest([rows(12_000, 1)], model="m", roles=ROLES).warnings == ()
    assert "no rows with label and prediction" in suggest([rows(12_000, 1)], model="m").warnings[-1]


def _positives(n: int) -> int:
    return int(rows(n, 1).columns["label"].values.sum())


def _negatives(n: int) -> int:
    return n - _positives(n)


def test_rows_in_many_blocks_are_the_rows_in_one():
    whole, block = baseline_of(rows(900, 1)), rows(900, 1)
    parts = [block.take(np.arange(i, 900, 3)) for i in range(3)]
    split = suggest(parts, model="m", roles=ROLES).baseline
    assert split.quality.cells == whole.quality.cells
    assert split.quality_constraints == whole.quality_constraints
    for name, feature in whole.features.items():
        assert feature.spec.equivalent(feature, split.features[name])


def test_roles_part_inputs_from_outputs():
    block = rows(100, 1)
    monitored, _, judged = by_role(block, Roles(label="label", score="score", ignored=("user",)))
    assert set(monitored.columns) == {"age", "pay/€", "job", "prediction.score", "prediction.label"}
    assert set(judged.columns) == {"label", "prediction.score", "prediction.label"}
    with pytest.raises(BaselineError, match=r"expected columns \['y'\], got \['age'"):
        by_role(block, Roles(label="y"))
    with pytest.raises(BaselineError, match="expected scores from 0 to 1 in column 'age'"):
        by_role(block, Roles(score="age"))
    with pytest.raises(BaselineError, match="expected numbers in score column 'job', got STRING"):
        by_role(block, Roles(score="job"))


def test_class_names_have_one_form():
    for values in (np.array([1, 0]), np.array([1.0, 0.0]), np.array([True, False]), ["1", 0], [True, "0"]):
        named = classes(column(values))
        assert [named.categories[code] for code in named.values] == ["1", "0"]
    assert classes(column(["true", None])).valid.tolist() == [True, False]
    assert classes(column(np.array([0.5, np.nan]))).valid.tolist() == [True, False]


@pytest.mark.parametrize(
    ("part", "damage"),
    [(part, damage) for part in (HEADER, CONSTRAINTS, QUALITY_CONSTRAINTS) for damage in (b"{", b"[]", b"7", b"\xff")]
    + [(HEADER, b"{}"), (HEADER, b'{"parts": 7}'), (HEADER, b'{"parts": [], "model": "m", "n": 1}')],
)
def test_a_part_that_is_not_what_was_written_is_refused_by_name(part, damage):
    with pytest.raises(BaselineError, match=rf"part '{part}' of a baseline: .*expected"):
        baseline_from_records(dict(baseline_records(BASELINE)) | {part: damage})


@pytest.mark.parametrize("part", ["feature/age", "state/quality"])
def test_a_bad_payload_in_a_good_envelope_is_refused_by_name(part):
    records = dict(baseline_records(BASELINE))
    records[part] = seal(b"nonsense", fingerprint=unseal(records[part]).fingerprint)
    with pytest.raises(BaselineError, match=rf"part '{part}' of a baseline: .*expected"):
        baseline_from_records(records)


@pytest.mark.parametrize("fields", [7, {}, {"categorical": False, "hashed": False, "k": "x", "max_categories": None}])
def test_a_header_with_wrong_parameters_of_a_feature_is_refused(fields):
    records = dict(baseline_records(BASELINE))
    header = json.loads(records[HEADER])
    header["features"]["age"] = fields
    with pytest.raises(BaselineError, match=r"part 'feature/age' of a baseline: .*expected"):
        baseline_from_records(records | {HEADER: json.dumps(header).encode()})
