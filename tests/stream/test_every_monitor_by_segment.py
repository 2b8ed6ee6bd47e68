# SPDX-License-Identifier: Apache-2.0
"""Bias, embeddings and monitors of one's own by segment: what happens in one alone is found there, and named."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from sketches.block import Block, Column, Kind
from stream.metrics.subjects import FeatureCap, subject_labels
from stream.testing import SIDES, MonitorDriver, Step
from tests.statistical.acceptance import at_most
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.roles import Roles
from windows.baselines.suggest import BASELINE_K, suggest
from windows.data_set import window_of_rows
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.events import BlockArrived, LabelsArrived
from windows.partition.specs import BIAS, EMBEDDING, event_specs, label_specs, segment_part

HOUR = 3_600_000
BEGIN = 1_000 * HOUR
REGIONS = ("asia", "eu", "us")
DIMENSION = 8
MONITORS = {
    "data_quality": {"enabled": False},
    "data_drift": {"enabled": False},
    "bias": {"facets": [{"name": "sex", "values": ["f"]}]},
    "attribution_drift": {"enabled": True},
    "embedding_drift": {"embeddings": {"text": DIMENSION}},
    "custom": {
        "zeros": {"use": "tests.windows.zeros:Zeros", "options": {"column": "amount"}},
        "ones": {"use": "tests.windows.ones:Ones", "options": {"value": "1"}},
    },
}
DEFINITION = ModelDefinition(
    model="m",
    problem_type="BinaryClassification",
    segments=("region",),
    window={"label_horizon": "1h"},
    monitors=MONITORS,
)
CHANGES = {"unfair": 0.5, "turned": 0.4, "pushed": 0.5, "zeros": 0.1, "ones": 0.3}
NEW = ("bias", "attribution_drift", "embedding_drift", "zeros", "ones")


def rows_of(rng, n, *, unfair=0.0, turned=0.0, pushed=0.0, zeros=0.0, ones=0.0, regions=REGIONS):
    """Rows of some regions; what changes does so among those of the EU alone."""
    codes = rng.integers(0, len(regions), n).astype(np.int32)
    eu = codes == regions.index("eu")
    woman = rng.random(n) < 0.5
    truth = (rng.random(n) < 0.5) | (eu & (rng.random(n) < ones))
    score = np.where(rng.random(n) < 0.1, ~truth, truth).astype(float)
    score[eu & woman & (rng.random(n) < unfair)] = 0.0
    vectors = rng.normal(1.0, 0.5, (n, DIMENSION))
    vectors[eu, 0] += turned
    features = {
        "amount": Column(Kind.FLOAT, np.where((rng.random(n) < 0.02) | (eu & (rng.random(n) < zeros)), 0.0, 1.0)),
        "sex": Column(Kind.STRING, (~woman).astype(np.int32), None, ("f", "m")),
        "prediction.score": Column(Kind.FLOAT, score),
    }
    extra = {
        "tags.region": Column(Kind.STRING, codes, None, regions),
        "embeddings.text": Column(Kind.VECTOR, vectors.astype(np.float32)),
        "attributions.amount": Column(Kind.FLOAT, rng.normal(0.0, 1.0, n) + pushed * eu),
        "attributions.sex": Column(Kind.FLOAT, rng.normal(0.0, 0.3, n)),
    }
    return features, extra, Column(Kind.STRING, truth.astype(np.int32), None, ("0", "1"))


def table_of(rng, n, **changes):
    features, extra, label = rows_of(rng, n, **changes)
    names = {"prediction.score": "score"}
    return Block(n, {names.get(name, name): column for name, column in features.items()} | extra | {"label": label})


ROLES = Roles(label="label", score="score")
BASELINE = suggest([table_of(np.random.default_rng(1), 20_000)], model="m", roles=ROLES, definition=DEFINITION).baseline


def run(definition=DEFINITION, baseline=BASELINE, seed=2, partitions=2, n=4_000, **changes):
    """Judge one hour, with labels."""
    rng = np.random.default_rng(seed)
    driver = MonitorDriver((definition,), partitions=partitions, baseline=lambda _: baseline)
    features, extra, label = rows_of(rng, n, **changes)
    ids = rng.integers(0, 256, (n, 16), dtype=np.uint8)
    at_ms = BEGIN + np.sort(rng.integers(0, HOUR, n))
    for first in range(0, n, 500):
        part = np.arange(first, min(n, first + 500))
        seen, beside = (Block(n, columns).take(part) for columns in (features, extra))
        driver.send(BlockArrived("m", "1", ids[part], at_ms[part], seen, beside))
    driver.send(LabelsArrived("m", None, ids, at_ms, label))
    driver.run()
    for side in SIDES:
        driver.watermark(side, "m", BEGIN + 4 * HOUR)
    driver.run()
    return driver


def report_of(driver, monitor):
    report = [report for report in driver.reports if report.monitor == monitor and report.rows][-1]
    assert report.error is None
    return report


def told_by_segment(driver, monitor):
    return {v.verdict.subject for v in driver.violations if v.monitor == monitor and v.verdict.segment is not None}


def test_without_a_change_no_segment_is_told_of():
    driver = run()
    assert driver.violations == []
    for monitor in NEW:
        report = report_of(driver, monitor)
        assert sum(report.statistics["segments"]["region"]["rows"].values()) == 4_000
        assert [verdict for verdict in report.verdicts if verdict.segment is not None] == []


@pytest.mark.parametrize(
    ("monitor", "change", "subject"),
    [
        ("bias", {"unfair": 0.5}, "DPPL sex=f[region=eu]"),
        ("embedding_drift", {"turned": 0.4}, "text[region=eu]"),
        ("attribution_drift", {"pushed": 0.5}, "attributions.amount[region=eu]"),
        ("zeros", {"zeros": 0.1}, "amount[region=eu]"),
        ("ones", {"ones": 0.3}, "label[region=eu]"),
    ],
)
def test_what_happens_in_one_segment_is_found_there_and_named(monitor, change, subject):
    driver = run(**change)
    found = told_by_segment(driver, monitor)
    assert subject in found
    assert all(name.endswith("[region=eu]") for name in found)
    (violation,) = (v for v in driver.violations if v.verdict.subject == subject)
    record = violation.as_record()
    assert (record["segment"], record["segment_value"]) == ("region", "eu")
    assert record["verdict"]["n"] is None or record["verdict"]["n"] < 2_000
    others = {name for other in NEW if other != monitor for name in told_by_segment(driver, other)}
    assert {name.partition("[")[2] for name in others} <= {"region=eu]"}


def test_a_baseline_whose_segments_do_not_know_attributions_says_so():
    monitors = MONITORS | {"attribution_drift": {"enabled": False}}
    older = ModelDefinition.model_validate(DEFINITION.model_dump() | {"monitors": monitors})
    counted = suggest([table_of(np.random.default_rng(1), 5_000)], model="m", roles=ROLES, definition=older).baseline
    mixed = replace(BASELINE, states=BASELINE.states | {"segments/region": counted.states["segments/region"]})
    verdicts = report_of(run(baseline=mixed, pushed=0.5), "attribution_drift").verdicts
    assert [(v.subject, v.outcome) for v in verdicts if "[" in v.subject] == [("*[segments]", "insufficient")]


def test_attributions_of_encoded_features_are_summed_up_before_they_are_counted():
    monitors = MONITORS | {"attribution_drift": {"enabled": True, "groups": {"both": ["amount", "sex"]}}}
    definition = ModelDefinition.model_validate(DEFINITION.model_dump() | {"monitors": monitors})
    table = table_of(np.random.default_rng(1), 20_000)
    baseline = suggest([table], model="m", roles=ROLES, definition=definition).baseline
    driver = run(definition, baseline, pushed=0.5)
    assert told_by_segment(driver, "attribution_drift") == {"attributions.both[region=eu]"}
    counts = baseline.states["segments/region"].segments["eu"]
    edges = dict(counts.spec.edges)["attributions.both"]
    eu = table.columns["tags.region"].values == REGIONS.index("eu")
    both = (table.columns["attributions.amount"].values + table.columns["attributions.sex"].values)[eu]
    cells = [-np.inf, *np.nextafter(edges, np.inf), np.inf]
    assert counts.of("attributions.both").tolist() == np.histogram(both, cells)[0].tolist()


@pytest.mark.parametrize("monitor", NEW)
def test_the_whole_and_all_segments_share_the_budget_by_halves(monitor):
    alone = report_of(run(DEFINITION.model_copy(update={"segments": ()}), **CHANGES), monitor)
    report = report_of(run(**CHANGES), monitor)
    most = max(v.alpha for v in alone.verdicts if v.alpha)
    assert max(v.alpha for v in report.verdicts if v.alpha and v.segment is None) == pytest.approx(most / 2)
    shares = 1 if monitor == "attribution_drift" else len(REGIONS)
    assert 0 < max(v.alpha for v in report.verdicts if v.alpha and v.segment) <= most / 2 / shares * (1 + 1e-12)


@pytest.mark.parametrize("monitor", NEW)
def test_values_beyond_the_cap_and_new_ones_are_named(monitor):
    regions = ("africa", *REGIONS, *(f"z{number:02}" for number in range(30)))
    report = report_of(run(regions=regions), monitor)
    said = {verdict.subject: verdict.reason for verdict in report.verdicts if verdict.segment is not None}
    assert "beyond the first 20 values by name: z16, z17" in said["*[region]"]
    assert "no rows of this segment" in said["*[region=africa]"]
    assert report.statistics["segments"]["region"]["overflow"] > 1_000


@pytest.mark.parametrize("monitor", NEW)
def test_a_baseline_without_the_segment_says_so(monitor):
    table = [table_of(np.random.default_rng(1), 2_000)]
    bare = suggest(table, model="m", roles=ROLES, definition=DEFINITION.model_copy(update={"segments": ()})).baseline
    (without,) = (v for v in report_of(run(baseline=bare), monitor).verdicts if v.segment is not None)
    assert (without.subject, without.outcome) == ("*[region]", "insufficient")
    assert "suggested without this segment" in without.reason


def test_segments_of_which_nothing_can_be_decided_are_told_once():
    report = report_of(run(n=90), "embedding_drift")
    said = [(v.subject, v.outcome, v.reason) for v in report.verdicts if v.segment is not None]
    assert len(said) == 3
    assert all(outcome == "insufficient" and reason.endswith("vectors, needs 50") for _, outcome, reason in said)
    literal = DEFINITION.monitors.bias.model_copy(update={"min_coverage": 1.0})
    monitors = DEFINITION.monitors.model_copy(update={"bias": literal})
    definition = DEFINITION.model_copy(update={"monitors": monitors})
    window = window_of_rows([table_of(np.random.default_rng(3), 900)], definition, roles=ROLES)
    assert window.states[segment_part(BIAS, "region")].rows.keys() == set(REGIONS)


@pytest.mark.parametrize("way", ["files", "records"])
def test_a_baseline_by_segment_comes_back(way, tmp_path):
    if way == "files":
        write_baseline(BASELINE, tmp_path)
        again = read_baseline(tmp_path)
    else:
        again = baseline_from_records(dict(baseline_records(BASELINE)))
    assert again.states.keys() == BASELINE.states.keys()
    mine, theirs = run(baseline=again, **CHANGES), run(**CHANGES)
    # A quantile sketch tosses coins, so a distance of two runs may differ within its error.
    told = [
        [
            v.verdict._replace(value=None, pvalue=None, interval=None, description="")
            for v in driver.violations
            if v.verdict.statistic == "ks"
        ]
        for driver in (mine, theirs)
    ]
    exact = [[v.verdict for v in driver.violations if v.verdict.statistic != "ks"] for driver in (mine, theirs)]
    assert (told[0], exact[0]) == (told[1], exact[1])
    assert {v.monitor for v in mine.violations if v.verdict.segment} >= set(NEW)


@pytest.mark.statistical
def test_segments_of_all_monitors_alarm_within_their_half_of_the_budget():
    """Fails falsely with a chance of at most 1e-3: half of the budget of 1/50 is that of all segments."""
    rng = np.random.default_rng(8)
    alarms, windows = 0, 200
    for _ in range(windows):
        window = window_of_rows([table_of(rng, 1_500)], DEFINITION, roles=ROLES)
        verdicts = [v for report in evaluate(window, BASELINE) for v in report.verdicts]
        alarms += any(v.segment is not None and v.outcome == "violation" for v in verdicts)
    assert at_most(alarms, windows, 1 / 100)


def test_policies_are_of_the_whole_and_segments_are_tested():
    monitors = MONITORS | {
        "bias": MONITORS["bias"] | {"mode": "literal"},
        "embedding_drift": MONITORS["embedding_drift"] | {"min_similarity": 0.99},
    }
    definition = ModelDefinition.model_validate(DEFINITION.model_dump() | {"monitors": monitors})
    for driver, expected in ((run(definition), set()), (run(definition, unfair=0.5, turned=0.4), {"calibrated"})):
        for monitor in ("bias", "embedding_drift"):
            verdicts = report_of(driver, monitor).verdicts
            assert "literal" in {v.mode for v in verdicts if v.segment is None}
            assert {v.mode for v in verdicts if v.segment is not None} == expected
    unfair = next(v.verdict for v in driver.violations if v.verdict.subject == "DPPL sex=f[region=eu]")
    assert unfair.description.endswith(f"baseline constraint requirement {unfair.threshold}")


def test_a_segment_of_a_facet_value_has_a_series_of_its_own():
    verdicts = report_of(run(unfair=0.5), "bias").verdicts
    (one,) = (v for v in verdicts if v.subject == "DPPL sex=f[region=eu]")
    assert subject_labels(FeatureCap(10), "m", "1", "bias", one) == ("sex=f[region=eu]", "DPPL")


def test_a_corrected_label_moves_the_counts_of_its_segment():
    driver = run(n=1_000, seed=6)
    part = segment_part(BIAS, "region")
    rng = np.random.default_rng(6)
    rows_of(rng, 1_000)
    ids = rng.integers(0, 256, (1_000, 16), dtype=np.uint8)
    ones = Column(Kind.STRING, np.ones(1_000, np.int32), None, ("0", "1"))
    driver.send(LabelsArrived("m", None, ids, np.full(1_000, BEGIN + 4 * HOUR), ones))
    driver.run()
    for partition in driver.partitions:
        window = partition.store.models["m"].versions["1"].windows[BEGIN]
        tables = {name: state.table("sex").counts for name, state in window.of_labels[part].segments.items()}
        assert sum(int(counts.sum()) for counts in tables.values()) == window.counts.labelled
        assert all(not counts[:, :, 0].any() for counts in tables.values())
        own = window.of_labels[segment_part("custom/ones", "region")].segments
        assert all(state.ones == state.n for state in own.values())


@pytest.mark.parametrize(("dimension", "most"), [(8, 20), (384, 16), (768, 8), (4_096, 1)])
def test_parts_stay_small_by_fewer_segments_in_windows_as_in_baselines(dimension, most):
    monitors = MONITORS | {"embedding_drift": {"embeddings": {"text": dimension, "title": 8}}}
    definition = ModelDefinition.model_validate(
        {"model": "m", "segments": ["region"], "monitors": monitors | {"custom": {}}}
    )
    specs = [event_specs(definition, k)[segment_part(EMBEDDING + "text", "region")] for k in (512, BASELINE_K)]
    assert [spec.max_segments for spec in specs] == [most, most]
    assert specs[1].max_bytes <= 4 << 20
    assert event_specs(definition)[segment_part(EMBEDDING + "title", "region")].max_segments == most
    assert label_specs(DEFINITION)[segment_part(BIAS, "region")].max_bytes < 1 << 20


@pytest.mark.parametrize("seed", range(2))
def test_segments_are_the_same_whoever_dies(seed):
    calm = run(seed=7, **CHANGES)
    rng, fates = np.random.default_rng(seed), cycle(Step)
    driver = MonitorDriver((DEFINITION,), partitions=2, baseline=lambda _: BASELINE, seed=seed)
    for partition, same in zip(driver.partitions, calm.partitions, strict=True):
        partition.sources = same.sources
    while any(p.acked.get(side, 0) < len(p.sources[side]) for p in driver.partitions for side in SIDES):
        number = int(rng.integers(2))
        driver.process(number, SIDES[rng.integers(2)], int(rng.integers(1, 4)))
        driver.checkpoint(number, die_after=next(fates) if rng.random() < 0.4 else None)
    driver.run()
    for monitor in NEW:
        mine, theirs = report_of(driver, monitor), report_of(calm, monitor)
        assert mine.statistics["segments"] == theirs.statistics["segments"]
        told = [[(v.subject, v.outcome, v.n) for v in report.verdicts if v.segment] for report in (mine, theirs)]
        assert told[0] == told[1]
        assert told[0]
