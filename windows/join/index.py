# SPDX-License-Identifier: Apache-2.0
"""A vectorised hash index from hashed ids to row numbers, confirmed against the ids themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Confirm = Callable[[Rows, Rows], NDArray[np.bool_]]
Alive = Callable[[Rows], NDArray[np.bool_]]

_MIN_BITS = 10
_TAIL = 4_096
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class IdIndex:
    """Open addressing with linear probing in one array of `hash << 32 | row + 1`, where 0 is a free slot.

    The home slot is the top of the hash, so sorted entries are in slot order and a rebuild places all of them in one
    pass. Rows leave only by a rebuild; until then the caller's `confirm` refuses the dead ones. At most half of the
    slots are filled, hence 16 to 43 bytes a row. Past the last home slot lies a tail instead of a wrap-around.

    Examples
    --------
    >>> ids = np.array([7, 8, 9])
    >>> index, hashes = IdIndex(), np.array([1, 1, 5], dtype=np.uint32)
    >>> index.insert(hashes, 0, lambda rows, which: ids[rows] == ids[which], lambda rows: rows >= 0).tolist()
    [-1, -1, -1]
    >>> index.find(hashes[1:], lambda rows, which: ids[rows] == ids[1:][which]).tolist()
    [1, 2]
    """

    def __init__(self) -> None:
        self._bits = _MIN_BITS
        self._entries = np.zeros((1 << self._bits) + _TAIL, np.uint64)
        self._filled = 0
        self._dropped = 0

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._entries.nbytes

    def drop(self, rows: int) -> None:
        """Renumber: what was row `rows` is row 0 from now on; the rows before it are dead."""
        self._dropped += rows

    def find(self, hashes: NDArray[np.uint32], confirm: Confirm) -> Rows:
        """Find the row of each id, -1 where there is none.

        Parameters
        ----------
        hashes : ndarray of uint32, shape (n,)
        confirm : callable
            Given rows and the positions in `hashes` they may belong to, tells which are alive and hold that id.
        """
        found = np.full(len(hashes), -1, np.int64)
        self._probe(hashes, self._home(hashes), np.arange(len(hashes)), found, confirm)
        return found

    def insert(self, hashes: NDArray[np.uint32], first: int, confirm: Confirm, alive: Alive) -> Rows:
        """Give ids the rows `first`, `first + 1`, ... in order, but none to an id that is held already.

        Parameters
        ----------
        hashes : ndarray of uint32, shape (n,)
        first : int
            Row of the first new id.
        confirm : callable
            As of `find`; asked about the row `first + i` it compares with the `i`-th id of this call.
        alive : callable
            Tells which rows are worth keeping when the index is rebuilt.

        Returns
        -------
        ndarray of int64, shape (n,)
            -1 for a new id; the row that holds it for one that was held; of two equal ids in one call the first is
            new, and the second gets the first's row.
        """
        n = len(hashes)
        self._reserve(n, alive)
        held = np.full(n, -1, np.int64)
        entries = hashes.astype(np.uint64) << _HALF
        entries |= np.arange(first + self._dropped + 1, first + self._dropped + n + 1, dtype=np.uint64)
        slots = self._home(hashes)
        self._claim(hashes, entries, slots, held, confirm)
        fresh = held < 0
        accepted = int(np.count_nonzero(fresh))
        if accepted < n:
            self._renumber(slots[fresh], entries[fresh], first, held)
        self._filled += accepted
        return held

    def _claim(
        self, hashes: NDArray[np.uint32], entries: NDArray[np.uint64], slots: Rows, held: Rows, confirm: Confirm
    ) -> None:
        """Write entries to the first free slot from `slots` on, which is moved there, or find the row that is held."""
        which, at = np.arange(len(hashes)), slots
        while which.size:
            free = self._entries.take(at) == 0
            # Backwards, since the last of several writes to a slot stays: the earlier arrival must win.
            self._entries[at[free][::-1]] = entries[free][::-1]
            seen = self._entries.take(at)
            other = np.flatnonzero(seen != entries)
            which, at, seen, hashes, entries = which[other], at[other], seen[other], hashes[other], entries[other]
            same = np.flatnonzero((seen >> _HALF).astype(np.uint32) == hashes)
            if same.size:
                rows = self._row(seen[same])
                sure = self._confirmed(rows, which[same], confirm)
                held[which[same[sure]]] = rows[sure]
                on = held[which] < 0
                which, at, hashes, entries = which[on], at[on], hashes[on], entries[on]
            at += 1
            slots[which] = at

    def _renumber(self, slots: Rows, entries: NDArray[np.uint64], first: int, held: Rows) -> None:
        # The refused ids leave no holes in the row numbers: close them up in the slots and in the answers.
        start = first + self._dropped + 1
        self._entries[slots] = (entries & ~_LOW) | np.arange(start, start + len(slots), dtype=np.uint64)
        late = held >= first
        shift = np.cumsum(held >= 0)
        held[late] -= shift[held[late] - first]

    def _home(self, hashes: NDArray[np.uint32]) -> Rows:
        return (hashes >> np.uint32(32 - self._bits)).astype(np.int64)

    def _row(self, entries: NDArray[np.uint64]) -> Rows:
        rows: Rows = (entries & _LOW).astype(np.int64)
        rows -= 1 + self._dropped
        return rows

    def _probe(self, hashes: NDArray[np.uint32], slots: Rows, todo: Rows, found: Rows, confirm: Confirm) -> None:
        while todo.size:
            seen = self._entries.take(slots)
            same = (seen >> _HALF).astype(np.uint32) == hashes
            same &= seen != 0
            on = seen != 0
            hit = np.flatnonzero(same)
            if hit.size:
                rows = self._row(seen[hit])
                sure = self._confirmed(rows, todo[hit], confirm)
                found[todo[hit[sure]]] = rows[sure]
                on[hit[sure]] = False
            todo, slots, hashes = todo[on], slots[on] + 1, hashes[on]

    @staticmethod
    def _confirmed(rows: Rows, which: Rows, confirm: Confirm) -> NDArray[np.bool_]:
        # Dropped rows have negative numbers, which would read the other end of the caller's arrays.
        return confirm(np.maximum(rows, 0), which) & (rows >= 0)

    def _reserve(self, more: int, alive: Alive) -> None:
        if 2 * (self._filled + more) <= 1 << self._bits:
            return
        entries = self._entries[self._entries != 0]
        rows = self._row(entries)
        keep = np.flatnonzero(rows >= 0)
        keep = keep[alive(rows[keep])]
        entries = entries[keep] - np.uint64(self._dropped)
        self._dropped, self._filled = 0, len(entries)
        # Room for half as many again before the next rebuild, or it would come too soon.
        self._bits = max(_MIN_BITS, int(np.ceil(np.log2(max(8 * (len(entries) + more) / 3, 1)))))
        self._entries = np.zeros((1 << self._bits) + _TAIL, np.uint64)
        self._place(entries)

    def _place(self, entries: NDArray[np.uint64]) -> None:
        # Already in slot order but for collisions, which a merge sort makes use of: 10 ms for 2 M, not 100.
        entries.sort(kind="stable")
        order = np.arange(len(entries))
        home = (entries >> np.uint64(64 - self._bits)).astype(np.int64)
        # The slot of the i-th is max(home_i, slot_{i-1} + 1), a running maximum once i is taken off.
        self._entries[np.maximum.accumulate(home - order) + order] = entries
