# SPDX-License-Identifier: Apache-2.0
"""A user's own monitor is loaded if allowed, held to the laws, and judged within the budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sketches.block import Block
from tests.windows.build import block, window_of
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.baselines.baseline_records import baseline_from_records, baseline_records
from windows.baselines.suggest import suggest
from windows.definition import ModelDefinition
from windows.errors import ExtensionError
from windows.evaluate import evaluate
from windows.extensions import check_extensions, load
from windows.monitors.catalogue import monitor_alpha
from windows.violations import violations_of

USE = "tests.windows.zeros:Zeros"


def definition_of(use: str = USE, column: str = "amount") -> ModelDefinition:
    custom = {"zero_amounts": {"use": use, "options": {"column": column}}}
    return ModelDefinition.model_validate({"model": "m", "monitors": {"custom": custom}})


def rows(n: int, share: float) -> Block:
    rng = np.random.default_rng(1)
    return block(amount=np.where(rng.random(n) < share, 0.0, 1.0 + rng.random(n)))


def test_a_monitor_of_ones_own_is_judged_like_the_others() -> None:
    model = definition_of()
    baseline = suggest([rows(20_000, 0.1)], model="m", definition=model).baseline
    reports = {share: evaluate(window_of(rows(2_000, share), model), baseline)[-1] for share in (0.1, 0.14)}
    assert [report.monitor for report in reports.values()] == ["zero_amounts"] * 2
    assert reports[0.1].status == "Completed"
    (found,) = violations_of(reports[0.14])
    assert (found.monitor, found.verdict.subject, found.verdict.check) == ("zero_amounts", "amount", "zeros_check")
    assert reports[0.14].verdicts[0].alpha == pytest.approx(monitor_alpha(model, "zero_amounts"))
    assert sum(monitor_alpha(model, name) for name in ("data_quality", "data_drift", "zero_amounts")) == pytest.approx(
        1 / 50
    )


def test_the_state_of_a_monitor_of_ones_own_is_part_of_the_baseline(tmp_path: Path) -> None:
    model = definition_of()
    made = suggest([rows(20_000, 0.1)], model="m", definition=model).baseline
    window = window_of(rows(2_000, 0.14), model)
    write_baseline(made, tmp_path)
    for read in (baseline_from_records(dict(baseline_records(made))), read_baseline(tmp_path)):
        assert evaluate(window, read)[-1] == evaluate(window, made)[-1]
        assert dict(baseline_records(read)) == dict(baseline_records(made))
    changed = window_of(rows(2_000, 0.14), definition_of(column="age"))
    assert [verdict.outcome for verdict in evaluate(changed, read_baseline(tmp_path))[-1].verdicts] == ["insufficient"]


def test_a_sound_monitor_is_accepted_where_it_is_allowed() -> None:
    check_extensions(definition_of(), {USE})


@pytest.mark.parametrize(
    ("use", "allowed", "said"),
    [
        (USE, (), r"expected use to be one of extensions = \[\], got 'tests.windows.zeros:Zeros'"),
        ("os:system", (USE,), "expected use to be one of extensions"),
        ("tests.windows.zeros:nothing", ("tests.windows.zeros:nothing",), "expected an entry point"),
        ("no.such.module:thing", ("no.such.module:thing",), "No module named"),
        ("unknown", ("unknown",), "expected an entry point of the group 'sketchwatch.monitors'"),
        ("tests.windows.zeros:not_a_monitor", ("tests.windows.zeros:not_a_monitor",), "expected of_labels, spec"),
        ("tests.windows.zeros:Forgetful", ("tests.windows.zeros:Forgetful",), "law broken"),
    ],
)
def test_any_other_monitor_is_refused_before_it_runs(use: str, allowed: tuple[str, ...], said: str) -> None:
    with pytest.raises(ExtensionError, match=said):
        check_extensions(definition_of(use), allowed)


def test_a_monitor_of_labels_needs_a_problem_type() -> None:
    with pytest.raises(ExtensionError, match="expected a problem_type"):
        check_extensions(definition_of("tests.windows.zeros:OfLabels"), {"tests.windows.zeros:OfLabels"})


def test_a_monitor_cannot_take_a_built_in_name() -> None:
    with pytest.raises(ValueError, match="names other than those of built-in"):
        ModelDefinition.model_validate({"model": "m", "monitors": {"custom": {"bias": {"use": USE}}}})


def test_a_monitor_is_loaded_once() -> None:
    assert load(USE) is load(USE)


def test_a_monitor_suffers_nothing_from_one_whose_name_begins_like_its_own() -> None:
    zeros = {"use": USE, "options": {"column": "amount"}}
    model = ModelDefinition.model_validate({"model": "m", "monitors": {"custom": {"zeros": zeros, "zeros2": zeros}}})
    window = replace(window_of(rows(2_000, 0.1), model), unmerged=("custom/zeros2",))
    first, second = evaluate(window, suggest([rows(20_000, 0.1)], model="m", definition=model).baseline)[-2:]
    assert (first.monitor, first.status) == ("zeros", "Completed")
    assert "cannot merge custom/zeros2" in str(second.verdicts[0].reason)
