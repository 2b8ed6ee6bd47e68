# SPDX-License-Identifier: Apache-2.0
"""The past windows of a model version, as far as later windows are compared with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sketches.errors import CorruptState
from sketches.packing import pack, text, unpack
from windows.statistics.window_statistics import Name, Statistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PastWindow:
    """The statistics of one window.

    Parameters
    ----------
    rows : int
        Of the window.
    names : tuple of (str, str)
        Columns and their statistics.
    values, errors : ndarray of float64, shape (names,)
        Of each statistic, its value and what it is off by chance.

    Examples
    --------
    >>> window = PastWindow.of(400, {("age", "mean"): Statistic(41.5, 0.25)})
    >>> PastWindow.from_bytes(window.to_bytes()).statistics()
    {('age', 'mean'): Statistic(value=41.5, error=0.25)}
    """

    rows: int
    names: tuple[Name, ...]
    values: Floats
    errors: Floats

    @classmethod
    def of(cls, rows: int, statistics: Mapping[Name, Statistic]) -> Self:
        """Keep what `window_statistics` gave."""
        pairs = np.array(list(statistics.values()), float).reshape(-1, 2)
        return cls(rows, tuple(statistics), pairs[:, 0].copy(), pairs[:, 1].copy())

    def statistics(self) -> dict[Name, Statistic]:
        """Give it back."""
        pairs = zip(self.values.tolist(), self.errors.tolist(), strict=True)
        return {name: Statistic(*pair) for name, pair in zip(self.names, pairs, strict=True)}

    def to_bytes(self) -> bytes:
        """Write the statistics, exactly."""
        numbers = (part.astype("<f8").tobytes() for part in (self.values, self.errors))
        return pack(json.dumps([self.rows, self.names]).encode(), *numbers)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; raises `CorruptState`."""
        head, *parts = unpack(data, 3, "past window")
        try:
            rows, names = json.loads(text(head, "past window"))
            values, errors = (np.frombuffer(part, "<f8").astype(float) for part in parts)
            known = tuple((str(column), str(statistic)) for column, statistic in names)
            rows = int(rows)
        except (ValueError, TypeError, RecursionError) as error:
            msg = f"cannot read past window: expected rows, names and numbers, got {error}"
            raise CorruptState(msg) from error
        if not len(known) == len(values) == len(errors):
            msg = f"cannot read past window: expected {len(known)} values and errors, got {len(values)}, {len(errors)}"
            raise CorruptState(msg)
        return cls(rows, known, values, errors)


class History:
    """The past windows of one model version, by start; the newest statistics of a window replace older ones.

    Examples
    --------
    >>> history = History()
    >>> for hour in range(4):
    ...     history.put(hour, PastWindow.of(9, {("age", "mean"): Statistic(float(hour), 0.0)}))
    >>> [window.values.tolist() for window in history.before(3, 2)]
    [[1.0], [2.0]]
    >>> history.trim(2, 1), len(history)
    ([0], 3)
    """

    def __init__(self) -> None:
        self._windows: dict[int, PastWindow] = {}
        self._names: tuple[Name, ...] = ()

    def __len__(self) -> int:
        return len(self._windows)

    def put(self, start_ms: int, window: PastWindow) -> None:
        """Take a window in."""
        # Windows mostly have the same statistics: their names are kept once.
        self._names = self._names if window.names == self._names else window.names
        self._windows[start_ms] = replace(window, names=self._names)

    def before(self, start_ms: int, most: int) -> list[PastWindow]:
        """Give the last `most` windows that start before a time, the oldest first."""
        starts = sorted(start for start in self._windows if start < start_ms)
        return [self._windows[start] for start in starts[-most:]]

    def trim(self, oldest_ms: int | None, most: int) -> list[int]:
        """Forget all but the last `most` windows before the oldest that may be judged; gives the starts forgotten.

        Parameters
        ----------
        oldest_ms : int or None
            Start of the oldest window that may be judged again; None if there is none.
        most : int
            Windows that one is compared with; 0 forgets later ones too.
        """
        past = sorted(start for start in self._windows if oldest_ms is None or not most or start < oldest_ms)
        gone = past[: max(len(past) - most, 0)]
        for start in gone:
            del self._windows[start]
        return gone


def names_of(past: Iterable[PastWindow]) -> tuple[Name, ...]:
    """List every statistic that a window has, in the order they come."""
    distinct = {id(window.names): window.names for window in past}
    return tuple(dict.fromkeys(name for names in distinct.values() for name in names))


def table_of(names: tuple[Name, ...], past: Sequence[PastWindow]) -> tuple[Floats, Floats]:
    """Arrange past windows as rows, statistics as columns.

    Parameters
    ----------
    names : tuple of (str, str)
        The columns wanted.
    past : sequence of PastWindow

    Returns
    -------
    values, errors : ndarray of float64, shape (past, names)
        NaN where a window lacks a statistic.
    """
    both = np.full((2, len(past), len(names)), np.nan)
    wanted = {name: i for i, name in enumerate(names)}
    alike: dict[int, list[int]] = {}
    for row, window in enumerate(past):
        alike.setdefault(id(window.names), []).append(row)
    for rows in alike.values():
        pairs = [(wanted[name], i) for i, name in enumerate(past[rows[0]].names) if name in wanted]
        to, of = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
        for table, parts in zip(both, ([past[r].values for r in rows], [past[r].errors for r in rows]), strict=True):
            table[np.array(rows)[:, None], to] = np.stack(parts)[:, of]
    return both[0], both[1]
