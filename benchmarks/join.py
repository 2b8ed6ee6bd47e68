# SPDX-License-Identifier: Apache-2.0
"""The join by inference id: its rate around two million pending rows, and what a pending prediction costs."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from sketches.block import Block, Column, Kind
from windows.definition import Catalog, ModelDefinition
from windows.events import BlockArrived
from windows.join.carried import layout_of
from windows.join.ids import IdHash
from windows.join.row_table import RowTable
from windows.join.truths import Truths, no_values
from windows.partition.step import step
from windows.partition.store import PartitionStore

LENGTH = 36
BLOCK = 8_192
RUN = 80
PENDING = 2_000_000
WINDOW = 250_000
RANGE = (1_100_000, 2_200_000)
DEFINITION = ModelDefinition(model="m", problem_type="BinaryClassification")


def run(quick: bool) -> list[Figure]:
    """Measure `join.rate`, the median of some runs, and `join.bytes`."""
    rates = _rates(runs=5 if quick else 25)
    return [
        Figure.of("join.rate", float(np.median(rates)), "ids/s", limit=2e6),
        Figure.of("join.bytes", _worst_bytes(), "B", limit=128.0),
    ]


def _rates(runs: int) -> list[float]:
    """Ids a second, each hashed as an event's and as a label's, inserted, looked up, confirmed and at last expired."""
    rng = np.random.default_rng(1)
    table = RowTable(LENGTH, IdHash(rng), layout_of(DEFINITION))
    held: list[NDArray[np.uint8]] = []
    added = 0
    rates = []
    # The first round fills the table and lets windows expire until its memory is settled.
    for blocks in (2 * PENDING // BLOCK, *[RUN] * runs):
        fresh = [_ids(rng) for _ in range(blocks)]
        asked = _shuffled(held, rng) if held else fresh
        began = time.perf_counter()
        for ids, labelled in zip(fresh, asked, strict=True):
            _expire(table, added)
            _add(table, ids, added)
            _label(table, labelled)
            added += BLOCK
        if held:
            rates.append(blocks * BLOCK / (time.perf_counter() - began))
        held = (held + fresh)[-(PENDING - WINDOW) // BLOCK :]
    return rates


def _ids(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (BLOCK, LENGTH), dtype=np.uint8)


def _shuffled(held: list[NDArray[np.uint8]], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Blocks of labels for ids that will pend for as long as the labels last."""
    every = np.concatenate(held[RUN:])
    rows = rng.integers(0, len(every), (RUN, BLOCK))
    return [every[chosen] for chosen in rows]


def _expire(table: RowTable, added: int) -> None:
    window = added // WINDOW
    if window != (added + BLOCK) // WINDOW:
        table.kill_window(window + 1 - PENDING // WINDOW)
        table.settle()


def _add(table: RowTable, ids: NDArray[np.uint8], added: int) -> None:
    at_ms = np.full(BLOCK, added // WINDOW, np.int64)
    table.add(ids, table.hashes(ids), at_ms, codes=1, numbers=0.5)


def _label(table: RowTable, ids: NDArray[np.uint8]) -> None:
    rows = table.find(ids, table.hashes(ids))
    found = rows[rows >= 0]
    assert len(found) == BLOCK, f"expected all {BLOCK} ids to pend, found {len(found)}"
    table.set_labels(found, Truths(np.zeros(BLOCK, np.int16), no_values(BLOCK)))


def _worst_bytes() -> float:
    """Bytes a pending prediction adds to everything a partition's store holds, at its worst."""
    rng = np.random.default_rng(1)
    tracemalloc.start()
    try:
        store = PartitionStore(0, 1, Catalog((DEFINITION,)), rng)
        before, _ = tracemalloc.get_traced_memory()
        worst = 0.0
        while store.pending < RANGE[1]:
            score = Column(Kind.FLOAT, rng.random(BLOCK))
            block = Block(BLOCK, {"prediction.score": score})
            step(store, BlockArrived("m", "1", _ids(rng), np.zeros(BLOCK, np.int64), block))
            del score, block
            if store.pending >= RANGE[0]:
                worst = max(worst, (tracemalloc.get_traced_memory()[0] - before) / store.pending)
    finally:
        tracemalloc.stop()
    return worst
