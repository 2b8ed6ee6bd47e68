# SPDX-License-Identifier: Apache-2.0
"""Decoded batches as the events of `windows`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from topics.batches import FLOAT, EventBatch, LabelBatch, Values
from windows.events import BlockArrived, LabelsArrived


def arrived(batch: EventBatch | LabelBatch, /) -> BlockArrived | LabelsArrived:
    """Hand a batch on; its arrays are shared, not copied.

    Examples
    --------
    >>> import numpy as np
    >>> ids, at = np.zeros((1, 2), np.uint8), np.zeros(1, np.int64)
    >>> labels = LabelBatch("adult", None, ids, at, at, value=np.array([3.5]))
    >>> arrived(labels).label.kind.name
    'FLOAT'
    """
    if isinstance(batch, EventBatch):
        block = Block(len(batch.ids), {name: _column(values) for name, values in batch.columns.items()})
        extra = Block(len(batch.ids), _extra(batch))
        return BlockArrived(batch.model, batch.version, batch.ids, batch.event_time_ms, block, extra)
    label = batch.label
    if label is None:
        assert batch.value is not None
        label = Values(FLOAT, batch.value)
    return LabelsArrived(batch.model, batch.version, batch.ids, batch.event_time_ms, _column(label))


def _extra(batch: EventBatch) -> dict[str, Column]:
    columns = {f"tags.{name}": _column(values) for name, values in batch.tags.items()}
    columns |= {f"attributions.{name}": _column(values) for name, values in batch.attributions.items()}
    columns |= {f"embeddings.{name}": _vectors(vectors) for name, vectors in batch.embeddings.items()}
    return columns


def _vectors(vectors: NDArray[np.float32]) -> Column:
    known: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(vectors), axis=1)
    return Column(Kind.VECTOR, vectors, None if known.all() else known)


def _column(values: Values) -> Column:
    return Column(Kind(values.kind), values.values, values.valid, values.categories, values.absent)
