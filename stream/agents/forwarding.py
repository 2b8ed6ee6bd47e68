# SPDX-License-Identifier: Apache-2.0
"""Rows on a wrong partition: sent on once, with the place they came from, and refused the second time.

librdkafka's own partitioner agrees with the Java client's for one id in four at four partitions.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from stream.kafka.transactions import Outgoing
from topics.batches import EventBatch, LabelBatch, Rejected
from topics.encode import encode_events, encode_labels
from topics.partitioner import partition_of

Batch = EventBatch | LabelBatch


def split(
    batch: Batch, topic: str, partition: int, partitions: int
) -> tuple[Batch | None, list[Outgoing], Rejected | None]:
    """Part a batch into the rows that belong here, the records that send the others on, and those refused.

    Parameters
    ----------
    batch : EventBatch or LabelBatch
        Rows that lay on `partition` of `topic`.
    partitions : int
        Partition count of the source topics.

    Returns
    -------
    here : EventBatch or LabelBatch or None
        The batch itself if nothing is misplaced; None if everything is.
    forwarded : list of Outgoing
        One record a partition, with header `origin` (topic/partition/offset of the first row).
    refused : Rejected or None
        Misplaced rows that were sent on before: whoever did it counts partitions differently.
    """
    belongs = partition_of(batch.ids, partitions)
    stays = belongs == partition
    if stays.all():
        return batch, [], None
    here = batch.take(np.flatnonzero(stays)) if stays.any() else None
    if batch.origin:
        return here, [], _refused(batch, topic, partition, ~stays)
    forwarded = [
        _forwarded(batch.take(np.flatnonzero(belongs == other)), topic, partition, int(other))
        for other in np.unique(belongs[~stays])
    ]
    return here, forwarded, None


def _forwarded(batch: Batch, topic: str, partition: int, to: int) -> Outgoing:
    value, content_type = encode_events(batch) if isinstance(batch, EventBatch) else encode_labels(batch)
    origin = f"{topic}/{partition}/{int(batch.offset[0])}"
    headers = (("content-type", content_type.encode()), ("origin", origin.encode()))
    return Outgoing(topic, to, None, value, headers)


def _refused(batch: Batch, topic: str, partition: int, rows: NDArray[np.bool_]) -> Rejected:
    ids = batch.ids[rows].tobytes()
    text = (
        f"expected rows of partition {partition}, sent on from {batch.origin}; do all workers see one partition count?"
    )
    digest = hashlib.sha256(ids).hexdigest()
    offset = int(batch.offset[rows][0])
    return Rejected(topic, partition, offset, "misplaced", text, int(rows.sum()), digest, len(ids), batch.model)
