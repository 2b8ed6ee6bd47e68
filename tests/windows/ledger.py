# SPDX-License-Identifier: Apache-2.0
"""A state that writes down every row it is given, for tests of what reaches the states of a window."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from sketches.block import Kind
from windows.partition import specs

OF_EVENTS, OF_LABELS = "ledger/events", "ledger/labels"


@dataclass(frozen=True)
class LedgerSpec:
    fingerprint: str = "ledger"

    def empty(self):
        return Ledger(self)

    def from_bytes(self, data):
        ledger = self.empty()
        ledger.rows = Counter({tuple(map(tuple, row)): n for row, n in json.loads(data)})
        return ledger


class Ledger:
    """Signed counts of rows, each a tuple of its (name, value) pairs, without missing values."""

    def __init__(self, spec=None):
        self.spec = LedgerSpec() if spec is None else spec
        self.rows = Counter()

    @property
    def n(self):
        return sum(self.rows.values())

    def update(self, block, sign=1):
        columns = {name: cells(column) for name, column in block.columns.items()}
        for i in range(block.n):
            row = tuple(sorted((name, values[i]) for name, values in columns.items() if values[i] is not None))
            self.rows[row] += sign
            if not self.rows[row]:
                del self.rows[row]

    def merge(self, other):
        self.rows.update(other.rows)

    def to_bytes(self):
        return json.dumps(sorted(self.rows.items(), key=repr)).encode()


def cells(column):
    """Values of a column's rows, None where there is none."""
    valid = np.ones(len(column.values), bool) if column.valid is None else column.valid
    values = column.values.tolist()
    if column.kind == Kind.STRING:
        values = [column.categories[code] if known else None for code, known in zip(values, valid, strict=True)]
    if column.kind == Kind.VECTOR:
        values = [tuple(vector) for vector in values]
    return [value if known else None for value, known in zip(values, valid, strict=True)]


def ledgers(*, of_events=False, of_labels=False):
    """Give every window a ledger of its events, of its labelled rows, or of both, while the context lasts."""
    asked = [("event_specs", OF_EVENTS, of_events), ("label_specs", OF_LABELS, of_labels)]
    stack = ExitStack()
    for name, part in ((name, part) for name, part, wanted in asked if wanted):
        specs_of = getattr(specs, name)
        for module in ("windows.partition.open_window", "windows.gather"):
            stack.enter_context(patch(f"{module}.{name}", _with_ledger(specs_of, part)))
    return stack


def _with_ledger(specs_of, part):
    def specs_with_ledger(*args, **named):
        asked = specs_of(*args, **named)
        # A window that waits for no labels must not begin to because of its ledger.
        return {**asked, part: LedgerSpec()} if asked or part == OF_EVENTS else asked

    return specs_with_ledger


def events_of(window):
    """Rows that a window's ledger of events was given."""
    return window.of_events[OF_EVENTS].rows


def joined_of(window):
    """Rows that a window's ledger of labelled rows holds."""
    return window.of_labels[OF_LABELS].rows
