# SPDX-License-Identifier: Apache-2.0
"""A block of events with what its windows and the join make of it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.groups import ID_HASH
from sketches.sliced import EVENT_TIME
from windows.events import BlockArrived
from windows.join.carried import Layout
from windows.join.ids import stable_hash
from windows.outputs import LABEL
from windows.partition.derived_labels import derive_labels, numbers_of
from windows.partition.model_state import ModelState, VersionState

Rows = NDArray[np.int64]
Codes = NDArray[np.int16]
Numbers = NDArray[np.float64]


class ArrivedRows:
    """Rows as their windows see them, labels that are missing beside scores derived; and as they pend.

    Parameters
    ----------
    model, version : ModelState, VersionState
        What they are of.
    event : BlockArrived
        As they came.
    starts_ms : ndarray of int64, shape (n,)
        Start of each row's window.
    """

    def __init__(self, model: ModelState, version: VersionState, event: BlockArrived, starts_ms: Rows) -> None:
        self.block = event.block
        self._event = event
        self._model = model
        self._carried: dict[Layout, tuple[Codes, Numbers]] = {}
        self._predicted = model.classes.codes(event.block.columns.get(LABEL), event.block.n)
        if derive_labels(self._predicted, event.block, starts_ms, model, version).any():
            predicted = model.classes.column(self._predicted)
            self.block = Block(event.block.n, {**event.block.columns, LABEL: predicted})

    @cached_property
    def extra(self) -> Block:
        """Tags, attributions and embeddings, the hash of each id and the event time."""
        hashes = Column(Kind.INTEGER, stable_hash(self._event.ids))
        times = Column(Kind.INTEGER, self._event.event_time_ms)
        return Block(self.block.n, {**self._event.extra.columns, ID_HASH: hashes, EVENT_TIME: times})

    def carried(self, layout: Layout) -> tuple[Codes, Numbers]:
        """What pending rows keep: int16 codes and float64 numbers, one row and one column each."""
        if layout not in self._carried:
            n = self.block.n
            whole = Block(n, {**self.block.columns, **self._event.extra.columns})
            codes = np.empty((n, len(layout.codes)), np.int16)
            for place, carried in enumerate(layout.codes):
                if carried.name == LABEL:
                    codes[:, place] = self._predicted
                else:
                    codes[:, place] = self._model.coder(carried.name).codes(carried.column(whole), n)
            numbers = np.empty((n, len(layout.numbers)), np.float64)
            for place, name in enumerate(layout.numbers):
                # Milliseconds since the epoch are whole numbers that a float64 holds exactly.
                numbers[:, place] = self._event.event_time_ms if name == EVENT_TIME else numbers_of(self.block, name)
            self._carried[layout] = codes, numbers
        return self._carried[layout]
