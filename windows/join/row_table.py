# SPDX-License-Identifier: Apache-2.0
"""Pending rows of one model version whose ids have one length: what a late label needs to find and to correct."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from windows.join.carried import Layout
from windows.join.ids import IdHash, as_keys
from windows.join.index import IdIndex, Rows
from windows.join.truths import NONE, Truths, no_values

DEAD = np.iinfo(np.int64).min
_GROWTH = 1.25
_CHUNK_BYTES = 65_536
_COLUMNS = ("ids", "at_ms", "codes", "numbers", "label", "value")


class RowTable:
    """Append-only columns of rows beside an index of their ids.

    Rows are numbered from 0; `base` is the number, since the table began, of row 0. A *chunk* is a run of `chunk_rows`
    consecutive rows counted from the beginning: the unit of persistence and of giving memory back. A row dies in place
    (`at_ms` becomes `DEAD`) and leaves once it is in a run of dead chunks at the front, or once most rows behind
    the front are dead too.

    Parameters
    ----------
    length : int
        Bytes of an id.
    id_hash : IdHash
        The store's keyed hash.
    layout : Layout
        What a row keeps beside its id, time and label.
    """

    def __init__(self, length: int, id_hash: IdHash, layout: Layout) -> None:
        self.length = length
        self.layout = layout
        self.chunk_rows = 1 << max(int(np.log2(_CHUNK_BYTES / (length + layout.row_bytes))), 0)
        self.base = 0
        self.n = 0
        self.live = 0
        self._hash = id_hash
        self._names = _COLUMNS if layout.numeric else _COLUMNS[:-1]
        self._front = 0
        self._index = IdIndex()
        self.ids: NDArray[np.void] = np.zeros(0, f"V{length}")
        self.at_ms: Rows = np.zeros(0, np.int64)
        self.codes: NDArray[np.int16] = np.zeros((0, len(layout.codes)), np.int16)
        self.numbers: NDArray[np.float64] = np.zeros((0, len(layout.numbers)), np.float64)
        self.label: NDArray[np.int16] = np.zeros(0, np.int16)
        self.value: NDArray[np.float64] = np.zeros(0, np.float64)
        self.relabelled: NDArray[np.bool_] = np.zeros(0, bool)
        self.unwritten = 0

    @property
    def nbytes(self) -> int:
        """Bytes held: columns as allocated, and the index."""
        return sum(column.nbytes for column in self._columns) + self.relabelled.nbytes + self._index.nbytes

    @property
    def _columns(self) -> list[NDArray[Any]]:
        return [getattr(self, name) for name in self._names]

    def hashes(self, ids: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Hash ids for `add` and `find`, so that several tables share the work."""
        return self._hash(ids)

    def find(self, ids: NDArray[np.uint8], hashes: NDArray[np.uint32]) -> Rows:
        """Find the living row of each id, `NONE` where there is none."""
        if not self.live:
            return np.full(len(ids), NONE, np.int64)
        wanted = as_keys(ids)
        return self._index.find(hashes, lambda rows, which: self._holds(rows, wanted[which]))

    def add(
        self,
        ids: NDArray[np.uint8],
        hashes: NDArray[np.uint32],
        at_ms: Rows,
        *,
        codes: NDArray[np.int16] | int = NONE,
        numbers: NDArray[np.float64] | float = np.nan,
        labels: Truths | None = None,
    ) -> Rows:
        """Append the rows whose id is not held, in order.

        Parameters
        ----------
        ids : ndarray of uint8, shape (n, length)
        hashes : ndarray of uint32, shape (n,)
        at_ms : ndarray of int64, shape (n,)
            Start of the row's window; for an early label, when it came.
        codes : ndarray of int16, shape (n, number of the layout's codes), or int
            `NONE` for none.
        numbers : ndarray of float64, shape (n, number of the layout's numbers), or float
            NaN for none.
        labels : Truths, optional

        Returns
        -------
        ndarray of int64, shape (n,)
            `NONE` for a row that was added, else the row that holds the id; added rows are `table.n` as it was, and on.
        """
        first, n = self.n, len(ids)
        self._reserve(n)
        new = slice(first, first + n)
        self.ids[new], self.at_ms[new] = as_keys(ids), at_ms
        wanted = self.ids[new]
        held = self._index.insert(hashes, first, lambda rows, which: self._holds(rows, wanted[which]), self._alive)
        fresh = held < 0
        added = int(np.count_nonzero(fresh))
        if added < n:
            self.ids[first : first + added] = wanted[fresh]
            self.at_ms[first : first + added] = at_ms[fresh]
            codes = codes[fresh] if isinstance(codes, np.ndarray) else codes
            numbers = numbers[fresh] if isinstance(numbers, np.ndarray) else numbers
            labels = None if labels is None else labels.take(fresh)
        new = slice(first, first + added)
        self.codes[new], self.numbers[new], self.label[new] = codes, numbers, NONE
        if self.layout.numeric:
            self.value[new] = np.nan
        self.n += added
        self.live += added
        if labels is not None:
            # Rows that come with a label need the record of labels beside their own.
            self.set_labels(np.arange(first, first + added), labels)
        return held

    def labels(self, rows: Rows) -> Truths:
        """Labels of rows; without numbers unless the layout has them."""
        value = self.value[rows] if self.layout.numeric else no_values(len(rows))
        return Truths(self.label[rows], value)

    def set_labels(self, rows: Rows, labels: Truths) -> None:
        """Change the labels of rows; of several for one row the last stays."""
        self.label[rows] = labels.code
        if self.layout.numeric:
            self.value[rows] = labels.value
        self._touch(rows)

    def kill(self, rows: Rows) -> None:
        """Let rows die; none may be dead or given twice."""
        if len(rows):
            self.at_ms[rows] = DEAD
            self.live -= len(rows)
            self._touch(rows)

    def kill_window(self, start_ms: int) -> None:
        """Let all rows of a window die."""
        self.kill(np.flatnonzero(self.at_ms[: self.n] == start_ms))

    def kill_before(self, time_ms: int) -> int:
        """Let all rows of earlier times die; returns how many."""
        at_ms = self.at_ms[: self.n]
        rows = np.flatnonzero((at_ms < time_ms) & (at_ms != DEAD))
        self.kill(rows)
        return len(rows)

    def kill_oldest(self, limit: int) -> Rows:
        """Let the oldest rows die until at most `limit` live; returns which."""
        excess = self.live - limit
        if excess <= 0:
            return np.zeros(0, np.int64)
        rows = np.zeros(0, np.int64)
        stop = self._skip_dead()
        while len(rows) < excess:
            start, stop = self._front, min(self.n, stop + 2 * excess)
            rows = start + np.flatnonzero(self.at_ms[start:stop] != DEAD)[:excess]
        self.kill(rows)
        self._front = int(rows[-1]) + 1
        return rows

    def oldest_ms(self) -> int:
        """Time of the oldest living row; there must be one."""
        return int(self.at_ms[self._skip_dead()])

    def settle(self) -> None:
        """Give the memory of dead rows back, if there are enough of them to be worth it."""
        if not self.live:
            self._drop(self.n)
            return
        dead = self.n - self.live
        if dead <= self.n // 4 or dead < self.chunk_rows:
            return
        front = self._skip_dead() // self.chunk_rows * self.chunk_rows
        if front >= self.n // 4:
            self._drop(front)
        elif dead - front > self.n // 2:
            self._renumber()

    def _skip_dead(self) -> int:
        """Move the front past dead rows; everything before it is dead."""
        while self._front < self.n:
            alive = self.at_ms[self._front : min(self._front + self.chunk_rows, self.n)] != DEAD
            if alive.any():
                self._front += int(np.argmax(alive))
                break
            self._front += len(alive)
        return self._front

    def _drop(self, rows: int) -> None:
        """Forget the first rows, whole chunks or all, by moving the others to the front."""
        if not rows:
            return
        if rows == self.n:
            # The next row opens a chunk, so that no chunk is written with rows nobody knows.
            rows = -(-self.n // self.chunk_rows) * self.chunk_rows
            self._index = IdIndex()
        else:
            self._index.drop(rows)
            for column in self._columns:
                # In pieces that do not overlap: numpy copies the whole column otherwise.
                for start in range(0, self.n - rows, rows):
                    stop = min(start + rows, self.n - rows)
                    column[start:stop] = column[start + rows : stop + rows]
        chunks = rows // self.chunk_rows
        self.relabelled[: len(self.relabelled) - chunks] = self.relabelled[chunks:].copy()
        self.relabelled[len(self.relabelled) - chunks :] = False
        self.base += rows
        self._front = max(self._front - rows, 0)
        self.n = max(self.n - rows, 0)
        self.unwritten = max(self.unwritten - rows, 0)

    def _renumber(self) -> None:
        """Close the gaps between living rows; they continue the numbering in a new chunk, in their order."""
        keep = np.flatnonzero(self.at_ms[: self.n] != DEAD)
        base = self.base + -(-self.n // self.chunk_rows) * self.chunk_rows
        for column in self._columns:
            column[: len(keep)] = column[keep]
        self.base, self.n, self.unwritten, self._front = base, len(keep), 0, 0
        self.relabelled[:] = False
        self.relabelled[: -(-self.n // self.chunk_rows)] = True
        self._reindex()

    def restore(self, base: int, capacity: int) -> None:
        """Make room in an empty table for rows that begin at `base`; what is not filled then counts as dead."""
        self.base = base
        self._reserve(capacity)
        self.at_ms[:], self.label[:], self.value[:] = DEAD, NONE, np.nan

    def restored(self) -> None:
        """Count and index the rows that were filled in."""
        self.live = int(np.count_nonzero(self.at_ms[: self.n] != DEAD))
        self.unwritten = self.n
        self._reindex()

    def _reindex(self) -> None:
        self._index = IdIndex()
        for start in range(0, self.n, 65_536):
            ids = self.ids[start : min(start + 65_536, self.n)]
            hashes = self._hash(ids.view(np.uint8).reshape(len(ids), self.length))
            # Dead rows enter as well, and are refused like all dead rows: living ids are distinct.
            self._index.insert(hashes, start, lambda rows, _: rows < 0, self._alive)

    def _touch(self, rows: Rows) -> None:
        self.relabelled[rows // self.chunk_rows] = True

    def _alive(self, rows: Rows) -> NDArray[np.bool_]:
        alive: NDArray[np.bool_] = self.at_ms.take(rows) != DEAD
        return alive

    def _holds(self, rows: Rows, wanted: NDArray[np.void]) -> NDArray[np.bool_]:
        holds: NDArray[np.bool_] = self.ids.take(rows) == wanted
        holds &= self._alive(rows)
        return holds

    def _reserve(self, more: int) -> None:
        if self.n + more <= len(self.ids):
            return
        capacity = max(int((self.n + more) * _GROWTH), 256)
        for name in self._names:
            old = getattr(self, name)
            grown = np.empty((capacity, *old.shape[1:]), old.dtype)
            grown[: self.n] = old[: self.n]
            setattr(self, name, grown)
        flags = np.zeros(-(-capacity // self.chunk_rows) + 1, bool)
        flags[: len(self.relabelled)] = self.relabelled
        self.relabelled = flags
