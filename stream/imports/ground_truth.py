# SPDX-License-Identifier: Apache-2.0
"""Ground-truth records: labels under the id of their inference, formats 1.2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from stream.imports.payloads import cell, read_payload
from stream.imports.selectors import Selector
from topics.refusals import Refused, shown

_LABEL = "label"


class Truth(NamedTuple):
    """What became known of one inference."""

    inference_id: str
    truth: Any


def read_record(line: bytes | str) -> dict[str, Any]:
    """Read one line as a JSON object; raises `Refused`."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise Refused("undecodable", f"expected a JSON object, got {shown(line[:64])}") from None
    if not isinstance(record, dict):
        raise Refused("undecodable", f"expected a JSON object, got {shown(record)}")
    return record


def event_id(metadata: Any) -> str:
    """Give the id that joins an inference and its label: the caller's if there is one; raises `Refused`.

    Examples
    --------
    >>> event_id({"eventId": "e", "inferenceId": "7"}), event_id({"eventId": "e"})
    ('7', 'e')
    """
    found = metadata.get("inferenceId") or metadata.get("eventId") if isinstance(metadata, dict) else None
    if not isinstance(found, str):
        raise Refused("missing_field", f"expected eventMetadata.inferenceId or eventId, got {shown(found)}")
    return found


def row_ids(base: str, rows: int) -> list[str]:
    """Name the rows of one record.

    Examples
    --------
    >>> row_ids("a", 1), row_ids("a", 2)
    (['a'], ['a/0', 'a/1'])
    """
    return [base] if rows == 1 else [f"{base}/{row}" for row in range(rows)]


def read_ground_truth(line: bytes | str, attribute: Selector | None = None) -> list[Truth]:
    """Read one line of a ground-truth file.

    Parameters
    ----------
    line : bytes or str
        `groundTruthData` and `eventMetadata`; merged records, which hold these too, are as good.
    attribute : Selector, optional
        Which attribute is the truth, where there is more than one.

    Returns
    -------
    list of Truth
        Positional labels of a record of many rows go to the ids `<id>/0`, `<id>/1`, ….

    Raises
    ------
    Refused
        Saying what was expected and what came.

    Examples
    --------
    >>> line = '{"groundTruthData":{"data":"1","encoding":"CSV"},"eventMetadata":{"eventId":"a"},"eventVersion":"0"}'
    >>> read_ground_truth(line)
    [Truth(inference_id='a', truth=1)]
    """
    record = read_record(line)
    held = record.get("groundTruthData")
    if not isinstance(held, dict):
        raise Refused("missing_field", f"expected an object groundTruthData, got {shown(held)}")
    truths = truths_of(held, attribute)
    ids = row_ids(event_id(record.get("eventMetadata")), len(truths))
    return [Truth(name, truth) for name, truth in zip(ids, truths, strict=True)]


def truths_of(held: Mapping[str, Any], attribute: Selector | None, rows: int | None = None) -> list[Any]:
    """Read one label a row out of `groundTruthData`; raises `Refused`.

    Examples
    --------
    >>> truths_of({"data": '{"instances":[{"label":0},{"label":1}]}', "encoding": "JSON"}, None)
    [0, 1]
    """
    payload = read_payload(held, rows)
    if attribute is not None:
        return payload.select(attribute)
    truths = []
    for row in payload.rows:
        cells = list(row.values()) if isinstance(row, dict) else row
        truth = row[_LABEL] if isinstance(row, dict) and _LABEL in row else cells[0] if len(cells) == 1 else None
        if isinstance(truth, str) and payload.text:
            truth = cell(truth)
        if truth is None:
            text = f"expected one label, or an attribute named label, got {len(cells)} values: name it with --label"
            raise Refused("missing_field", text)
        truths.append(truth)
    return truths
