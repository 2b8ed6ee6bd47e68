# SPDX-License-Identifier: Apache-2.0
"""What `Capture` and `Labels` do alike with what they are given."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from topics.batches import Message
from topics.codec_arrow import ArrowRows
from topics.fields import MAX_TIME_MS
from topics.outbox import Bulk, Collected
from topics.records import NAME
from topics.refusals import Refusals, Refused
from topics.sampling import sampled_rows
from topics.tables import epoch_ms
from topics.values import SCALARS


def read_bulks(bulks: Sequence[Bulk], sample_rate: float, *, events: bool) -> Collected[Any]:
    """Read rows logged at once, checked as a worker would, and keep the sampled ones."""
    batches: list[Any] = []
    sampled_out = checked = 0
    for bulk in bulks:
        for batch in _read(bulk, events=events):
            kept = batch if sample_rate == 1.0 else batch.take(sampled_rows(batch.ids, sample_rate))
            checked += len(batch.ids)
            sampled_out += len(batch.ids) - len(kept.ids)
            batches += [kept] if len(kept.ids) else []
    return Collected(batches, sum(bulk.rows for bulk in bulks) - checked, sampled_out)


def _read(bulk: Bulk, *, events: bool) -> list[Any]:
    refusals = Refusals()
    blocks = ArrowRows(events=events)
    try:
        blocks.add(Message("", 0, 0, time.time_ns() // 1_000_000, None, bulk.data), MAX_TIME_MS, "", refusals)
    except Refused:
        return []
    return blocks.batches(refusals)


def final_watermark(model: str, final: bool | datetime, /) -> tuple[str, int] | None:  # noqa: FBT001  # the clients' own
    """Read what a closing client says: of which model nothing before which time will follow, if anything."""
    if not final:
        return None
    return model, time.time_ns() // 1_000_000 if final is True else epoch_ms(final)


def plain(value: Any, /) -> Any:
    """Take a Python scalar out of a numpy one."""
    return value if type(value) in SCALARS or not hasattr(value, "item") else value.item()


def plain_values(values: Mapping[str, Any], /) -> dict[str, Any]:
    """Take Python scalars out of numpy ones."""
    if SCALARS.issuperset(map(type, values.values())) and type(values) is dict:
        return values
    return {name: plain(value) for name, value in values.items()}


def check_name(what: str, name: str) -> None:
    """Raise ValueError unless a model's name or version is one."""
    if NAME.fullmatch(name) is None:
        msg = f"expected {what} of 1 to 128 characters A-Z a-z 0-9 . _ -, got {name!r}"
        raise ValueError(msg)


def check_rate(sample_rate: float) -> None:
    """Raise ValueError unless a sample rate is one."""
    if not 0.0 < sample_rate <= 1.0:
        msg = f"expected sample_rate in (0, 1], got {sample_rate}"
        raise ValueError(msg)
