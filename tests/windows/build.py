# SPDX-License-Identifier: Apache-2.0
"""Windows and baselines from plain arrays, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sketches.block import Block, Column, Kind
from sketches.groups import ID_HASH
from windows.baselines.baseline import Baseline
from windows.baselines.roles import Roles, by_role
from windows.baselines.suggest import judged_block, row_hashes, suggest
from windows.definition import ModelDefinition
from windows.partition.specs import QUALITY, event_specs, label_specs, profile_spec
from windows.window_profile import WindowProfile

ROLES = Roles(label="label", score="score")
BINARY = ModelDefinition(model="m", problem_type="BinaryClassification")


def column(values: Iterable[Any]) -> Column:
    """A column of arrays by their type; lists of anything are MIXED, None in them is null."""
    if not isinstance(values, np.ndarray):
        values = list(values)
        return Column(
            Kind.MIXED, np.array(values, dtype=object), np.array([value is not None for value in values], bool)
        )
    if values.dtype.kind == "U":
        categories, codes = np.unique(values, return_inverse=True)
        return Column(Kind.STRING, codes.astype(np.int32), categories=tuple(categories.tolist()))
    kinds = {"f": Kind.FLOAT, "i": Kind.INTEGER, "b": Kind.BOOLEAN}
    return Column(kinds[values.dtype.kind], values)


def block(**columns: Iterable[Any]) -> Block:
    """A block of columns of equal length."""
    made = {name: column(values) for name, values in columns.items()}
    return Block(len(next(iter(made.values())).values), made)


def baseline_of(rows: Block, **options: Any) -> Baseline:
    """What is suggested from rows; `label` and `score` are the roles, if there."""
    roles = Roles(**{role: role for role in ("label", "score") if role in rows.columns})
    return suggest([rows], model="m", roles=roles, **options).baseline


def window_of(held: Block, definition: ModelDefinition = BINARY, /, **fields: Any) -> WindowProfile:
    """A closed window that holds rows."""
    roles = Roles(**{role: role for role in ("label", "score") if role in held.columns})
    monitored, extra, judged = by_role(held, roles)
    whole = Block(held.n, {**monitored.columns, **extra.columns, ID_HASH: row_hashes(0, held.n)})
    profile = profile_spec(definition).empty()
    profile.update(monitored)
    seen = [(event_specs(definition), whole), (label_specs(definition), judged_block(judged, whole, definition))]
    states = {part: spec.empty() for specs, _ in seen for part, spec in specs.items()}
    for specs, block in seen:
        for part in specs:
            states[part].update(block)
    counts: dict[str, Any] = {
        "rows": held.n,
        "labelled": states[QUALITY].n if QUALITY in states else 0,
        "late": 0,
        "rejected": 0,
        "duplicates": 0,
        "partitions": 4,
        "partitions_closed": 4,
        "revision": 4,
        "features_closed": True,
        "labels_closed": True,
    }
    return WindowProfile(definition, 0, profile, states, **(counts | fields))


def definition(**monitors: Mapping[str, Any]) -> ModelDefinition:
    """A binary model with options of its monitors."""
    return ModelDefinition(model="m", problem_type="BinaryClassification", monitors=monitors)
