# SPDX-License-Identifier: Apache-2.0
"""The pending rows of one model version, in one table for each length of ids and each layout."""

from __future__ import annotations

from collections.abc import Mapping

from windows.join.carried import Layout
from windows.join.ids import IdHash
from windows.join.row_records import Record, RowRecords, layout_in
from windows.join.row_table import RowTable


class PendingRows:
    """Rows that wait for a label or for its correction; a changed definition begins tables of another layout.

    Parameters
    ----------
    model, version : str
        What the rows are of, for the keys of their records.
    id_hash : IdHash
        The store's keyed hash.
    """

    def __init__(self, model: str, version: str, id_hash: IdHash) -> None:
        self.tables: dict[tuple[int, Layout], RowTable] = {}
        self._saved: dict[tuple[int, Layout], RowRecords] = {}
        self._name = f"{model}|{version}"
        self._hash = id_hash

    @property
    def live(self) -> int:
        """Rows that pend."""
        return sum(table.live for table in self.tables.values())

    @property
    def layouts(self) -> set[Layout]:
        """Layouts that there are tables of."""
        return {layout for _, layout in self.tables}

    def table(self, length: int, layout: Layout) -> RowTable:
        """The table for ids of one length and rows of one layout, begun if need be."""
        key = length, layout
        if key not in self.tables:
            table = self.tables[key] = RowTable(length, self._hash, layout)
            self._saved[key] = RowRecords(table, f"{self._name}|{length}|{layout.key}")
        return self.tables[key]

    def of_length(self, length: int) -> list[RowTable]:
        """The tables where an id of one length may pend."""
        return [table for (other, _), table in self.tables.items() if other == length and table.live]

    def kill_window(self, start_ms: int) -> None:
        """Let all rows of a window die."""
        for table in self.tables.values():
            table.kill_window(start_ms)
            table.settle()

    def limit(self, length: int, most: int) -> int:
        """Let the oldest rows with ids of one length go while there are more than `most` of any; returns how many.

        Those of the layout whose oldest row is older go first.
        """
        excess = self.live - most
        if excess <= 0:
            return 0
        dropped = 0
        for table in sorted(self.of_length(length), key=RowTable.oldest_ms):
            dropped += len(table.kill_oldest(max(table.live + dropped - excess, 0)))
            table.settle()
        return dropped

    def cut(self) -> list[Record]:
        """Take the records that changed since the last cut."""
        records: list[Record] = []
        for key, table in self.tables.items():
            table.settle()
            records += self._saved[key].cut()
        return records

    def restore(self, length: int, rows: Mapping[int, bytes], labels: Mapping[int, bytes]) -> None:
        """Fill one table from the values of its records, which tell its layout.

        Raises
        ------
        CorruptState
            If a record is not what `cut` wrote.
        """
        if rows:
            layout = layout_in(next(iter(rows.values())))
            self.table(length, layout)
            self._saved[length, layout].restore(rows, labels)
