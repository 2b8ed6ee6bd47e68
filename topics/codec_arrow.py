# SPDX-License-Identifier: Apache-2.0
"""Arrow blocks as batches: consecutive messages of one schema become one, checks are done on whole columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from topics.arrow_guard import check_framing
from topics.arrow_layout import layout_of
from topics.arrow_read import Run, read
from topics.batches import EventBatch, LabelBatch, Message
from topics.refusals import Refusals, Refused


class ArrowRows:
    """Blocks of one topic in arrival order, until they become batches.

    Runs of different schemas are kept apart only while their models differ, so that rows of one model keep their order.
    """

    def __init__(self, *, events: bool) -> None:
        self._events = events
        self._runs: dict[tuple[bytes, bool], Run] = {}
        self._done: list[EventBatch | LabelBatch] = []

    def add(self, message: Message, latest_ms: int, origin: str, refusals: Refusals) -> None:
        """Take a block; raises `Refused` if it cannot be taken, and then leaves everything as it was."""
        value = message.value or b""
        framing = check_framing(value)
        key = (value[: framing.schema_end], bool(origin))
        try:
            with pa.ipc.open_stream(pa.py_buffer(value)) as reader:
                run = self._runs.get(key)
                schema = reader.schema if run is None else run.schema
                fresh = Run(schema, layout_of(schema, events=self._events), origin) if run is None else run
                parts = [_valid(part) for part in reader]
        except Refused:
            raise
        except Exception as error:  # whatever Arrow makes of hostile bytes
            text = f"expected an Arrow IPC stream, got {type(error).__name__}: {str(error)[:200]}"
            raise Refused("undecodable", text) from None
        if run is None:
            model = fresh.layout.model
            if any(model is None or other.layout.model in (None, model) for other in self._runs.values()):
                self._close(refusals)
            self._runs[key] = fresh
        fresh.messages.append(message)
        fresh.latest.append(latest_ms)
        fresh.parts.append(parts)

    def _close(self, refusals: Refusals) -> None:
        for run in self._runs.values():
            self._done += _read_safely(run, refusals)
        self._runs.clear()

    def batches(self, refusals: Refusals) -> list[EventBatch | LabelBatch]:
        """Hand over everything held as batches, in order, and start anew."""
        if not self._runs and not self._done:
            return []
        self._close(refusals)
        made, self._done = self._done, []
        return made


def _valid(part: Any) -> Any:
    part.validate()
    for column in part.columns:
        # Offsets, indices and UTF-8 decide where memory is read; plain numbers cannot lie.
        if not pa.types.is_primitive(column.type) or pa.types.is_dictionary(column.type):
            column.validate(full=True)
    return part


def _read_safely(run: Run, refusals: Refusals) -> list[EventBatch | LabelBatch]:
    """Read a run; one that fails is read message by message, so that a bad one harms none of its neighbours."""
    held = Refusals()
    try:
        made = list(read(run, held))
    except Exception as error:  # whatever Arrow makes of hostile bytes
        if len(run.messages) > 1:
            alone = (run.alone(place) for place in range(len(run.messages)))
            return [batch for one in alone for batch in _read_safely(one, refusals)]
        if isinstance(error, Refused):
            refusals.refuse(run.messages[0], error)
        else:
            text = f"expected columns that can be read, got {type(error).__name__}: {str(error)[:200]}"
            refusals.add(run.messages[0], "undecodable", text, model=run.layout.model or "")
        return []
    refusals.extend(held)
    return made
