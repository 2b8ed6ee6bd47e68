# SPDX-License-Identifier: Apache-2.0
"""What is kept of a window beside its partials, on the same partition of the profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Window = tuple[str, str, int]
"""Model, version and start in milliseconds."""

Kind = Literal["verdicts", "past"]
"""What was said of a window, and what later windows are compared with."""


@dataclass(frozen=True, slots=True)
class Remember:
    """What to keep of a window; a value of None forgets it."""

    kind: Kind
    window: Window
    value: bytes | None


def remembered_key(kind: Kind, window: Window) -> bytes:
    """Key of what is kept of a window; no profile's key begins with a bar.

    Examples
    --------
    >>> remembered_key("verdicts", ("adult", "3", 3_600_000))
    b'|verdicts|adult|3|3600000'
    """
    model, version, start_ms = window
    return f"|{kind}|{model}|{version}|{start_ms}".encode()


def parse_remembered_key(key: bytes) -> tuple[Kind, Window] | None:
    """Take such a key apart; None for any other key.

    Examples
    --------
    >>> parse_remembered_key(b"|past|adult|3|3600000"), parse_remembered_key(b"adult|3600000|3|0/rows")
    (('past', ('adult', '3', 3600000)), None)
    """
    for kind in get_args(Kind):
        if key.startswith(prefix := f"|{kind}|".encode()):
            model, version, start_ms = key.removeprefix(prefix).decode().split("|")
            return kind, (model, version, int(start_ms))
    return None
