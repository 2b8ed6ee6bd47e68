# SPDX-License-Identifier: Apache-2.0
"""Captured payloads: CSV, JSON or BASE64 text as rows."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream.imports.selectors import Selector
from topics.refusals import Refused, shown

Row = list[Any] | dict[str, Any]
"""One row: cells by position, or values by name."""

_BATCH_KEYS = ("instances", "predictions")
# Numbers as Deequ reads them (formats 1.5), but no text that a number would not be written as again: 007 stays 007.
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_FRACTION = re.compile(r"[-+]?\d{1,308}(\.\d+([Ee][-+]?\d{1,3})?|[Ee][-+]?\d{1,3})")


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows of one side of a request.

    Parameters
    ----------
    rows : tuple of Row
        At least one.
    document : any
        What they were read from, where that is JSON.
    text : bool
        Whether cells are text, as in CSV, that `cell` has yet to read.
    """

    rows: tuple[Row, ...]
    document: Any = None
    text: bool = False

    def select(self, selector: Selector, names: tuple[str, ...] = ()) -> list[Any]:
        """Take one attribute of every row.

        Parameters
        ----------
        selector : Selector
            Its path leads from each row, or from the whole document to a value or a list of one value a row.
        names : tuple of str
            Of rows by position.

        Raises
        ------
        Refused
            If some row has no such attribute.

        Examples
        --------
        >>> payload = read_payload({"data": '{"predictions": [{"p": 0.2}, {"p": 0.9}]}', "encoding": "JSON"})
        >>> payload.select(Selector.parse("p")), payload.select(Selector.parse("predictions[*].p"))
        ([0.2, 0.9], [0.2, 0.9])
        """
        first = selector.steps[0]
        if len(selector.steps) == 1 and isinstance(first, str) and first in names:
            selector = Selector(selector.text, (names.index(first),))
        found = [selector.select(row) for row in self.rows]
        if any(value is None for value in found):
            whole = selector.select(self.document)
            found = whole if isinstance(whole, list) and len(whole) == len(self.rows) else [whole]
        if len(found) != len(self.rows) or any(value is None for value in found):
            raise Refused("missing_field", f"expected an attribute {shown(selector.text)} in every row, got none")
        return [cell(value) for value in found] if self.text else found


def read_payload(side: Mapping[str, Any], rows: int | None = None) -> Payload:
    r"""Read one side of a captured request, or ground truth.

    Parameters
    ----------
    side : mapping
        `data`, `encoding` and perhaps `observedContentType`, formats 1.1.
    rows : int, optional
        How many rows the other side has: a list of so many numbers is so many rows, not one.

    Raises
    ------
    Refused
        Saying what was expected and what came.

    Examples
    --------
    >>> read_payload({"data": "132,,no\n7,0.5,007\n", "encoding": "CSV"}).rows
    (['132', '', 'no'], ['7', '0.5', '007'])
    """
    text, encoding = side.get("data"), str(side.get("encoding") or "").upper()
    content = str(side.get("observedContentType") or "").lower()
    if encoding == "BASE64":
        text = _unwrap(text)
        encoding = "JSON" if "json" in content else "CSV" if "csv" in content else ""
    if encoding not in {"CSV", "JSON", ""}:
        raise Refused("undecodable", f"expected encoding CSV, JSON or BASE64, got {shown(encoding)}")
    if not isinstance(text, str):
        if encoding == "JSON" and isinstance(text, dict | list | int | float):
            return _of_document(text, rows)
        raise Refused("undecodable", f"expected data to be a string, got {shown(text)}")
    if encoding == "":
        encoding = "JSON" if "json" in content or text.lstrip()[:1] in {"{", "["} else "CSV"
    payload = _json(text, rows) if encoding == "JSON" else Payload(tuple(read_csv(text)), text=True)
    if not payload.rows:
        raise Refused("undecodable", "expected at least one row of data, got none")
    return payload


def _unwrap(data: Any) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (TypeError, ValueError, binascii.Error) as error:
        kind = "text of a known encoding" if isinstance(error, UnicodeDecodeError) else "BASE64"
        raise Refused("undecodable", f"expected {kind} in data, got {shown(data)}") from None


def read_csv(text: str) -> list[Row]:
    """Read lines of CSV without a header, as text; raises `Refused`."""
    try:
        return [list(line) for line in csv.reader(io.StringIO(text), strict=True) if line]
    except csv.Error as error:
        raise Refused("undecodable", f"expected CSV, got {shown(text)}: {error}") from None


def cell(text: str) -> Any:
    """Read one CSV cell: a number where it is written as one, None where it is empty.

    Examples
    --------
    >>> [cell(text) for text in ("5", " -0.5", "1e3", "", "02139", "abc")]
    [5, -0.5, 1000.0, None, '02139', 'abc']
    """
    text = text.strip()
    if not text:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


def _json(text: str, rows: int | None) -> Payload:
    try:
        return _of_document(json.loads(text), rows)
    except RecursionError:
        raise Refused("undecodable", "expected JSON of moderate depth") from None
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise Refused("undecodable", f"expected JSON, got {shown(text)}: {error}") from None
    try:
        # JSON Lines: one row a line.
        return Payload(tuple(row_of(json.loads(line)) for line in lines))
    except (ValueError, RecursionError) as error:
        raise Refused("undecodable", f"expected JSON or JSON Lines, got {shown(text)}: {error}") from None


def _of_document(document: Any, rows: int | None) -> Payload:
    batch: Any = document
    if isinstance(document, dict):
        batch = next((document[key] for key in _BATCH_KEYS if isinstance(document.get(key), list)), None)
    many = isinstance(batch, list) and (
        batch is not document or all(isinstance(item, dict | list) for item in batch) or len(batch) == rows
    )
    found = [row_of(item) for item in batch] if many else [row_of(document)]
    if not many and isinstance(found[0], list) and rows is not None and 1 < rows == len(found[0]):
        found = [row_of(item) for item in found[0]]
    return Payload(tuple(found), document)


def row_of(value: Any) -> Row:
    """Take one row of whatever JSON holds it: `{"features": …}` is unwrapped, a single value is a row of one cell.

    Examples
    --------
    >>> row_of({"features": [1, 2]}), row_of(3)
    ([1, 2], [3])
    """
    if isinstance(value, dict):
        inner = value.get("features")
        return inner if isinstance(inner, dict | list) and len(value) == 1 else value
    return value if isinstance(value, list) else [value]


def flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    """Make nested objects and lists single columns, named by their path.

    Examples
    --------
    >>> flatten({"a": 1, "b": {"c": [2, 3]}})
    {'a': 1, 'b.c.0': 2, 'b.c.1': 3}
    """
    flat: dict[str, Any] = {}
    stack: list[tuple[str, Any]] = [(name, value) for name, value in reversed(list(row.items()))]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [(f"{name}.{key}", item) for key, item in reversed(list(items))]
        else:
            flat[str(name)] = value
    return flat
