# SPDX-License-Identifier: Apache-2.0
"""The numbers of one window beside its sketches: what was counted, and how far it has come."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sketches.errors import CorruptState


@dataclass(slots=True)
class WindowCounts:
    """Rows of one window: the content of the part `rows`.

    `rows` counts accepted events once, `labelled` those that have a label, `late` those that came after the close,
    `rejected` what decoding refused, `duplicates` repeated ids; `overflow` and `refused` are of the columns beyond the
    cap. `failed` says of the parts that were given up, why.
    """

    rows: int = 0
    labelled: int = 0
    late: int = 0
    rejected: int = 0
    duplicates: int = 0
    overflow: int = 0
    refused: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Write the counts."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> WindowCounts:
        """Read what `to_bytes` wrote.

        Raises
        ------
        CorruptState
            If it is something else.
        """
        try:
            counts = cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            msg = f"cannot read the counts of a window: expected JSON of {cls.__slots__}, got {data[:80]!r}"
            raise CorruptState(msg) from error
        counts.refused = tuple(counts.refused)
        return counts


@dataclass(slots=True)
class Marks:
    """How far a window has come.

    `revision` counts its publications. `revise` asks for another: something changed after a close. `published` are the
    parts readers know, `unpublished` those that changed since. `looks` counts the looks at the open window.
    """

    revision: int = 0
    features_closed: bool = False
    labels_closed: bool = False
    revise: bool = False
    published: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    looks: int = 0


def with_marks(counts: WindowCounts, marks: Marks) -> bytes:
    """Write both, as the changelog holds them."""
    return json.dumps({"counts": asdict(counts), "marks": asdict(marks)}).encode()


def split_marks(data: bytes) -> tuple[WindowCounts, Marks]:
    """Read what `with_marks` wrote."""
    fields: dict[str, Any] = json.loads(data)
    return WindowCounts.from_bytes(json.dumps(fields["counts"]).encode()), Marks(**fields["marks"])
