# SPDX-License-Identifier: Apache-2.0
"""Past windows beside the judgements: when they are forgotten, and what must not stop a judgement."""

from __future__ import annotations

import pytest

from sketches.errors import CorruptState
from stream.agents import pasts
from stream.agents.pasts import Pasts
from tests.windows.build import block, definition, window_of
from windows.definition import Catalog
from windows.history import PastWindow

MODEL = definition(data_drift={"anomaly": {"modes": ["z_score"], "windows": 24}})
EMPTY = PastWindow.of(1, {}).to_bytes()


def holding(catalog: Catalog, hours: int) -> Pasts:
    held = Pasts(catalog)
    for start_ms in range(hours):
        held.recall(("m", "1", start_ms), EMPTY)
    return held


def test_a_version_without_definition_is_forgotten_once_it_has_no_window_left() -> None:
    held = holding(Catalog(), 3)
    assert held.forget(lambda model, version: 2) == []
    held.touch("m", "1")
    assert [one.window[2] for one in held.forget(lambda model, version: None)] == [0, 1, 2]


def test_a_version_is_looked_at_only_when_one_of_its_windows_was_judged_or_has_gone() -> None:
    held = holding(Catalog((MODEL,)), 30)
    assert [one.window[2] for one in held.forget(lambda model, version: 29)] == list(range(5))

    def never(model: str, version: str) -> int | None:
        pytest.fail("nothing happened since")

    assert held.forget(never) == []


def test_a_window_that_cannot_be_summed_up_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> PastWindow:
        msg = "nothing adds up"
        raise ArithmeticError(msg)

    monkeypatch.setattr(pasts, "summary_of", fails)
    assert Pasts(Catalog((MODEL,))).follow(window_of(block(x=[1.0] * 60), MODEL)) == []


def test_a_damaged_window_is_refused() -> None:
    with pytest.raises(CorruptState):
        Pasts(Catalog()).recall(("m", "1", 0), EMPTY[:-2])
