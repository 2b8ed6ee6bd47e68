# SPDX-License-Identifier: Apache-2.0
"""The operator's own code in a worker: over the rows of events, and over reports."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from sketches.block import Block, Column, Kind
from stream.errors import SettingsError
from stream.hooks.record_handler import PREPROCESS, RecordHandler, load_script, record_of
from topics.batches import EventBatch, Rejected, Values
from topics.encode import event_records
from topics.event_rows import EventRows
from topics.fields import MAX_TIME_MS
from topics.records import iso_time
from topics.refusals import Refused, shown
from windows.report import Report

GROUP = "sketchwatch.hooks"
EVERY_MODEL = "*"
FAILED = "hook_failed"
_LOG = logging.getLogger("sketchwatch.hooks")
_OUTPUT = "prediction."


class HookNames(BaseModel):
    """Names of a model's hooks: `module:function`, an entry point of the group `sketchwatch.hooks`, or a script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preprocess: str | None = None
    postprocess: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a hook left of a batch: the rows to count, None if there are none, and those it failed at."""

    batch: EventBatch | None
    refused: tuple[Rejected, ...] = ()


Preprocess = Callable[[EventBatch, str, int], Prepared]
Postprocess = Callable[[Report], Report]


class WorkerHooks:
    """The hooks of a worker's settings, by model; `*` stands for the models that have none of their own.

    Parameters
    ----------
    names : mapping of str to HookNames
        By model.

    Raises
    ------
    SettingsError
        If a name leads to no function.

    Examples
    --------
    >>> WorkerHooks({}).preprocess("churn") is None
    True
    """

    def __init__(self, names: Mapping[str, HookNames]) -> None:
        self._before = {model: _preprocess(one.preprocess) for model, one in names.items() if one.preprocess}
        self._after = {model: _function(one.postprocess) for model, one in names.items() if one.postprocess}

    def preprocess(self, model: str) -> Preprocess | None:
        """Give what a model's events pass through: the batch, its topic and partition."""
        return self._before.get(model) or self._before.get(EVERY_MODEL)

    def postprocess(self, report: Report) -> Report:
        """Pass a report through its model's hook; one that fails changes nothing."""
        hook = self._after.get(report.model) or self._after.get(EVERY_MODEL)
        if hook is None:
            return report
        try:
            made = hook(report)
            if not isinstance(made, Report) or made.key != report.key:
                msg = f"expected postprocess to return a report of the same window and monitor, got {shown(made)}"
                raise TypeError(msg)  # noqa: TRY301  # told as any failure is
        except Exception as error:  # a report must not be lost because of what would adorn it
            _LOG.warning("postprocess of %s failed: %s: %s", report.key, type(error).__name__, error)
            return report
        return made


def _function(name: str) -> Callable[..., Any]:
    try:
        if ":" in name:
            module, _, attribute = name.partition(":")
            found = getattr(import_module(module), attribute)
        else:
            (entry,) = entry_points(group=GROUP, name=name)
            found = entry.load()
    except (ImportError, AttributeError, ValueError) as error:
        msg = f"hooks: expected {name!r} to be an entry point of the group {GROUP!r} or module:function, got {error}"
        raise SettingsError(msg) from error
    if not callable(found):
        msg = f"hooks: expected {name!r} to be a function, got {type(found).__name__}"
        raise SettingsError(msg)
    return found  # type: ignore[no-any-return]


def _preprocess(name: str) -> Preprocess:
    if name.endswith(".py"):
        return by_record(RecordHandler(load_script(Path(name), PREPROCESS)))
    return by_block(_function(name))


def by_block(hook: Callable[[Block], Block]) -> Preprocess:
    """Make a hook of a function over features and outputs; where it fails, all rows of the batch are refused."""

    def prepare(batch: EventBatch, topic: str, partition: int) -> Prepared:
        n = len(batch.ids)
        try:
            made = hook(Block(n, {name: _column(values) for name, values in batch.columns.items()}))
            if not isinstance(made, Block) or made.n != n or any(len(c.values) != n for c in made.columns.values()):
                msg = f"expected preprocess to return a block of {n} rows, got {shown(made)}"
                raise TypeError(msg)  # noqa: TRY301  # told as any failure is
        except Exception as error:  # whatever a user's code raises
            text = f"preprocess raised {type(error).__name__}: {shown(str(error))}"
            return Prepared(None, (_refused(batch, topic, partition, np.arange(n), text),))
        columns = {name: _values(column) for name, column in made.columns.items()}
        return Prepared(replace(batch, columns=columns))

    return prepare


def by_record(handler: RecordHandler) -> Preprocess:
    """Make a hook of a `preprocess_handler`: what it returns are the event's features, its prediction stays."""

    def prepare(batch: EventBatch, topic: str, partition: int) -> Prepared:
        try:
            records = event_records(batch)
        except ValueError as error:
            text = f"expected ids that are UTF-8, as {PREPROCESS} needs: {error}"
            return Prepared(None, (_refused(batch, topic, partition, np.arange(len(batch.ids)), text),))
        made, kept, refused = EventRows(), [], []
        for place, record in enumerate(records):
            try:
                features = _one(handler, record)
                if features is not None:
                    made.add(record | {"features": features}, 0, MAX_TIME_MS)
                    kept.append(place)
            except Refused as error:
                refused.append(_refused(batch, topic, partition, np.array([place]), error.text))
        here = batch.take(np.array(kept, np.int64))
        features = {
            name: v for one in made.batches() for name, v in one.columns.items() if not name.startswith(_OUTPUT)
        }
        outputs = {name: values for name, values in here.columns.items() if name.startswith(_OUTPUT)}
        return Prepared(replace(here, columns=features | outputs) if kept else None, tuple(refused))

    return prepare


def _one(handler: RecordHandler, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The features that a handler makes of an event; None to leave the event out."""
    named = (record["inference_id"], iso_time(record["event_time"]))
    rows = handler.rows(record_of(*named, record.get("features") or {}, record.get("prediction") or {}))
    if len(rows) > 1:
        raise Refused(FAILED, f"expected {PREPROCESS} to return at most one row of an event, got {len(rows)}")
    return rows[0] if rows else None


def _column(values: Values) -> Column:
    return Column(Kind(values.kind), values.values, values.valid, values.categories, values.absent)


def _values(column: Column) -> Values:
    return Values(int(column.kind), column.values, column.valid, column.categories, column.absent)


def _refused(batch: EventBatch, topic: str, partition: int, rows: NDArray[Any], text: str) -> Rejected:
    ids = batch.ids[rows].tobytes()
    offset = int(batch.offset[rows][0])
    digest = hashlib.sha256(ids).hexdigest()
    return Rejected(topic, partition, offset, FAILED, text, len(rows), digest, len(ids), batch.model)
