# SPDX-License-Identifier: Apache-2.0
"""Groups of rows at random, which intervals leave out in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Kind

ID_HASH = "inference_id.hash"


def groups_of(block: Block, groups: int) -> NDArray[np.int64]:
    """Give each row its group: the hash of its inference id modulo `groups`.

    A replay and any order of rows leave it as it is. Rows without a hash, a data set's for example, are in group 0.

    Examples
    --------
    >>> from sketches.block import Column
    >>> groups_of(Block(3, {"inference_id.hash": Column(Kind.INTEGER, np.array([7, 32, 65]))}), 32).tolist()
    [7, 0, 1]
    """
    column = block.columns.get(ID_HASH)
    if column is None or column.kind != Kind.INTEGER:
        return np.zeros(block.n, np.int64)
    group = column.values % groups
    return group if column.valid is None else np.where(column.valid, group, 0)
