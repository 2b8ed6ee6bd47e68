# SPDX-License-Identifier: Apache-2.0
"""Which definition and which window an event time belongs to, and when windows fall due."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from windows.definition import ModelDefinition

Times = NDArray[np.int64]


class Timeline:
    """The definitions of one model version, one after the other.

    A later definition holds from the first start of its own windows at or after its `effective_from_ms`, so that each
    window has one definition, and each event time one window.

    Parameters
    ----------
    definitions : tuple of ModelDefinition
        Oldest first, at least one.

    Examples
    --------
    >>> timeline = Timeline((ModelDefinition(model="m", window={"size": "1h"}),))
    >>> timeline.starts(np.array([3_600_001])).tolist(), timeline.next_start(3_600_000)
    ([3600000], 7200000)
    """

    def __init__(self, definitions: tuple[ModelDefinition, ...]) -> None:
        self.definitions = definitions
        later = [-(-d.effective_from_ms // d.window.size) * d.window.size for d in definitions[1:]]
        self._since = np.maximum.accumulate(np.array(later, np.int64)) if later else np.zeros(0, np.int64)
        self._sizes = np.array([d.window.size for d in definitions], np.int64)
        windows = [d.window for d in definitions]
        self._periods = sorted({(w.size, o) for w in windows for o in (w.grace, w.label_horizon, w.retention_ms)})

    def at(self, time_ms: int) -> ModelDefinition:
        """The definition that holds at a time, or for the window that starts then."""
        return self.definitions[bisect_right(self._since, time_ms)]

    def starts(self, times_ms: Times) -> Times:
        """Start of the window of each time."""
        if len(self.definitions) == 1:
            return times_ms - times_ms % int(self._sizes[0])
        return times_ms - times_ms % self._sizes[np.searchsorted(self._since, times_ms, side="right")]

    def start(self, time_ms: int) -> int:
        """Start of the window of one time."""
        return int(self.starts(np.array([time_ms]))[0])

    def next_start(self, start_ms: int) -> int:
        """Start of the window after the one that starts at a time."""
        which = bisect_right(self._since, start_ms)
        following = start_ms + int(self._sizes[which])
        return following if which == len(self._since) else min(following, int(self._since[which]))

    def next_deadline(self, now_ms: int) -> int:
        """The first time after now at which a window of this model version, held or not, may fall due."""
        return min(((now_ms - offset) // size + 1) * size + offset for size, offset in self._periods)


def segments(
    times_ms: Times, now_ms: int | None, deadline_after: Callable[[int], int]
) -> Iterator[tuple[int, int, int]]:
    """Cut rows so that no window falls due within a piece.

    Where a block ends must not decide which rows are late: stream time is the running maximum of the rows, and a piece
    ends before the row that carries it past a deadline.

    Parameters
    ----------
    times_ms : ndarray of int64, shape (n,)
        Event times in arrival order.
    now_ms : int or None
        Stream time before them.
    deadline_after : callable
        The first deadline after a time.

    Yields
    ------
    tuple of int
        First row, row after the last, and stream time at the first row.

    Examples
    --------
    >>> list(segments(np.array([1, 3, 12, 2, 25]), None, lambda now: now // 10 * 10 + 10))
    [(0, 2, 1), (2, 4, 12), (4, 5, 25)]
    """
    if not len(times_ms):
        return
    first, latest = 0, int(times_ms.max())
    now = int(times_ms[0]) if now_ms is None else max(now_ms, int(times_ms[0]))
    running = None
    while (deadline := deadline_after(now)) <= latest:
        if running is None:
            running = np.maximum.accumulate(times_ms)
        stop = first + int(np.searchsorted(running[first:], deadline))
        yield first, stop, now
        first, now = stop, int(running[stop])
    yield first, len(times_ms), now
