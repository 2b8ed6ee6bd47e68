# SPDX-License-Identifier: Apache-2.0
"""Past windows: what is kept, how long, and that bytes give it back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketches.errors import CorruptState
from sketches.packing import pack
from windows.history import History, PastWindow, table_of
from windows.statistics.window_statistics import Statistic

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
STATISTICS = st.dictionaries(
    st.tuples(st.text(max_size=9), st.text(max_size=9)), st.builds(Statistic, NUMBERS, NUMBERS), max_size=9
)


@given(st.integers(0, 2**40), STATISTICS)
def test_bytes_give_a_window_back_exactly(rows, statistics):
    window = PastWindow.of(rows, statistics)
    again = PastWindow.from_bytes(window.to_bytes())
    assert (again.rows, again.statistics()) == (rows, statistics)
    assert again.to_bytes() == window.to_bytes()


@pytest.mark.parametrize("keep", [0, 3, 20, -1])
def test_damaged_bytes_are_refused(keep):
    data = PastWindow.of(9, {("age", "mean"): Statistic(1.0, 2.0)}).to_bytes()
    with pytest.raises(CorruptState):
        PastWindow.from_bytes(data[:keep])


@pytest.mark.parametrize("head", [b"{}", b"[1]", b'[1, [["a"]]]', b"[[1], []]", b"\xff"])
def test_bytes_of_another_form_are_refused(head):
    with pytest.raises(CorruptState, match="past window"):
        PastWindow.from_bytes(pack(head, b"", b""))


def history(*starts: int) -> History:
    kept = History()
    for start in starts:
        kept.put(start, PastWindow.of(start, {}))
    return kept


def rows(windows: list[PastWindow]) -> list[int]:
    return [window.rows for window in windows]


def test_a_window_sees_the_last_windows_that_start_before_it_in_whatever_order_they_came():
    assert rows(history(3, 1, 4, 2, 5).before(4, 2)) == [2, 3]
    assert rows(history(3, 1, 4, 2, 5).before(1, 9)) == []


def test_the_newest_statistics_of_a_window_replace_older_ones():
    kept = history(1, 2)
    kept.put(1, PastWindow.of(70, {}))
    assert rows(kept.before(9, 9)) == [70, 2]


@given(st.sets(st.integers(0, 60)), st.integers(0, 60), st.integers(1, 10))
def test_what_is_forgotten_is_seen_by_no_window_that_may_still_be_judged(starts, oldest, most):
    kept, whole = history(*starts), history(*starts)
    gone = kept.trim(oldest, most)
    assert all(rows(kept.before(at, most)) == rows(whole.before(at, most)) for at in range(oldest, 62))
    assert sorted([*gone, *rows(kept.before(99, 99))]) == sorted(starts)
    assert len([start for start in rows(kept.before(99, 99)) if start < oldest]) <= most


def test_without_windows_to_judge_the_last_are_kept_and_none_if_none_are_wanted():
    assert history(1, 2, 3).trim(None, 2) == [1]
    assert history(1, 2, 3).trim(2, 0) == [1, 2, 3]


def test_a_table_has_a_row_a_window_and_nan_where_one_lacks_a_statistic():
    a, b, c = ("x", "mean"), ("x", "sd"), ("y", "mean")
    past = [PastWindow.of(1, {a: Statistic(1, 2), b: Statistic(3, 4)}), PastWindow.of(1, {b: Statistic(5, 6)})]
    values, errors = table_of((b, c, a), past)
    assert np.array_equal(values, [[3, np.nan, 1], [5, np.nan, np.nan]], equal_nan=True)
    assert np.array_equal(errors, [[4, np.nan, 2], [6, np.nan, np.nan]], equal_nan=True)
