# SPDX-License-Identifier: Apache-2.0
"""Windows made of rows at hand, through the states of several partitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sketches.block import Block
from windows.baselines.roles import NO_ROLES, Roles, by_role
from windows.baselines.suggest import judged_block
from windows.definition import ModelDefinition
from windows.partition.specs import event_specs, label_specs, profile_spec
from windows.window_profile import WindowProfile

PARTITIONS = 4
_ROWS_A_BLOCK = 4_096


def window_of(definition: ModelDefinition, rows: Block, roles: Roles = NO_ROLES) -> WindowProfile:
    """Make a closed window of rows: updated block by block in four partitions, then merged."""
    monitored, extra, judged = by_role(rows, roles)
    whole = Block(rows.n, {**monitored.columns, **extra.columns})
    profile = profile_spec(definition).empty()
    for partition in range(PARTITIONS):
        part = profile.spec.empty()
        for block in _blocks(monitored, partition):
            part.update(block)
        profile.merge(part)
    of_events, of_labels = event_specs(definition), label_specs(definition)
    states: dict[str, Any] = {name: spec.empty() for name, spec in (of_events | of_labels).items()}
    for name in of_events:
        states[name].update(whole)
    joined = judged_block(judged, whole, definition) if of_labels else judged
    for name in of_labels:
        states[name].update(joined)
    return WindowProfile(
        definition,
        0,
        profile,
        states,
        rows=rows.n,
        labelled=joined.n if of_labels else 0,
        late=0,
        rejected=0,
        duplicates=0,
        partitions=PARTITIONS,
        partitions_closed=PARTITIONS,
        revision=PARTITIONS,
        features_closed=True,
        labels_closed=True,
    )


def _blocks(rows: Block, partition: int) -> list[Block]:
    mine = np.arange(partition, rows.n, PARTITIONS)
    return [rows.take(mine[begin : begin + _ROWS_A_BLOCK]) for begin in range(0, len(mine), _ROWS_A_BLOCK)]
