# SPDX-License-Identifier: Apache-2.0
"""Segments are held against the same rows of the baseline, and all of them share half of a budget."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sketches.block import Block
from tests.statistical.acceptance import at_most
from tests.windows.build import block
from windows.baselines.baseline import Baseline
from windows.baselines.grids import grid_of
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.monitors.settle import Earlier
from windows.partition.open_window import OpenWindow
from windows.report import Report, Verdict
from windows.window_profile import WindowProfile

DEFINITION = ModelDefinition(model="m", segments=("region",))
REGIONS = np.array(["asia", "eu", "us"])


def rows(rng: np.random.Generator, n: int, *, shift: float = 0.0, missing: float = 0.0) -> Block:
    region = rng.choice(REGIONS, n)
    eu = region == "eu"
    x = rng.normal(size=n) + shift * eu
    y = [None if gone else value for gone, value in zip(eu & (rng.random(n) < missing), x.tolist(), strict=True)]
    job = np.where(eu & (rng.random(n) < shift), "new", rng.choice(["a", "b", "c"], n))
    return block(x=x, y=y, job=job, region=region)


def window_of(held: Block, baseline: Baseline, definition: ModelDefinition = DEFINITION) -> WindowProfile:
    window = OpenWindow(definition, 0, grid_of(baseline))
    window.add(held)
    return WindowProfile(
        definition,
        0,
        window.profile,
        window.of_events,
        rows=held.n,
        labelled=0,
        late=0,
        rejected=0,
        duplicates=0,
        partitions=1,
        partitions_closed=1,
        revision=1,
        features_closed=True,
        labels_closed=True,
    )


def judged(held: Block, baseline: Baseline, **options: object) -> dict[str, Report]:
    reports = evaluate(window_of(held, baseline), baseline, **options)  # type: ignore[arg-type]
    return {report.monitor: report for report in reports}


def of_segments(report: Report) -> dict[str, Verdict]:
    return {verdict.subject: verdict for verdict in report.verdicts if verdict.segment is not None}


PAST = rows(np.random.default_rng(1), 30_000)
BASELINE = suggest([PAST], model="m", definition=DEFINITION).baseline


def raw(held: Block, name: str, region: str) -> np.ndarray:
    column, parts = held.columns[name], held.columns["region"]
    return column.values[parts.values == parts.categories.index(region)]


def test_the_distance_of_a_segment_is_that_of_its_rows_at_the_edges() -> None:
    held = rows(np.random.default_rng(2), 6_000, shift=0.4)
    verdict = of_segments(judged(held, BASELINE)["data_drift"])["x[region=eu]"]
    now, was = raw(held, "x", "eu"), raw(PAST, "x", "eu")
    exact = stats.ks_2samp(now, was).statistic
    edges = dict(grid_of(BASELINE).cells.edges)["x"]
    gaps = [abs((now <= edge).mean() - (was <= edge).mean()) for edge in edges]
    assert verdict.value == pytest.approx(max(gaps), rel=1e-12)
    assert exact - 1 / 16 < verdict.value <= exact
    assert (verdict.n, verdict.baseline_n) == (len(now), len(was))
    assert verdict.outcome == "violation"


def test_a_new_category_of_a_segment_is_found() -> None:
    held = rows(np.random.default_rng(3), 6_000, shift=0.2)
    found = of_segments(judged(held, BASELINE)["data_drift"])
    assert found["job[region=eu]"].outcome == "violation"
    assert "job[region=us]" not in found


def test_missing_values_of_a_segment_are_held_against_its_own() -> None:
    held = rows(np.random.default_rng(4), 6_000, missing=0.03)
    found = of_segments(judged(held, BASELINE)["data_quality"])
    assert set(found) == {"y[region=eu]"}
    verdict = found["y[region=eu]"]
    assert verdict.value == pytest.approx(1 - 0.03, abs=0.01)
    assert verdict.threshold == 1.0


def test_a_small_segment_is_not_judged() -> None:
    found = of_segments(judged(rows(np.random.default_rng(5), 90), BASELINE)["data_drift"])
    assert {verdict.reason for verdict in found.values()} == {"needs 50 rows"}
    assert {verdict.outcome for verdict in found.values()} == {"insufficient"}


def test_what_was_in_violation_and_is_fine_now_is_told() -> None:
    held = rows(np.random.default_rng(6), 6_000)
    earlier = {"data_drift": Earlier(1, frozenset({("x[region=eu]", "baseline_drift_check")}))}
    found = of_segments(judged(held, BASELINE, earlier=earlier)["data_drift"])
    assert [(subject, verdict.outcome) for subject, verdict in found.items()] == [("x[region=eu]", "ok")]


def test_a_window_without_a_grid_says_why_segments_are_not_judged() -> None:
    profile = window_of(rows(np.random.default_rng(7), 500), BASELINE)
    bare = {part: state for part, state in profile.states.items() if not part.startswith("segments/")}
    profile = WindowProfile(**{name: getattr(profile, name) for name in profile.__slots__} | {"states": bare})
    (drift,) = (report for report in evaluate(profile, BASELINE) if report.monitor == "data_drift")
    (verdict,) = (verdict for verdict in drift.verdicts if verdict.segment is not None)
    assert verdict.reason == "the window has no rows, or opened before there was a baseline"


@pytest.mark.statistical
def test_segments_alarm_within_their_half_of_the_budget() -> None:
    """Fails falsely with a chance of at most 1e-3: half of the budget of 1/50 is that of all segments."""
    rng = np.random.default_rng(8)
    alarms, windows = 0, 300
    for _ in range(windows):
        reports = judged(rows(rng, 900), BASELINE)
        alarms += any(v.outcome == "violation" for r in reports.values() for v in of_segments(r).values())
    assert at_most(alarms, windows, 1 / 100)


def test_a_column_that_no_row_has_is_named_once_a_monitor() -> None:
    definition = ModelDefinition(model="m", segments=("nosuch",))
    baseline = suggest([PAST], model="m", definition=definition).baseline
    held = rows(np.random.default_rng(3), 1_000)
    for report in evaluate(window_of(held, baseline, definition), baseline):
        (verdict,) = of_segments(report).values()
        assert (verdict.subject, verdict.outcome) == ("*[nosuch]", "insufficient")
        assert verdict.reason == "no row has a value of it"
