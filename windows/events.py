# SPDX-License-Identifier: Apache-2.0
"""What happens to a partition (events), and what must be done about it (effects)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column

Side = Literal["events", "labels"]


@dataclass(frozen=True, slots=True)
class BlockArrived:
    """Inference events of one model version, ids of one length, in arrival order.

    `block` holds features under their own names and the outputs `prediction.label`, `prediction.score`,
    `prediction.value` and `prediction.scores.<class>`; `extra` what else was sent of the same rows: `tags.<name>`,
    `attributions.<feature>` or `attributions.<class>.<feature>`, and `embeddings.<name>`.
    """

    model: str
    version: str
    ids: NDArray[np.uint8]
    event_time_ms: NDArray[np.int64]
    block: Block
    extra: Block = field(default_factory=lambda: Block(0))


@dataclass(frozen=True, slots=True)
class LabelsArrived:
    """Labels of one model, ids of one length, in arrival order; `version` None means every version that has the id.

    `label` is a STRING column of canonical classes, or a FLOAT column for regression.
    """

    model: str
    version: str | None
    ids: NDArray[np.uint8]
    event_time_ms: NDArray[np.int64]
    label: Column


@dataclass(frozen=True, slots=True)
class WatermarkArrived:
    """No earlier event time will follow for this model on one side of this partition."""

    side: Side
    model: str
    event_time_ms: int


@dataclass(frozen=True, slots=True)
class RowsRejected:
    """Rows of a model that decoding refused; they count in the window of the model's stream time."""

    model: str
    rows: int


@dataclass(frozen=True, slots=True)
class TimeAdvanced:
    """One side of the partition was at its end and silent for `elapsed_ms` of wall-clock time."""

    side: Side
    elapsed_ms: int


Event = BlockArrived | LabelsArrived | WatermarkArrived | RowsRejected | TimeAdvanced


@dataclass(frozen=True, slots=True)
class Partial:
    """One part of one window's state in one source partition: the content of a `profiles` record.

    `part` is `rows` (the counts; written after all other parts of its revision), `feature/<name>`, `quality` or another
    of `windows/partition/specs.py`; `closed` is of no window, but says before which all are closed to events.
    `payload` is the state's bytes, None once the window is forgotten. `features_closed` and `labels_closed` say which
    monitors may judge. A part's `revision` grows by one with every publication of its window.
    """

    model: str
    version: str
    window_start_ms: int
    part: str
    payload: bytes | None
    fingerprint: str = ""
    revision: int = 0
    features_closed: bool = False
    labels_closed: bool = False
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish a partial; several of one window are one revision, the part `rows` last."""

    partial: Partial


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows that changed nothing, or did so out of the ordinary, for the metrics.

    `what` is one of `late`, `expired`, `duplicate`, `unknown_model`, `pending_dropped`, `early_dropped`,
    `window_limit`.
    """

    what: str
    model: str
    rows: int


Effect = Publish | Counted
