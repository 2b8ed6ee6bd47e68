# SPDX-License-Identifier: Apache-2.0
"""Silence at the end of a source partition, the only wall-clock time that may move stream time."""

from __future__ import annotations

from windows.events import Side, TimeAdvanced


class Silence:
    """Measures how long one source partition was at its end without a record.

    Time during which more may lie on the broker, or the broker did not answer, is not silence.

    Parameters
    ----------
    now_ms : int
        A clock that never goes back.

    Examples
    --------
    >>> silence = Silence(0)
    >>> silence.tick("events", 400, at_end=False), silence.tick("events", 1_000, at_end=True)
    (None, TimeAdvanced(side='events', elapsed_ms=600))
    """

    def __init__(self, now_ms: int) -> None:
        self._since_ms = now_ms

    def broken(self, now_ms: int) -> None:
        """Start anew: a block arrived."""
        self._since_ms = now_ms

    def tick(self, side: Side, now_ms: int, *, at_end: bool) -> TimeAdvanced | None:
        """Say how much silence passed since the last call or block."""
        elapsed_ms, self._since_ms = now_ms - self._since_ms, now_ms
        return TimeAdvanced(side, elapsed_ms) if at_end and elapsed_ms > 0 else None
