# SPDX-License-Identifier: Apache-2.0
"""Pending rows come back from the changelog as they were."""

from __future__ import annotations

import numpy as np

from windows.join.carried import Layout
from windows.join.ids import IdHash
from windows.join.row_records import RowRecords
from windows.join.row_table import RowTable
from windows.join.truths import Truths

LAYOUT = Layout(numeric=True)


def test_rows_that_came_with_their_labels_keep_them_over_a_restart() -> None:
    id_hash = IdHash(np.random.default_rng(1))
    table = RowTable(4, id_hash, LAYOUT)
    records = RowRecords(table, "m||4|early")
    log: dict[bytes, bytes] = {}
    labels = Truths(np.arange(6, dtype=np.int16), np.arange(6) / 4)
    ids = np.arange(24, dtype=np.uint8).reshape(6, 4)
    for rows in (np.arange(4), np.arange(4, 6)):
        table.add(ids[rows], id_hash(ids[rows]), np.zeros(len(rows), np.int64), labels=labels.take(rows))
        log |= {key: value for key, value in records.cut() if value is not None}
    again = RowTable(4, id_hash, LAYOUT)
    RowRecords(again, "m||4|early").restore({0: log[b"r|m||4|early|0"]}, {0: log[b"l|m||4|early|0"]})
    restored = again.labels(again.find(ids, id_hash(ids)))
    assert (restored.code.tolist(), restored.value.tolist()) == (labels.code.tolist(), labels.value.tolist())
