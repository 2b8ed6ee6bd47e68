# SPDX-License-Identifier: Apache-2.0
"""What went into a model and what came out, of one captured request or one line of a transform job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from stream.imports.payloads import Payload, Row, read_csv, read_payload, row_of
from topics.refusals import Refused, shown

_ID, _TIME, _OUTPUT = "SageMakerInferenceId", "SageMakerInferenceTime", "SageMakerOutput"
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*")


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows of one record, at least one side of them.

    Parameters
    ----------
    inputs, outputs : Payload, optional
        As many rows in both.
    ids, times : tuple
        What each row says of itself, in batch transform; else None.
    mixed : bool
        Whether `outputs` holds the columns of both sides and nothing tells them apart.
    """

    inputs: Payload | None
    outputs: Payload | None
    ids: tuple[str | None, ...]
    times: tuple[Any, ...]
    mixed: bool = False

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.ids)


def sides_of(record: dict[str, Any]) -> Sides:
    """Read both sides of a captured request, or of a line that a transform job stamped; raises `Refused`.

    Examples
    --------
    >>> sides_of({"output": 1, "SageMakerInferenceId": "a", "SageMakerInferenceTime": "2022-08-30T00:49:15Z"}).ids
    ('a',)
    """
    data = record.get("captureData")
    if data is None and _ID in record:
        return _transform(Payload((record,), record))
    if not isinstance(data, dict):
        raise Refused("missing_field", f"expected an object captureData, got {shown(data)}")
    for side, held in data.items():
        if held is not None and not isinstance(held, dict):
            raise Refused("bad_type", f"expected captureData.{shown(side)} to be an object, got {shown(held)}")
    if data.get("batchTransformOutput"):
        return _transform(read_payload(data["batchTransformOutput"]))
    sent, answered = data.get("endpointInput"), data.get("endpointOutput")
    if not sent and not answered:
        raise Refused("missing_field", f"expected endpointInput or endpointOutput, got {shown(sorted(data))}")
    inputs = read_payload(sent) if sent else None
    outputs = read_payload(answered, len(inputs.rows) if inputs else None) if answered else None
    if inputs and outputs and len(inputs.rows) != len(outputs.rows):
        text = f"expected as many rows in output as in input, got {len(outputs.rows)} and {len(inputs.rows)}"
        raise Refused("bad_type", text)
    n = len((inputs or outputs or Payload(())).rows)
    return Sides(inputs, outputs, (None,) * n, (None,) * n)


def transformed(text: str) -> Sides:
    """Read lines of CSV that a transform job stamped with an id and a time; raises `Refused`.

    Examples
    --------
    >>> transformed("0, 1f1d57b1, 2022-08-30T00:49:15Z").times
    ('2022-08-30T00:49:15Z',)
    """
    rows = read_csv(text)
    if not rows or not all(_is_stamped(row) for row in rows):
        what = "a JSON object, or CSV that ends with an id and a time"
        raise Refused("undecodable", f"expected {what}, got {shown(text)}")
    return _transform(Payload(tuple(rows), text=True))


def _is_stamped(row: Row) -> bool:
    return isinstance(row, list) and len(row) > 2 and isinstance(row[-1], str) and bool(_ISO.fullmatch(row[-1].strip()))


def _transform(payload: Payload) -> Sides:
    ids: list[str | None] = []
    times: list[Any] = []
    inputs: list[Row] = []
    outputs: list[Row] = []
    for row in payload.rows:
        if isinstance(row, dict):
            own, at = row.get(_ID), row.get(_TIME)
            rest = {name: value for name, value in row.items() if name not in {_ID, _TIME, _OUTPUT}}
            inputs.append(row_of(rest))
            outputs.append(row_of(row[_OUTPUT]) if _OUTPUT in row else rest)
        else:
            stamped = _is_stamped(row)
            own, at = (str(row[-2]).strip(), str(row[-1]).strip()) if stamped else (None, None)
            outputs.append(row[:-2] if stamped else row)
        ids.append(own if isinstance(own, str) and own else None)
        times.append(at)
    if all(isinstance(row, dict) and _OUTPUT in row for row in payload.rows):
        whole = payload.document
        document = whole.get(_OUTPUT) if isinstance(whole, dict) and len(outputs) == 1 else whole
        return Sides(Payload(tuple(inputs)), Payload(tuple(outputs), document), tuple(ids), tuple(times))
    return Sides(None, Payload(tuple(outputs), text=payload.text), tuple(ids), tuple(times), mixed=True)
