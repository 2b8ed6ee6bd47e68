# SPDX-License-Identifier: Apache-2.0
"""Labels that came before their events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from windows.join.carried import Layout
from windows.join.ids import IdHash
from windows.join.row_records import Record, RowRecords
from windows.join.row_table import RowTable
from windows.join.truths import Truths

Owner = str | None

# Which window a label belongs to, and so whether its number will matter, is known only once its event is there.
_LAYOUT = Layout(numeric=True)


class EarlyLabels:
    """Labels of one model that wait for an event: of one version, or (owner None) of whichever version has the id.

    Parameters
    ----------
    model : str
        Their model, for the keys of their records.
    id_hash : IdHash
        The store's keyed hash.
    """

    def __init__(self, model: str, id_hash: IdHash) -> None:
        self._model = model
        self._hash = id_hash
        self.tables: dict[tuple[Owner, int], RowTable] = {}
        self._saved: dict[tuple[Owner, int], RowRecords] = {}

    @property
    def live(self) -> int:
        """Labels that wait."""
        return sum(table.live for table in self.tables.values())

    def table(self, owner: Owner, length: int) -> RowTable:
        """The labels of one owner whose ids have one length."""
        key = (owner, length)
        if key not in self.tables:
            table = self.tables[key] = RowTable(length, self._hash, _LAYOUT)
            self._saved[key] = RowRecords(table, f"{self._model}|{'' if owner is None else owner}|{length}|early")
        return self.tables[key]

    def take(self, version: str, ids: NDArray[np.uint8], hashes: NDArray[np.uint32]) -> Truths:
        """Hand out the labels that wait for ids of a version.

        A label of the version itself goes before a shared one: a later shared label has replaced it in place.
        """
        labels = Truths.none(len(ids))
        for owner in (version, None):
            table = self.tables.get((owner, ids.shape[1]))
            if table is None or not table.live:
                continue
            rows = table.find(ids, hashes)
            hit = np.flatnonzero((rows >= 0) & (labels.code < 0))
            labels.put(hit, table.labels(rows[hit]))
            table.kill(rows[hit])
        return labels

    def replace(
        self, owner: Owner, ids: NDArray[np.uint8], hashes: NDArray[np.uint32], labels: Truths
    ) -> NDArray[np.bool_]:
        """Correct labels that wait already; tells which did under this very owner.

        A label of one version corrects its own, a shared one every owner's.
        """
        found = np.zeros(len(ids), bool)
        for (other, length), table in self.tables.items():
            if length != ids.shape[1] or not table.live or owner not in (None, other):
                continue
            rows = table.find(ids, hashes)
            hit = np.flatnonzero(rows >= 0)
            table.set_labels(rows[hit], labels.take(hit))
            if other == owner:
                found[hit] = True
        return found

    def wait(
        self, owner: Owner, ids: NDArray[np.uint8], hashes: NDArray[np.uint32], at_ms: NDArray[np.int64], labels: Truths
    ) -> None:
        """Keep labels; the last of several for one id."""
        table = self.table(owner, ids.shape[1])
        held = table.add(ids, hashes, at_ms, labels=labels)
        again = np.flatnonzero(held >= 0)
        table.set_labels(held[again], labels.take(again))

    def expire(self, before_ms: int) -> int:
        """Drop labels kept since before a time; returns how many."""
        dropped = 0
        for table in self.tables.values():
            dropped += table.kill_before(before_ms)
            table.settle()
        return dropped

    def limit(self, owner: Owner, length: int, most: int) -> int:
        """Drop the oldest labels of one table while all tables hold more than `most`; returns how many."""
        table = self.table(owner, length)
        excess = self.live - most
        dropped = 0 if excess <= 0 else len(table.kill_oldest(max(table.live - excess, 0)))
        table.settle()
        return dropped

    def cut(self) -> list[Record]:
        """Take the records that changed since the last cut."""
        records: list[Record] = []
        for key, table in self.tables.items():
            table.settle()
            records += self._saved[key].cut()
        return records

    def restore(self, owner: Owner, length: int, rows: Mapping[int, bytes], labels: Mapping[int, bytes]) -> None:
        """Fill one table from the values of its records.

        Raises
        ------
        CorruptState
            If a record is not what `cut` wrote.
        """
        self.table(owner, length)
        self._saved[owner, length].restore(rows, labels)
