# SPDX-License-Identifier: Apache-2.0
"""Windows unlike the past ones: verdicts of both modes, and what they take from the budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sketches.block import Block
from tests.windows.build import baseline_of, column, definition, window_of
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
from windows.history import PastWindow
from windows.monitors.anomaly import MIN_WINDOWS, _Table, judge_anomaly, summary_of
from windows.monitors.settle import NEVER, Earlier
from windows.monitors.short_past import short_past
from windows.report import Verdict
from windows.window_profile import WindowProfile

BOTH = ("z_score", "random_cut_forest")
ALPHA = 0.2
HOUR = 3_600_000


def model(*modes: str, **options: object) -> ModelDefinition:
    return definition(data_drift={"anomaly": {"modes": modes}, **options})


def rows(seed: int, n: int = 400, shift: float = 0.0, job: float = 0.0) -> Block:
    rng = np.random.default_rng(seed)
    columns = {f"x{i}": column(rng.normal(shift if i == 0 else 0.0, 1.0, n)) for i in range(4)}
    columns["job"] = column(rng.choice(["clerk", "nurse", "smith"], n, p=[0.5 - job, 0.3 + job, 0.2]))
    return Block(n, columns)


def window(held: Block, of: ModelDefinition, hour: int = 99) -> WindowProfile:
    return replace(window_of(held, of), window_start_ms=hour * HOUR)


def past_of(count: int) -> list[PastWindow]:
    found = [summary_of(window(rows(1_000 + i), model("z_score"))) for i in range(count)]
    return [summary for summary in found if summary is not None]


PAST = past_of(48)


def judged(held: Block, *modes: str, past: list[PastWindow] = PAST, earlier: Earlier = NEVER) -> list[Verdict]:
    return judge_anomaly(window(held, model(*modes)), past, ALPHA, earlier)[1]


def violated(verdicts: list[Verdict]) -> set[tuple[str, str]]:
    return {(verdict.subject, verdict.mode) for verdict in verdicts if verdict.outcome == "violation"}


def test_nothing_is_said_unless_a_mode_is_asked_for():
    assert judge_anomaly(window(rows(1), model()), PAST, ALPHA, NEVER) == ({}, [])


def test_a_window_like_the_past_has_a_verdict_a_column_and_one_of_the_forest():
    verdicts = judged(rows(2), *BOTH)
    assert violated(verdicts) == set()
    assert [verdict.subject for verdict in verdicts] == ["job", "x0", "x1", "x2", "x3", "*"]
    assert {verdict.outcome for verdict in verdicts} == {"ok"}
    assert {verdict.check for verdict in verdicts} == {"anomaly_check"}


@pytest.mark.parametrize(("change", "column"), [({"shift": 0.5}, "x0"), ({"job": 0.3}, "job")])
def test_a_change_is_found_by_both_and_named_by_the_z_score(change, column):
    verdicts = judged(rows(3, **change), *BOTH)
    assert violated(verdicts) == {(column, "z_score"), ("*", "random_cut_forest")}


def test_a_forest_cuts_the_same_statistics_whatever_a_revision_lacks():
    table = _Table.of([PAST[5], *PAST])
    assert table.names == _Table.of([PastWindow.of(9, {}), *PAST]).names == PAST[0].names
    assert np.isnan(_Table.of([PastWindow.of(9, {}), *PAST]).values[0]).all()


def test_the_words_say_what_was_expected():
    held = rows(4, shift=0.5)
    verdict = next(v for v in judged(held, "z_score") if v.subject == "x0")
    assert verdict.description == (
        f"{verdict.statistic} {held.columns['x0'].values.mean():.6g} is {verdict.value:.3g} standard deviations from "
        f"{np.mean([w.statistics()['x0', 'mean'].value for w in PAST]):.6g}, its mean over 48 past windows"
    )


def test_a_column_that_vanished_is_found():
    held = rows(5)
    rest = Block(held.n, {name: values for name, values in held.columns.items() if name != "x3"})
    assert ("x3", "z_score") in violated(judged(rest, "z_score"))


def test_a_category_that_vanished_is_found():
    held = rows(6)
    kept = np.array([held.columns["job"].categories[code] for code in held.columns["job"].values])
    kept[kept == "smith"] = "clerk"
    assert violated(judged(Block(held.n, {**held.columns, "job": column(kept)}), "z_score")) == {("job", "z_score")}


@pytest.mark.parametrize(
    ("held", "past", "reason"),
    [
        (rows(7), PAST[: MIN_WINDOWS - 1], "23 past windows, needs 24"),
        (rows(7, n=40), PAST, "40 rows, needs 50"),
    ],
)
def test_a_short_past_or_few_rows_are_insufficient(held, past, reason):
    verdicts = judged(held, *BOTH, past=past)
    assert [(v.mode, v.outcome, v.reason) for v in verdicts] == [(mode, "insufficient", reason) for mode in BOTH]


def test_the_forest_says_how_many_windows_make_a_rank_significant():
    statistics, verdicts = judge_anomaly(window(rows(8, shift=3.0), model(*BOTH)), PAST, 0.012, NEVER)
    forest = next(v for v in verdicts if v.mode == "random_cut_forest")
    assert forest.outcome == "insufficient"
    assert forest.reason == "48 past windows of at most 720: a rank among them says something at 0.003 from 333"
    assert statistics["anomaly"]["forest"]["pvalue"] == 1 / 49


def test_every_revision_of_a_window_draws_the_same_forest():
    once, again = (replace(window(rows(9), model(*BOTH)), revision=revision) for revision in (1, 5))
    found, later = (judge_anomaly(w, PAST, ALPHA, NEVER)[0] for w in (once, again))
    assert found == later


def test_a_revision_may_newly_alarm_only_at_half_the_level():
    levels = [judged(rows(10), "z_score", earlier=Earlier(revisions=times))[0].alpha for times in (0, 1)]
    assert levels[0] == 2 * levels[1]


def test_a_window_with_few_rows_is_not_one_of_the_past():
    assert summary_of(window(rows(11, n=49), model("z_score"))) is None
    assert summary_of(window(rows(11, n=50), model("z_score"))) is not None


def test_what_the_past_tells_a_window_tells_too():
    several = [summary_of(window(rows(15), model("z_score")))] * 2
    held = rows(16)
    rest = Block(held.n, {name: values for name, values in held.columns.items() if name != "x3"})
    told = summary_of(window(rest, model("z_score")), several).statistics()
    assert told["x3", "completeness"].value == pytest.approx(0.06, abs=0.01)
    assert set(told) == {name for name in several[0].names if name[0] != "x3"} | {("x3", "completeness")}


def drift_levels(of: ModelDefinition) -> dict[str, float]:
    reports = evaluate(window(rows(12), of), BASELINE, past=PAST)
    verdicts = next(report for report in reports if report.monitor == "data_drift").verdicts
    tests: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        tests.setdefault(f"{verdict.check} {verdict.mode}", []).append(verdict)
    # With no rejection Benjamini-Hochberg holds every p-value against a part of the level.
    return {name: found[0].alpha * len(found) for name, found in tests.items() if found[0].alpha is not None}


BASELINE = baseline_of(rows(13, n=20_000))


def test_anomalies_take_half_of_the_monitors_budget_and_no_more():
    alone = drift_levels(model())
    assert list(alone) == ["baseline_drift_check calibrated"]
    (whole,) = alone.values()
    with_one = drift_levels(model("z_score"))
    assert with_one["baseline_drift_check calibrated"] == pytest.approx(whole / 2)
    assert sum(with_one.values()) == pytest.approx(whole)
    assert drift_levels(model(*BOTH))["anomaly_check z_score"] == pytest.approx(whole / 4)


def test_anomalies_need_no_baseline():
    reports = evaluate(window(rows(14, shift=1.0), model("z_score")), None, past=PAST)
    report = next(report for report in reports if report.monitor == "data_drift")
    assert report.status == "CompletedWithViolations"
    assert report.statistics["anomaly"]["past_windows"] == 48
    assert report.statistics["anomaly"]["z_scores"]["x0"]["mean"] > 5


BOTH_MODES = {"data_drift": {"anomaly": {"modes": BOTH}}}
EVERYTHING = {
    "problem_type": "BinaryClassification",
    "monitors": BOTH_MODES | {"bias": {"facets": [{"name": "sex"}]}},
}


@pytest.mark.parametrize("asked", [{"monitors": BOTH_MODES}, EVERYTHING])
def test_the_default_past_is_long_enough_for_both_modes_beside_every_monitor(asked):
    assert short_past(ModelDefinition(model="m", **asked)) is None


@pytest.mark.parametrize("asked", [{"false_alarm_every": 500}, {"segments": ("region",)}])
def test_a_past_too_short_for_the_budget_is_told(asked):
    assert "the forest cannot alarm" in short_past(ModelDefinition(model="m", **EVERYTHING, **asked))


@pytest.mark.parametrize("off", [{"enabled": False, "anomaly": {"modes": BOTH}}, {"anomaly": {"modes": ["z_score"]}}])
def test_a_past_is_not_too_short_for_what_is_not_asked(off):
    assert short_past(ModelDefinition(model="m", monitors={"data_drift": off}, false_alarm_every=5_000)) is None
