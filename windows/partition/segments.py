# SPDX-License-Identifier: Apache-2.0
"""Segments of events: the texts that joined rows carry too, so that both are parted alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sketches.attributions import PREFIX
from sketches.block import Block, Column, Kind
from windows.definition import ModelDefinition
from windows.join.carried import Carried
from windows.partition.specs import BY_SEGMENT, SEGMENT, attributions_spec, is_explained


def with_segments(block: Block, definition: ModelDefinition) -> Block:
    """Add a column `segment.<column>` for each column that a definition names, and sums of grouped attributions.

    Parameters
    ----------
    block : Block
        Features under their own names, tags as `tags.<name>`.
    definition : ModelDefinition
        Names the segments.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Column, Kind
    >>> block = Block(2, {"tags.region": Column(Kind.MIXED, np.array(["eu", 1.0], dtype=object))})
    >>> parted = with_segments(block, ModelDefinition(model="m", segments=("region",)))
    >>> parted.columns["segment.region"].categories
    ('eu', '1')
    """
    segments = {SEGMENT + column: Carried(column).column(block) for column in definition.segments}
    return Block(block.n, {**block.columns, **_attributes(block, definition), **segments})


def _attributes(block: Block, definition: ModelDefinition) -> dict[str, Column]:
    """Sum the attributions of encoded features, as cells know their attribute only."""
    options = definition.monitors.attribution_drift
    if not options.groups or not options.enabled or is_explained(definition):
        return {}
    summed = attributions_spec(definition).by_attribute(block)
    return {PREFIX + name: Column(Kind.FLOAT, values, ~np.isnan(values)) for name, values in summed}


def add_events(states: Mapping[str, Any], block: Block, definition: ModelDefinition) -> None:
    """Add rows to the states of events, with the columns that part them where a state is by segment."""
    parted = with_segments(block, definition) if definition.segments else block
    for part, state in states.items():
        state.update(parted if part.startswith(BY_SEGMENT) else block)
