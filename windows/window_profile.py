# SPDX-License-Identifier: Apache-2.0
"""One window of one model version, merged over its source partitions: what is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sketches.profile import ProfileState
from windows.definition import ModelDefinition
from windows.partition.specs import QUALITY


@dataclass(frozen=True, slots=True)
class WindowProfile:
    """The states and counts of one window.

    `profile` holds features and outputs of all rows, `states` every other part the definition asks for by its name.
    `revision` is the sum of the partitions' revisions. Monitors of features may judge once `features_closed`, monitors
    of labels once `labels_closed`: every partition said so, or the missing ones were waited for long enough
    (`partitions_closed` of `partitions` are in). `unmerged` names the parts that could not be merged since their
    definition was replaced in place meanwhile: they are missing from the states, not from the rows. A window of the
    `last_rows` labelled rows ends after the newest, at `end_ms`; it has no profile and no state but the quality.
    `failed` says of the users' own states that were given up, why; they are empty. `unexplained` says why attributions
    that were to be computed were not.
    """

    definition: ModelDefinition
    window_start_ms: int
    profile: ProfileState
    states: Mapping[str, Any]
    rows: int
    labelled: int
    late: int
    rejected: int
    duplicates: int
    partitions: int
    partitions_closed: int
    revision: int
    features_closed: bool
    labels_closed: bool
    unmerged: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    last_rows: int | None = None
    end_ms: int | None = None
    unexplained: str | None = None

    @property
    def window_end_ms(self) -> int:
        """End of the window, exclusive."""
        return self.window_start_ms + self.definition.window.size if self.end_ms is None else self.end_ms

    @property
    def quality(self) -> Any:
        """Quality of the labelled rows, None for a model without a problem type."""
        return self.states.get(QUALITY)
