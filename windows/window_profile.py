# SPDX-License-Identifier: Apache-2.0
"""One window of one model version, merged over its source partitions: what is judged."""

from __future__ import annotations

from dataclasses import dataclass

from sketches.binary import BinaryQualityState
from sketches.profile import ProfileState
from windows.definition import ModelDefinition


@dataclass(frozen=True, slots=True)
class WindowProfile:
    """The states and counts of one window.

    `profile` holds features and outputs of all rows, `quality` the labelled rows of a model with a problem type.
    `revision` is the sum of the partitions' revisions. Monitors of features may judge once `features_closed`, monitors
    of labels once `labels_closed`: every partition said so, or the missing ones were waited for long enough
    (`partitions_closed` of `partitions` are in). `unmerged_features` and `unmerged_quality` name what could not be
    merged since its definition was replaced in place meanwhile: it is missing from the states, not from the rows.
    """

    definition: ModelDefinition
    window_start_ms: int
    profile: ProfileState
    quality: BinaryQualityState | None
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
    unmerged_features: tuple[str, ...] = ()
    unmerged_quality: bool = False

    @property
    def window_end_ms(self) -> int:
        """End of the window, exclusive."""
        return self.window_start_ms + self.definition.window.size
