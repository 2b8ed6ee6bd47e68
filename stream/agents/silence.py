# SPDX-License-Identifier: Apache-2.0
"""Silence at the end of a source partition, the only wall-clock time that may move stream time."""

from __future__ import annotations

from windows.events import Side, TimeAdvanced


class Silence:
    """Measures for how long one source partition was seen at its end, whatever was read between the looks.

    Rows of a model begin its silence anew; those of another do not. Time during which more may lie on the broker, or
    the broker did not answer, is not silence.

    Parameters
    ----------
    now_ms : int
        A clock that never goes back.
    longest_ms : int
        Looks further apart measure nothing: between them the worker stood still and may have caught up with a backlog.

    Examples
    --------
    >>> silence = Silence(0, longest_ms=5_000)
    >>> silence.tick("events", 400, at_end=True), silence.tick("events", 1_000, at_end=True)
    (None, TimeAdvanced(side='events', elapsed_ms=600))
    """

    def __init__(self, now_ms: int, *, longest_ms: int) -> None:
        self._since_ms = now_ms
        self._longest_ms = longest_ms
        self._at_end = False

    def tick(self, side: Side, now_ms: int, *, at_end: bool) -> TimeAdvanced | None:
        """Say how much silence passed since the last look."""
        elapsed_ms, self._since_ms = now_ms - self._since_ms, now_ms
        throughout, self._at_end = self._at_end and at_end, at_end
        return TimeAdvanced(side, elapsed_ms) if throughout and 0 < elapsed_ms <= self._longest_ms else None
