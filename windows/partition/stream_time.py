# SPDX-License-Identifier: Apache-2.0
"""Stream time of one model in one partition: how far its events and its labels have come."""

from __future__ import annotations

from windows.events import Side


class StreamTime:
    """The largest event time seen on each side, moved on by silence.

    Parameters
    ----------
    events_ms, labels_ms : int or None
        Event time in milliseconds UTC, None before the first.
    silent_ms : dict of Side to int
        Wall-clock time for which each side has been silent.

    Examples
    --------
    >>> time = StreamTime()
    >>> time.seen("events", 5_000)
    True
    >>> time.silent("events", 400, patience_ms=600), time.events_ms
    (False, 5000)
    >>> time.silent("events", 400, patience_ms=600), time.events_ms
    (True, 5800)
    """

    def __init__(
        self,
        events_ms: int | None = None,
        labels_ms: int | None = None,
        silent_ms: dict[Side, int] | None = None,
    ) -> None:
        self.events_ms = events_ms
        self.labels_ms = labels_ms
        self.silent_ms: dict[Side, int] = silent_ms or {"events": 0, "labels": 0}

    def seen(self, side: Side, time_ms: int) -> bool:
        """Note a record of an event time; true if stream time moved."""
        self.silent_ms[side] = 0
        return self._raise(side, time_ms)

    def silent(self, side: Side, elapsed_ms: int, *, patience_ms: int) -> bool:
        """Note that nothing came for a while; true if stream time moved.

        Until the silence has lasted `patience_ms` it only adds up; then all of it is added to stream time, never set
        to now: a pause in a replay of last year must not jump to today. Silent labels have also caught up with the
        events, since whatever label there is has been read.
        """
        before = self.silent_ms[side]
        self.silent_ms[side] = before + elapsed_ms
        if before + elapsed_ms < patience_ms:
            return False
        added = elapsed_ms if before >= patience_ms else before + elapsed_ms
        if side == "events":
            return self.events_ms is not None and self._raise("events", self.events_ms + added)
        reached = [self.events_ms] if self.labels_ms is None else [self.labels_ms + added, self.events_ms]
        times = [time_ms for time_ms in reached if time_ms is not None]
        return bool(times) and self._raise("labels", max(times))

    def _raise(self, side: Side, time_ms: int) -> bool:
        now_ms = self.events_ms if side == "events" else self.labels_ms
        if now_ms is not None and time_ms <= now_ms:
            return False
        if side == "events":
            self.events_ms = time_ms
        else:
            self.labels_ms = time_ms
        return True

    def labels_closing_ms(self, *, awaited: bool) -> int | None:
        """How far both sides have come; the events alone if no labels are awaited. None if a side has not begun."""
        if not awaited:
            return self.events_ms
        if self.events_ms is None or self.labels_ms is None:
            return None
        return min(self.events_ms, self.labels_ms)
