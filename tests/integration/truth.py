# SPDX-License-Identifier: Apache-2.0
"""What the monitor must find: plain counting, row by row, in the order in which each partition was written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
GRACE_MS = 300_000
ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Row:
    """One inference; a value of None is null, a value of `ABSENT` has no key in its event."""

    id: str
    time_ms: int
    age: int | None
    hours: float | str | None
    job: str | None
    predicted: str | None
    score: float | None

    @property
    def features(self) -> dict[str, object]:
        """Features whose key is in the event."""
        every = {"age": self.age, "hours": self.hours, "job": self.job}
        return {name: value for name, value in every.items() if value != ABSENT}

    @property
    def decision(self) -> str | None:
        """The class predicted, or that the score means at a threshold of 0.5."""
        if self.predicted is not None or self.score is None:
            return self.predicted
        return "1" if self.score > 0.5 else "0"


@dataclass(slots=True)
class Feature:
    """One feature in one window: rows with its key, of these nulls, and how often each value came."""

    rows: int = 0
    values: Counter[object] = field(default_factory=Counter)

    def add(self, value: object) -> None:
        """Count one row that has the key."""
        self.rows += 1
        self.values[value] += 1

    def summary(self) -> dict[str, object]:
        """Everything of the feature that is exact; strings that spell numbers count as both."""
        texts = {value: n for value, n in self.values.items() if isinstance(value, str)}
        spelled = {float(text): n for text, n in texts.items() if text.isdecimal()}
        plain = {value: n for value, n in self.values.items() if isinstance(value, int | float)}
        numbers = [float(value) for held in (plain, spelled) for value, n in held.items() for _ in range(n)]
        return {
            "rows": self.rows,
            "null": self.values[None],
            "integral": sum(n for value, n in plain.items() if isinstance(value, int)),
            "floats": sum(n for value, n in plain.items() if isinstance(value, float)),
            "strings": sum(texts.values()),
            "numbers": len(numbers),
            "sum": math.fsum(numbers),
            "extremes": (min(numbers, default=math.inf), max(numbers, default=-math.inf)),
            "ranked": len(numbers),
            "categories": texts,
        }


@dataclass(slots=True)
class Window:
    """One window, all partitions together."""

    rows: int = 0
    late: int = 0
    duplicates: int = 0
    features: dict[str, Feature] = field(default_factory=dict)
    members: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Count an accepted row."""
        self.rows += 1
        self.members.append(row)
        for name, value in row.features.items():
            self.features.setdefault(name, Feature()).add(value)


class Truth:
    """One model version's windows, and what was refused."""

    def __init__(self) -> None:
        self.windows: dict[int, Window] = {}
        self.labels: dict[str, str] = {}
        self.dead: Counter[tuple[str, int, int]] = Counter()
        self.rejected = 0
        self.misplaced = 0
        self._seen: set[str] = set()
        self._stream_time_ms: dict[int, int] = {}

    def event(self, partition: int, row: Row) -> None:
        """Count a row written to the partition of its id."""
        start = row.time_ms - row.time_ms % HOUR_MS
        window = self.windows.setdefault(start, Window())
        if row.id in self._seen:
            window.duplicates += 1
            return
        self._seen.add(row.id)
        now = self._stream_time_ms[partition] = max(self._stream_time_ms.get(partition, 0), row.time_ms)
        window.late += now >= start + HOUR_MS + GRACE_MS
        window.add(row)

    def label(self, inference_id: str, label: str) -> None:
        """Take a label; the last one of an id holds."""
        self.labels[inference_id] = label

    def labelled(self, window: Window) -> list[tuple[Row, str]]:
        """Rows of a window with their labels."""
        return [(row, self.labels[row.id]) for row in window.members if row.id in self.labels]

    def cells(self, window: Window) -> tuple[int, int, int, int]:
        """Count true positives, false negatives, false positives, true negatives of a window."""
        pairs = ((row.decision, label) for row, label in self.labelled(window))
        return confusion((decision, label) for decision, label in pairs if decision is not None)

    def scores(self, window: Window) -> tuple[list[float], list[float]]:
        """List the scores of negatives and of positives of a window."""
        pairs = [(row.score, label) for row, label in self.labelled(window) if row.score is not None]
        return [s for s, label in pairs if label != "1"], [s for s, label in pairs if label == "1"]


def confusion(pairs: Iterable[tuple[str, str]]) -> tuple[int, int, int, int]:
    """Count (predicted, actual) pairs as true positives, false negatives, false positives, true negatives."""
    count = Counter((predicted == "1", actual == "1") for predicted, actual in pairs)
    return count[True, True], count[False, True], count[True, False], count[False, False]
