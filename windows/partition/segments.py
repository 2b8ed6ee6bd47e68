# SPDX-License-Identifier: Apache-2.0
"""Segments of events: the texts that joined rows carry too, so that both are parted alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sketches.attributions import PREFIX
from sketches.block import Block, Column, Kind
from windows.definition import ModelDefinition
from windows.join.carried import Carried
from windows.partition.specs import BY_SEGMENT, SEGMENT, SEGMENTS, attributions_spec, is_explained


def with_segments(block: Block, definition: ModelDefinition) -> Block:
    """Add a column `segment.<column>` for each column that a definition names.

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
    return Block(block.n, {**block.columns, **segments})


def with_attributes(block: Block, definition: ModelDefinition) -> Block:
    """Put the sums of the attributions of encoded features in their place, as cells know their attribute only."""
    options = definition.monitors.attribution_drift
    if not options.groups or not options.enabled or is_explained(definition):
        return block
    summed = attributions_spec(definition).by_attribute(block)
    attributes = {PREFIX + name: Column(Kind.FLOAT, values, ~np.isnan(values)) for name, values in summed}
    return Block(block.n, {**block.columns, **attributes})


def seen_by_part(block: Block, definition: ModelDefinition) -> Callable[[str], Block]:
    """Give what each part of a window sees of some rows: with the columns that part them where it is by segment."""
    if not definition.segments:
        return lambda _: block
    parted = with_segments(block, definition)
    counted = with_attributes(parted, definition)

    def seen(part: str) -> Block:
        if part.startswith(SEGMENTS):
            return counted
        return parted if part.startswith(BY_SEGMENT) else block

    return seen


def add_events(states: Mapping[str, Any], block: Block, definition: ModelDefinition) -> None:
    """Add rows to the states of events."""
    seen = seen_by_part(block, definition)
    for part, state in states.items():
        state.update(seen(part))
