# SPDX-License-Identifier: Apache-2.0
"""Reading a run of Arrow blocks: checks on whole columns, then one batch for each model, version and id length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from topics import arrow_columns
from topics.arrow_layout import Layout
from topics.batches import EventBatch, LabelBatch, Message, Values
from topics.fields import MAX_GROUPS, MAX_ID_BYTES, MAX_TIME_MS, MAX_VALUE
from topics.records import NAME
from topics.refusals import Refusals, Refused

Mask = NDArray[np.bool_]


class Run:
    """Messages of one schema, until they are read together.

    `latest` holds the latest event time that each message may have, `parts` its record batches.
    """

    def __init__(self, schema: Any, layout: Layout, origin: str) -> None:
        self.schema = schema
        self.layout = layout
        self.origin = origin
        self.messages: list[Message] = []
        self.latest: list[int] = []
        self.parts: list[list[Any]] = []

    def alone(self, place: int) -> Run:
        """The run of one of its messages."""
        one = Run(self.schema, self.layout, self.origin)
        one.messages, one.latest, one.parts = [self.messages[place]], [self.latest[place]], [self.parts[place]]
        return one


class _Checks:
    """Which rows are refused, and why: the first reason counts."""

    def __init__(self, run: Run, message_of: NDArray[np.intp]) -> None:
        self._run = run
        self._message_of = message_of
        self._why = np.zeros(len(message_of), np.int8)
        self._reasons: list[tuple[str, str]] = [("", "")]

    def refuse(self, rows: NDArray[np.bool_], reason: str, text: str) -> None:
        if rows.any():
            self._reasons.append((reason, text))
            self._why[rows & (self._why == 0)] = len(self._reasons) - 1

    def kept(self, refusals: Refusals) -> NDArray[np.bool_] | None:
        """Rows to keep, None if all; the others are written down."""
        if len(self._reasons) == 1:
            return None
        for code, (reason, text) in enumerate(self._reasons[1:], 1):
            counts = np.bincount(self._message_of[self._why == code], minlength=len(self._run.messages))
            for place in np.flatnonzero(counts).tolist():
                message, rows = self._run.messages[place], int(counts[place])
                refusals.add(message, reason, text, rows=rows, model=self._run.layout.model or "")
        kept: Mask = self._why == 0
        return kept


class _Names(NamedTuple):
    """Model, version and sample rate of each row as codes; codes None where all rows have the first."""

    models: tuple[str, ...]
    versions: tuple[str | None, ...]
    rates: tuple[float, ...]
    codes: NDArray[np.int64] | None

    def segments(self, *, ordered: bool) -> Iterator[tuple[str, str | None, float, Mask | None]]:
        """Rows of one name; with `ordered` only neighbours share a segment, so that rows keep their order.

        Each segment costs a pass over all rows, so their number is bounded.
        """
        if self.codes is None:
            yield self.models[0], self.versions[0], self.rates[0], None
            return
        starts = np.flatnonzero(np.diff(self.codes, prepend=self.codes[0] - 1))
        distinct = np.unique(self.codes)
        groups = len(starts) if ordered else len(distinct)
        if groups > MAX_GROUPS:
            text = f"expected at most {MAX_GROUPS} groups of rows of one model and version in a block, got {groups}"
            raise Refused("too_many_models", text + "; sort rows by model and version", rows=len(self.codes))
        if not ordered:
            for code in distinct.tolist():
                yield (*self._named(code), self.codes == code)
            return
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(self.codes)], strict=True):
            rows = np.zeros(len(self.codes), np.bool_)
            rows[start:end] = True
            yield (*self._named(int(self.codes[start])), rows)

    def _named(self, code: int) -> tuple[str, str | None, float]:
        rest, rate = divmod(code, len(self.rates))
        model, version = divmod(rest, len(self.versions))
        return self.models[model], self.versions[version], self.rates[rate]


def read(run: Run, refusals: Refusals) -> Iterator[EventBatch | LabelBatch]:
    """Read a run; rows that cannot be taken are written into `refusals`."""
    counts = [sum(part.num_rows for part in parts) for parts in run.parts]
    n = sum(counts)
    if n == 0:
        return
    table = pa.Table.from_batches([part for parts in run.parts for part in parts], run.schema)
    if run.layout.dictionaries:
        table = table.unify_dictionaries()
    arrays = [arrow_columns.storage(column.chunk(0)) for column in table.combine_chunks().columns]
    single = {name: arrays[number] for name, number in run.layout.single.items()}
    message_of = np.repeat(np.arange(len(counts)), counts)
    checks = _Checks(run, message_of)
    groups, lengths = arrow_columns.ids(single["inference_id"])
    checks.refuse(lengths == 0, "missing_field", "expected a non-empty inference_id, got none")
    checks.refuse(lengths > MAX_ID_BYTES, "id_length", f"expected inference_id of 1 to {MAX_ID_BYTES} bytes, got more")
    names = _names(single, run.layout, n, checks)
    times = _times(single.get("event_time"), run, message_of, checks)
    offsets = np.array([message.offset for message in run.messages], np.int64)[message_of]
    empty = np.empty((n, 0), np.uint8)
    whole: EventBatch | LabelBatch
    if run.layout.events:
        columns, attributes = _columns(run.layout, arrays, checks)
        whole = EventBatch("", "", empty, times, offsets, columns, **attributes, origin=run.origin)
    else:
        whole = LabelBatch("", None, empty, times, offsets, *_truth(single, checks), origin=run.origin)
    keep = checks.kept(refusals)
    for model, version, rate, rows in names.segments(ordered=not run.layout.events):
        named: dict[str, Any] = {"model": model, "version": version}
        if run.layout.events:
            named["sample_rate"] = rate
        mask = rows if keep is None else keep if rows is None else keep & rows
        for places, ids in groups:
            batch = _cut(whole, named, mask, places, ids)
            if len(batch.ids):
                yield batch


def _cut(
    whole: EventBatch | LabelBatch,
    named: dict[str, Any],
    mask: Mask | None,
    places: NDArray[np.int64] | None,
    ids: NDArray[np.uint8],
) -> EventBatch | LabelBatch:
    if places is not None:
        taken = None if mask is None else mask[places]
        whole = whole.take(places if taken is None else places[taken])
        return replace(whole, ids=ids if taken is None else ids[taken], **named)
    if mask is None:
        return replace(whole, ids=ids, **named)
    return replace(whole.take(mask), ids=ids[mask], **named)


def _times(array: Any, run: Run, message_of: NDArray[np.intp], checks: _Checks) -> NDArray[np.int64]:
    if array is None or pa.types.is_null(array.type):
        values: NDArray[np.int64] = np.zeros(len(message_of), np.int64)
        valid: Mask | None = np.zeros(len(message_of), np.bool_)
    else:
        values, valid = arrow_columns.times(array)
    if valid is not None and not run.layout.events:
        stamped = np.array([message.timestamp_ms for message in run.messages], np.int64)[message_of]
        values = np.where(valid, values, stamped)
    elif valid is not None:
        checks.refuse(~valid, "missing_field", "expected an event_time, got null")
    outside = (values < 0) | (values >= MAX_TIME_MS)
    checks.refuse(outside, "bad_time", "expected event_time between the years 1970 and 9999, got another")
    late = values > np.array(run.latest, np.int64)[message_of]
    checks.refuse(
        late, "future_time", f"expected event_time at most {max(run.latest)} ms (now and skew), got a later one"
    )
    return values


def _names(single: dict[str, Any], layout: Layout, n: int, checks: _Checks) -> _Names:
    models, of_model = _coded(single.get("model"), "model", layout.model, n, checks)
    versions, of_version = _coded(single.get("model_version"), "model_version", layout.version, n, checks)
    rates: tuple[float, ...] = (layout.sample_rate,)
    of_rate = None
    if "sample_rate" in single:
        column = arrow_columns.numbers(single["sample_rate"])
        values = column.values if column.valid is None else np.where(column.valid, column.values, 1.0)
        checks.refuse(~((values > 0) & (values <= 1)), "bad_sample_rate", "expected sample_rate in (0, 1], got another")
        distinct, of_rate = np.unique(values, return_inverse=True)
        rates = tuple(distinct.tolist())
    if of_model is None and of_version is None and of_rate is None:
        return _Names(models, versions, rates, None)
    zero = np.zeros(n, np.int64)
    codes = zero if of_model is None else of_model.astype(np.int64)
    codes = codes * len(versions) + (zero if of_version is None else of_version)
    return _Names(models, versions, rates, codes * len(rates) + (zero if of_rate is None else of_rate))


def _coded(
    array: Any, field: str, default: str | None, n: int, checks: _Checks
) -> tuple[tuple[Any, ...], NDArray[np.int32] | None]:
    """Names by code; the last stands for rows without one."""
    if array is None or pa.types.is_null(array.type):
        if default is None and field == "model":
            checks.refuse(np.ones(n, np.bool_), "missing_field", f"expected a {field}, got null")
        return (default,), None
    column = arrow_columns.strings(array)
    good = np.array([NAME.fullmatch(name) is not None for name in column.categories] or [True], np.bool_)
    codes = column.values
    if column.valid is not None:
        if default is None and field == "model":
            checks.refuse(~column.valid, "missing_field", f"expected a {field}, got null")
        codes = np.where(column.valid, codes, len(column.categories)).astype(np.int32)
        good = np.append(good[: len(column.categories)], True)
    checks.refuse(~good[codes], "bad_name", f"expected {field} of 1 to 128 characters A-Z a-z 0-9 . _ -, got another")
    names = (*column.categories, default)
    return (names, None) if len(column.categories) == 1 and column.valid is None else (names, codes)


def _columns(layout: Layout, arrays: list[Any], checks: _Checks) -> tuple[dict[str, Values], dict[str, Any]]:
    section = {name: layout.sections.get(name, {}) for name in ("features", "tags", "attributions", "embeddings")}
    columns = {name: arrow_columns.scalars(arrays[number]) for name, number in section["features"].items()}
    for name, number in layout.sections.get("prediction", {}).items():
        columns[f"prediction.{name}"] = _output(name, arrays[number], checks)
    return columns, {
        "tags": {name: arrow_columns.scalars(arrays[number]) for name, number in section["tags"].items()},
        "attributions": {
            name: arrow_columns.numbers(arrays[number]) for name, number in section["attributions"].items()
        },
        "embeddings": {name: arrow_columns.vectors(arrays[number]) for name, number in section["embeddings"].items()},
    }


def _output(name: str, array: Any, checks: _Checks) -> Values:
    if name == "label":
        return _classes(array, "prediction.label", checks)
    column = arrow_columns.numbers(array)
    known = np.True_ if column.valid is None else column.valid
    if name == "value":
        _check_values(column.values, known, "prediction.value", checks)
        return column
    wrong = ~((column.values >= 0.0) & (column.values <= 1.0)) & known
    checks.refuse(wrong, "score_range", f"expected prediction.{name} in [0, 1], got another value")
    return column


def _check_values(values: NDArray[np.float64], known: Any, field: str, checks: _Checks) -> None:
    wrong = ~(np.abs(values) <= MAX_VALUE) & known
    checks.refuse(wrong, "value_range", f"expected {field} from {-MAX_VALUE} to {MAX_VALUE}, got another")


def _classes(array: Any, field: str, checks: _Checks) -> Values:
    column = arrow_columns.classes(array)
    if column.valid is not None:
        wrong = ~column.valid
        if array.null_count:
            wrong &= array.is_valid().to_numpy(zero_copy_only=False)
        checks.refuse(wrong, "bad_label", f"expected {field} to be a class of 1 to 256 characters, got another value")
    return column


def _truth(single: dict[str, Any], checks: _Checks) -> tuple[Values | None, NDArray[np.float64] | None]:
    if "label" in single:
        column = _classes(single["label"], "label", checks)
        if column.valid is not None:
            checks.refuse(~column.valid, "missing_field", "expected a label, got null")
        return column._replace(valid=None), None
    values = arrow_columns.numbers(single["value"])
    if values.valid is not None:
        checks.refuse(~values.valid, "missing_field", "expected a value, got null")
    _check_values(values.values, np.True_, "value", checks)
    return None, values.values
