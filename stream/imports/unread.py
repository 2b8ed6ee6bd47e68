# SPDX-License-Identifier: Apache-2.0
"""What could not be read of files: counted, and listed as far as anybody would look."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_LISTED = 1_000


class Unread(NamedTuple):
    """A line that could not be read, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(slots=True)
class UnreadLines:
    """Lines, and rows of lines, that could not be read.

    Parameters
    ----------
    count : int
        All of them.
    listed : list of Unread
        The first `MAX_LISTED`.

    Examples
    --------
    >>> unread = UnreadLines()
    >>> unread.add(Path("a.jsonl"), 7, "expected a JSON object, got 3")
    >>> unread.told()
    ['a.jsonl:7: expected a JSON object, got 3', 'warning: 1 records could not be read']
    """

    count: int = 0
    listed: list[Unread] = field(default_factory=list)

    def add(self, file: Path, line: int, reason: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(Unread(str(file), line, reason))

    def told(self, shown: int = 20) -> list[str]:
        """Say the first few and how many there are, in lines for a person; none if all was read."""
        if not self.count:
            return []
        more = f", the first {shown} above" if self.count > shown else ""
        return [*map(str, self.listed[:shown]), f"warning: {self.count} records could not be read{more}"]
