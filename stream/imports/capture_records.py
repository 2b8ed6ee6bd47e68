# SPDX-License-Identifier: Apache-2.0
"""Captured requests: the rows of one line of a capture file, formats 1.1 and 1.3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from stream.imports.ground_truth import event_id, read_record, row_ids, truths_of
from stream.imports.payloads import Row, cell, flatten
from stream.imports.selectors import Selector
from stream.imports.sides import Sides, sides_of, transformed
from topics.fields import MAX_TIME_MS, read_time
from topics.refusals import Refused

Naming = Callable[[int], tuple[str, ...]]


@cache
def numbered(count: int) -> tuple[str, ...]:
    """Name columns without a header so that their order is that of their names, as the managed monitor's samples do.

    Examples
    --------
    >>> numbered(2)
    ('00000000000000000000', '00000000000000000001')
    """
    return tuple(str(place).zfill(20) for place in range(count))


@dataclass(frozen=True, slots=True)
class CaptureForm:
    """How to read what was captured.

    Parameters
    ----------
    columns : tuple of str
        Names of columns that come by position; without them they are `numbered`.
    outputs_too : bool
        Whether the output's columns are features as well, before the input's, as in a managed monitor's baseline.
    prediction, score, value : Selector, optional
        Attributes of the output: the class, the probability of the positive class, the number predicted.
    truth : Selector, optional
        Attribute of the ground truth, in merged records.
    naming : callable, optional
        Names so many columns by position, in place of `columns`.
    texts : frozenset of str
        Columns of the features whose values stay text, whatever they spell.
    """

    columns: tuple[str, ...] = ()
    outputs_too: bool = False
    prediction: Selector | None = None
    score: Selector | None = None
    value: Selector | None = None
    truth: Selector | None = None
    naming: Naming | None = None
    texts: frozenset[str] = frozenset()

    @property
    def outputs(self) -> dict[str, Selector]:
        """The attributes that are read, by the name that an event has for them."""
        named = {"label": self.prediction, "score": self.score, "value": self.value}
        return {name: selector for name, selector in named.items() if selector is not None}

    def names(self, count: int) -> tuple[str, ...]:
        """Name columns by position; raises `Refused` where there are not as many as names."""
        if self.naming is not None:
            return self.naming(count)
        if not self.columns:
            return numbered(count)
        if len(self.columns) != count:
            which = "output and input" if self.outputs_too else "input"
            raise Refused(
                "bad_type", f"expected {len(self.columns)} columns in {which}, as they are named, got {count}"
            )
        return self.columns


class CapturedRow(NamedTuple):
    """One inference; `truth` is None where the record holds no ground truth."""

    inference_id: str
    time_ms: int
    features: dict[str, Any]
    prediction: dict[str, Any]
    truth: Any = None


def read_capture(line: bytes | str, form: CaptureForm, hour_ms: int | None = None) -> list[CapturedRow]:
    """Read one line of a capture file.

    Parameters
    ----------
    line : bytes or str
        A captured request, a merged record, or a line of a transform job's output with its id and time.
    form : CaptureForm
        How to read it.
    hour_ms : int, optional
        Time of rows that say none: the hour that the file lies under.

    Raises
    ------
    Refused
        Saying what was expected and what came.

    Examples
    --------
    >>> side = '{"data":"%s","encoding":"CSV"}'
    >>> line = '{"captureData":{"endpointInput":%s,"endpointOutput":%s},"eventMetadata":{"eventId":"a"}}'
    >>> form = CaptureForm(columns=("age", "plan"), score=Selector.parse("0"))
    >>> read_capture(line % (side % "39,family", side % "0.83"), form, hour_ms=0)[0][2:4]
    ({'age': 39, 'plan': 'family'}, {'score': 0.83})
    """
    text = line.decode(errors="replace") if isinstance(line, bytes) else line
    record = read_record(text) if text.lstrip()[:1] in {"{", "["} else {}
    sides = sides_of(record) if record else transformed(text)
    metadata = record.get("eventMetadata")
    shared_time = metadata.get("inferenceTime") if isinstance(metadata, dict) else None
    times = [own or shared_time or hour_ms for own in sides.times]
    ids = sides.ids if all(sides.ids) else row_ids(event_id(metadata), sides.n)
    held = record.get("groundTruthData")
    truths = truths_of(held, form.truth, sides.n) if isinstance(held, dict) else [None] * sides.n
    if len(truths) != sides.n:
        raise Refused("bad_type", f"expected {sides.n} labels, as there are rows, got {len(truths)}")
    outputs, features = _outputs(sides, form), _features(sides, form)
    return [
        CapturedRow(str(name), read_time(time, MAX_TIME_MS), *row)
        for name, time, *row in zip(ids, times, features, outputs, truths, strict=True)
    ]


def _outputs(sides: Sides, form: CaptureForm) -> list[dict[str, Any]]:
    if sides.outputs is None:
        return [{} for _ in range(sides.n)]
    # Columns of the input are named; those of the output are too where they come together.
    names = form.columns if sides.mixed else ()
    found = {name: sides.outputs.select(selector, names) for name, selector in form.outputs.items()}
    return [{name: values[row] for name, values in found.items()} for row in range(sides.n)]


def _features(sides: Sides, form: CaptureForm) -> list[dict[str, Any]]:
    """Columns of every row: the input's, after the output's where these are features too."""
    parts = [sides.outputs] if sides.outputs is not None and (form.outputs_too or sides.mixed) else []
    parts += [sides.inputs] if sides.inputs is not None else []
    rows = [_named([(part.rows[row], part.text) for part in parts], form) for row in range(sides.n)]
    if sides.mixed and not form.outputs_too:
        taken = {name for selector in form.outputs.values() for name in _columns_of(selector, rows[0])}
        rows = [{name: value for name, value in row.items() if name not in taken} for row in rows]
    return rows


def _named(parts: list[tuple[Row, bool]], form: CaptureForm) -> dict[str, Any]:
    names = iter(form.names(count) if (count := sum(len(row) for row, _ in parts if isinstance(row, list))) else ())
    named: dict[str, Any] = {}
    for row, text in parts:
        held = row if isinstance(row, dict) else dict(zip(islice(names, len(row)), row, strict=True))
        # Cells of CSV hold nothing to flatten.
        flat = held if text else flatten(held)
        named |= {name: _value(value, name, form, text=text) for name, value in flat.items()}
    return named


def _value(value: Any, name: str, form: CaptureForm, *, text: bool) -> Any:
    if name in form.texts and isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip() or None
    return cell(value) if text and isinstance(value, str) else value


def _columns_of(selector: Selector, row: dict[str, Any]) -> list[str]:
    first, names = selector.steps[0], list(row)
    if isinstance(first, int):
        return [names[first]] if -len(names) <= first < len(names) else []
    return [name for name in names if name == first or name.startswith(f"{first}.")]
