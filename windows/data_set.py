# SPDX-License-Identifier: Apache-2.0
"""The rows of a data set as the states that windows and baselines are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sketches.block import Block
from sketches.groups import ID_HASH
from sketches.profile import ProfileState
from windows.baselines.roles import NO_ROLES, Roles, by_role
from windows.baselines.suggest import judged_block, row_hashes
from windows.definition import ModelDefinition
from windows.partition.segments import add_events
from windows.partition.specs import event_specs, label_specs, profile_spec
from windows.window_profile import WindowProfile


@dataclass(frozen=True, slots=True)
class Period:
    """When the rows of a data set happened, `[start, end)` in milliseconds UTC."""

    start_ms: int = 0
    end_ms: int = 3_600_000


A_HOUR = Period()


def window_of_rows(
    blocks: Iterable[Block], definition: ModelDefinition, *, roles: Roles = NO_ROLES, period: Period = A_HOUR
) -> WindowProfile:
    """Count the rows of a data set as one window of which nothing more is to come.

    Parameters
    ----------
    blocks : iterable of Block
        The rows; a label that is missing was never known.
    definition : ModelDefinition
        Which states the window holds.
    roles : Roles
        Which columns are label, prediction and score.
    period : Period
        When the rows happened.

    Raises
    ------
    BaselineError
        If a column is not what its role says.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches.block import Column, Kind
    >>> rows = Block(2, {"age": Column(Kind.INTEGER, np.array([20, 40]))})
    >>> window = window_of_rows([rows], ModelDefinition(model="churn"))
    >>> window.rows, window.features_closed, window.profile.features["age"].moments.mean
    (2, True, 30.0)
    """
    window = definition.window.model_copy(update={"size": max(1, period.end_ms - period.start_ms)})
    definition = definition.model_copy(update={"window": window})
    profile = profile_spec(definition).empty()
    of_events = {part: spec.empty() for part, spec in event_specs(definition).items()}
    of_labels = {part: spec.empty() for part, spec in label_specs(definition).items()}
    labelled = 0
    for block in blocks:
        monitored, extra, judged = by_role(block, roles)
        whole = Block(block.n, {**monitored.columns, **extra.columns, ID_HASH: row_hashes(profile.n, block.n)})
        joined = judged_block(judged, whole, definition)
        labelled += joined.n
        profile.update(monitored)
        add_events(of_events, whole, definition)
        for state in of_labels.values():
            state.update(joined)
    return _closed(definition, period, profile, of_events | of_labels, labelled)


def _closed(
    definition: ModelDefinition, period: Period, profile: ProfileState, states: Mapping[str, Any], labelled: int
) -> WindowProfile:
    return WindowProfile(
        definition,
        period.start_ms,
        profile,
        states,
        rows=profile.n,
        labelled=labelled,
        late=0,
        rejected=0,
        duplicates=0,
        partitions=1,
        partitions_closed=1,
        revision=1,
        features_closed=True,
        labels_closed=True,
    )
