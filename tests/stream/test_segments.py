# SPDX-License-Identifier: Apache-2.0
"""Segments end to end: from tagged events and labels to a violation that names the segment."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.testing import SIDES, MonitorDriver, Step
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.constraints import read_constraints
from windows.baselines.grids import grid_of
from windows.baselines.roles import Roles
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition, Sample
from windows.events import BlockArrived, LabelsArrived
from windows.partition.specs import event_specs

HOUR = 3_600_000
BEGIN = 1_000 * HOUR
REGIONS = ("asia", "eu", "us")
DEFINITION = ModelDefinition(
    model="m",
    problem_type="BinaryClassification",
    segments=("region",),
    window={"label_horizon": "1h"},
)


def rows_of(rng, n, *, shift=0.0, missing=0.0, flipped=0.0, spoilt="", regions=REGIONS):
    """Rows of three regions; what changes does so among those of the EU alone."""
    codes = rng.integers(0, len(regions), n).astype(np.int32)
    eu = codes == regions.index("eu")
    truth = rng.integers(0, 2, n)
    score = np.clip(truth * 0.5 + rng.random(n) * 0.6, 0.0, 1.0)
    wrong = eu & (rng.random(n) < flipped)
    score[wrong] = 1.0 - score[wrong]
    x = rng.normal(size=n) + codes + np.where(eu, shift, 0.0)
    kept = ~(eu & (rng.random(n) < missing))
    kind = rng.integers(0, 3, n).astype(np.int32)
    wage = rng.lognormal(size=n)
    bad = eu & (rng.random(n) < 0.05)
    x[bad & (spoilt == "outlying_values_check")] = 99.0
    kind[bad & (spoilt == "categorical_values_check")] = 3
    wage[bad & (spoilt == "non_negative_check")] *= -1.0
    kinds = ("a", "b", "c", "d")
    if spoilt == "rare":
        # Typing errors of every region, each of its own.
        rare = np.flatnonzero(rng.random(n) < 0.0008)
        kind[rare] = len(kinds) + np.arange(len(rare))
        kinds += tuple(f"error {number}" for number in rng.integers(0, 2**40, len(rare)))
    texts = [f"{value}?" if wrong else value for value, wrong in zip(wage.tolist(), bad.tolist(), strict=True)]
    features = {
        "x": Column(Kind.FLOAT, x, None if kept.all() else kept),
        "kind": Column(Kind.STRING, kind, None, kinds),
        "wage": Column(Kind.FLOAT, wage),
        "prediction.score": Column(Kind.FLOAT, score),
    }
    if spoilt == "data_type_check":
        features["wage"] = Column(Kind.MIXED, np.array(texts, dtype=object))
    tags = {"tags.region": Column(Kind.STRING, codes, None, regions)}
    label = Column(Kind.STRING, truth.astype(np.int32), None, ("0", "1"))
    return features, tags, label


def baseline_of(definition=DEFINITION, n=30_000, **changes):
    features, tags, label = rows_of(np.random.default_rng(1), n, **changes)
    names = {"prediction.score": "score"}
    columns = {names.get(name, name): column for name, column in features.items()} | tags | {"label": label}
    roles = Roles(label="label", score="score")
    return suggest([Block(n, columns)], model="m", roles=roles, definition=definition).baseline


BASELINE = baseline_of()


def run(definition=DEFINITION, baseline=BASELINE, seed=2, partitions=3, n=4_000, **changes):
    """Judge one hour, with labels."""
    rng = np.random.default_rng(seed)
    driver = MonitorDriver((definition,), partitions=partitions, baseline=lambda _: baseline)
    features, tags, label = rows_of(rng, n, **changes)
    ids = rng.integers(0, 256, (n, 16), dtype=np.uint8)
    at_ms = BEGIN + np.sort(rng.integers(0, HOUR, n))
    for first in range(0, n, 500):
        part = np.arange(first, min(n, first + 500))
        block, extra = (Block(n, columns).take(part) for columns in (features, tags))
        driver.send(BlockArrived("m", "1", ids[part], at_ms[part], block, extra))
    driver.send(LabelsArrived("m", None, ids, at_ms, label))
    driver.run()
    for side in ("events", "labels"):
        driver.watermark(side, "m", BEGIN + 4 * HOUR)
    driver.run()
    return driver


def told(driver):
    return {(v.type, v.verdict.subject, v.verdict.check) for v in driver.violations}


def report_of(driver, monitor):
    return [report for report in driver.reports if report.monitor == monitor and report.rows][-1]


def test_without_a_change_no_segment_is_told_of():
    driver = run()
    assert driver.violations == []
    segments = report_of(driver, "data_drift").statistics["segments"]["region"]
    assert sum(segments["rows"].values()) == 4_000
    assert sorted(segments["rows"]) == list(REGIONS)


def test_drift_in_one_segment_is_found_where_the_whole_hides_it():
    driver = run(shift=0.5)
    assert ("violation", "x[region=eu]", "baseline_drift_check") in told(driver)
    assert {subject for _, subject, _ in told(driver) if "[" in subject} == {"x[region=eu]"}
    (violation,) = (v for v in driver.violations if "[" in v.verdict.subject)
    record = violation.as_record()
    assert (record["segment"], record["segment_value"], record["feature_name"]) == ("region", "eu", "x[region=eu]")
    assert record["verdict"]["segment_value"] == "eu"
    assert record["verdict"]["n"] < 4_000 / 2


def test_missing_values_of_one_segment_are_found():
    driver = run(missing=0.05)
    assert ("violation", "x[region=eu]", "completeness_check") in told(driver)


@pytest.mark.parametrize(
    ("check", "column"),
    [
        ("data_type_check", "wage"),
        ("non_negative_check", "wage"),
        ("outlying_values_check", "x"),
        ("categorical_values_check", "kind"),
    ],
)
def test_values_that_fail_a_check_in_one_segment_are_found_there(check, column):
    driver = run(spoilt=check)
    assert ("violation", f"{column}[region=eu]", check) in told(driver)
    in_segments = {(subject, of) for _, subject, of in told(driver) if "[" in subject and of != "baseline_drift_check"}
    assert in_segments == {(f"{column}[region=eu]", check)}
    (verdict,) = (v.verdict for v in driver.violations if v.verdict.check == check and v.verdict.segment == "region")
    assert 0.9 < verdict.value < 0.98
    assert verdict.threshold == 1.0


@pytest.mark.statistical
def test_values_that_a_baseline_missed_by_chance_are_no_news_in_a_segment():
    """Regions of a tenth, a tenth and eight tenths of the rows; errors are as frequent as ever."""
    regions = ("asia", "eu", *["us"] * 8)
    baseline = baseline_of(n=20_000, spoilt="rare", regions=regions)
    assert any(domain.startswith("error") for domain in baseline.constraints.features["kind"].domains)
    alarmed = 0
    for seed in range(12):
        driver = run(baseline=baseline, seed=seed, n=12_000, spoilt="rare", regions=regions)
        alarmed += any(check == "categorical_values_check" for _, subject, check in told(driver) if "[" in subject)
    assert alarmed == 0


def test_a_column_that_a_person_declared_text_has_no_limits_of_numbers():
    document = BASELINE.constraints.document | {
        "features": [
            feature | ({"inferred_type": "String"} if feature["name"] == "wage" else {})
            for feature in BASELINE.constraints.document["features"]
        ]
    }
    baseline = replace(BASELINE, constraints=read_constraints(document))
    found = told(run(baseline=baseline, spoilt="data_type_check"))
    checks = {check for _, subject, check in found if "wage[" in subject}
    assert not checks & {"data_type_check", "outlying_values_check"}


def test_bad_predictions_of_one_segment_are_found_by_its_labels():
    driver = run(flipped=0.3, n=6_000)
    found = {subject for _, subject, _ in told(driver) if "[" in subject}
    assert "accuracy[region=eu]" in found
    assert all(subject.endswith("[region=eu]") for subject in found)
    (violation,) = (v for v in driver.violations if v.verdict.subject == "accuracy[region=eu]")
    assert violation.as_record()["metric_name"] == "accuracy[region=eu]"


def test_counts_by_segment_are_those_of_the_rows():
    driver = run(partitions=2, n=3_000, seed=5)
    features, tags, _ = rows_of(np.random.default_rng(5), 3_000)
    codes = tags["tags.region"].values
    rows = report_of(driver, "data_drift").statistics["segments"]["region"]["rows"]
    assert rows == {name: int((codes == at).sum()) for at, name in enumerate(REGIONS)}
    window = driver.partitions[0].store.models["m"].versions["1"].windows[BEGIN]
    other = driver.partitions[1].store.models["m"].versions["1"].windows[BEGIN]
    state = window.of_events["segments/region"]
    state.merge(other.of_events["segments/region"])
    edges = np.array(dict(state.spec.inner.edges)["x"])
    for at, name in enumerate(REGIONS):
        x = features["x"].values[codes == at]
        assert state.segments[name].of("x").cumsum()[:-1].tolist() == [(x <= edge).sum() for edge in edges]


def test_the_whole_and_all_segments_share_the_budget_by_halves():
    drift = report_of(run(shift=0.5), "data_drift")
    alone = report_of(run(DEFINITION.model_copy(update={"segments": ()}), shift=0.5), "data_drift")
    whole = max(v.alpha for v in drift.verdicts if v.alpha and v.segment is None)
    assert whole == pytest.approx(max(v.alpha for v in alone.verdicts if v.alpha) / 2)
    assert max(v.alpha for v in drift.verdicts if v.alpha and v.segment == "region") <= whole


def test_a_segment_that_the_baseline_does_not_know_is_named():
    drift = report_of(run(regions=("africa", "eu", "us")), "data_drift")
    (unknown,) = (v for v in drift.verdicts if v.segment_value == "africa")
    assert (unknown.outcome, unknown.subject) == ("insufficient", "*[region=africa]")
    assert "no rows of this segment" in unknown.reason


def test_values_beyond_the_cap_are_counted_and_named():
    regions = (*REGIONS, *(f"z{number:02}" for number in range(30)))
    drift = report_of(run(regions=regions), "data_drift")
    (capped,) = (v for v in drift.verdicts if v.subject == "*[region]")
    assert "beyond the first 20 values by name: z17, z18" in capped.reason
    assert drift.statistics["segments"]["region"]["overflow"] > 1_000


@pytest.mark.parametrize(
    ("baseline", "reason"),
    [
        (baseline_of(DEFINITION.model_copy(update={"segments": ()})), "suggested without this segment"),
        (baseline_of(DEFINITION.model_copy(update={"segments": ("kind",)})), "suggested without this segment"),
    ],
    ids=["no segments", "others"],
)
def test_a_baseline_without_the_segment_says_so(baseline, reason):
    drift = report_of(run(baseline=baseline, shift=0.5), "data_drift")
    (without,) = (v for v in drift.verdicts if v.segment is not None)
    assert reason in without.reason
    assert drift.status == "CompletedWithViolations" or any(v.outcome == "ok" for v in drift.verdicts)


def test_a_baseline_with_segments_comes_back_from_its_records():
    parts = dict(baseline_records(BASELINE))
    again = baseline_from_records(parts)
    assert told(run(baseline=again, shift=0.5)) == told(run(shift=0.5))


def test_a_baseline_with_segments_comes_back_from_its_files(tmp_path):
    write_baseline(BASELINE, tmp_path)
    again = read_baseline(tmp_path)
    assert told(run(baseline=again, shift=0.5)) == told(run(shift=0.5))
    document = json.loads((tmp_path / "segments" / "statistics.json").read_text())
    assert sum(document["rows"]["segments/region"].values()) == BASELINE.n


def test_a_feature_that_is_switched_off_is_not_judged_in_its_segments(tmp_path):
    write_baseline(BASELINE, tmp_path)
    path = tmp_path / "data_quality" / "constraints.json"
    document = json.loads(path.read_text())
    (x,) = (feature for feature in document["features"] if feature["name"] == "x")
    x["monitoring_config_overrides"] = {"distribution_constraints": {"perform_comparison": "Disabled"}}
    path.write_text(json.dumps(document))
    edited = read_baseline(tmp_path)
    assert not any(subject.startswith("x[") for _, subject, _ in told(run(baseline=edited, shift=0.5)))
    assert grid_of(edited).cells == grid_of(BASELINE).cells


def test_a_feature_that_parts_the_rows_is_not_judged_in_its_segments():
    definition = DEFINITION.model_copy(update={"segments": ("kind",)})
    driver = run(definition, baseline_of(definition))
    assert driver.violations == []
    assert sorted(report_of(driver, "data_drift").statistics["segments"]["kind"]["rows"]) == ["a", "b", "c"]


def test_a_hashed_column_parts_rows_without_naming_its_values():
    definition = DEFINITION.model_copy(
        update={"columns": DEFINITION.columns.model_copy(update={"hash": ("region",)}), "segments": ("region",)}
    )
    driver = run(definition, baseline_of(definition))
    rows = report_of(driver, "data_drift").statistics["segments"]["region"]["rows"]
    assert len(rows) == 3
    assert not rows.keys() & set(REGIONS)
    assert driver.violations == []


def test_a_corrected_label_moves_the_quality_of_its_segment():
    rng = np.random.default_rng(6)
    driver = run(n=2_000, seed=6)
    window = driver.partitions[0].store.models["m"].versions["1"].windows[BEGIN]
    before = {name: state.cells for name, state in window.of_labels["segment-quality/region"].segments.items()}
    assert sum(map(sum, before.values())) == window.counts.labelled
    rng = np.random.default_rng(6)
    rows_of(rng, 2_000)
    ids = rng.integers(0, 256, (2_000, 16), dtype=np.uint8)
    ones = Column(Kind.STRING, np.ones(2_000, np.int32), None, ("0", "1"))
    driver.send(LabelsArrived("m", None, ids, np.full(2_000, BEGIN + 4 * HOUR), ones))
    driver.run()
    window = driver.partitions[0].store.models["m"].versions["1"].windows[BEGIN]
    after = window.of_labels["segment-quality/region"].segments
    assert all(state.cells[2:] == (0, 0) for state in after.values())
    assert {name: sum(state.cells) for name, state in after.items()} == {name: sum(c) for name, c in before.items()}


@pytest.mark.parametrize("seed", range(2))
def test_segments_and_samples_are_the_same_whoever_dies(seed):
    definition = DEFINITION.model_copy(update={"sample": Sample(enabled=True, rows=40)})
    baseline = baseline_of(definition)
    calm = run(definition, baseline, seed=7)
    rng, fates = np.random.default_rng(seed), cycle(Step)
    driver = MonitorDriver((definition,), partitions=3, baseline=lambda _: baseline, seed=seed)
    for partition, same in zip(driver.partitions, calm.partitions, strict=True):
        partition.sources = same.sources
    while any(p.acked.get(side, 0) < len(p.sources[side]) for p in driver.partitions for side in SIDES):
        number = int(rng.integers(3))
        driver.process(number, SIDES[rng.integers(2)], int(rng.integers(1, 4)))
        driver.checkpoint(number, die_after=next(fates) if rng.random() < 0.4 else None)
    driver.run()
    for monitor in ("data_drift", "model_quality"):
        mine, theirs = report_of(driver, monitor), report_of(calm, monitor)
        assert mine.statistics["segments"] == theirs.statistics["segments"]
        told_ = [(v.subject, v.outcome, v.value, v.n) for v in mine.verdicts if v.segment]
        assert told_ == [(v.subject, v.outcome, v.value, v.n) for v in theirs.verdicts if v.segment]
    assert samples_of(driver, definition) == samples_of(calm, definition)


def samples_of(driver, definition):
    spec = event_specs(definition)["sample"]
    last = {(number, p.part): p for number, p in driver.profiles if p.part == "sample"}
    states = [spec.from_bytes(p.payload) for _, p in sorted(last.items(), key=lambda item: item[0])]
    return [(state.n, state.rows) for state in states]
