# SPDX-License-Identifier: Apache-2.0
"""What the rows of one column say, read once and shared by every state of the column."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.block import Column, Kind
from sketches.texts import spelled


def _none() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(slots=True)
class Reading:
    """Types, numbers and texts of a column's rows.

    Parameters
    ----------
    types : dict of str to int
        Rows that have the key by type (`sketches.counts.TYPES`), those types only that came.
    numbers : ndarray of float64
        The finite numbers, strings that spell one not included, in no order.
    parsed : ndarray of float64
        The finite numbers that strings spell.
    low, high : float
        Extremes of both; infinities of the wrong sign if there are none.
    texts : dict of str to int
        How often each string, `"true"` and `"false"` came.
    exact : ndarray of int64, optional
        Integers as they came, if the column holds nothing else.
    """

    types: dict[str, int] = field(default_factory=dict)
    numbers: NDArray[np.float64] = field(default_factory=_none)
    parsed: NDArray[np.float64] = field(default_factory=_none)
    low: float = math.inf
    high: float = -math.inf
    texts: dict[str, int] = field(default_factory=dict)
    exact: NDArray[np.int64] | None = None

    @property
    def all_numbers(self) -> NDArray[np.float64]:
        """The finite numbers, those that strings spell included."""
        return np.concatenate((self.numbers, self.parsed)) if len(self.parsed) else self.numbers

    @property
    def integers(self) -> int:
        """How many of `numbers` have no fraction."""
        return self.types.get("integral", 0) + self.types.get("integral_float", 0)

    def count(self, kind: str, rows: int) -> None:
        """Add rows of one type."""
        if rows:
            self.types[kind] = self.types.get(kind, 0) + rows


def read(column: Column) -> Reading:
    """Read a column.

    Raises
    ------
    TypeError
        If a MIXED column holds anything but None, bool, int, float and str.

    Examples
    --------
    >>> reading = read(Column(Kind.FLOAT, np.array([1.0, 2.5, np.nan])))
    >>> reading.types, reading.numbers.tolist()
    ({'nan': 1, 'integral_float': 1, 'fractional': 1}, [1.0, 2.5])
    """
    reading = Reading()
    values = column.values
    if column.valid is not None:
        values = values[column.valid]
        absent = 0 if column.absent is None else int(np.count_nonzero(column.absent))
        reading.count("null", len(column.values) - len(values) - absent)
    if len(values):
        _READERS[column.kind](reading, values, column.categories)
    return reading


def _floats(reading: Reading, values: NDArray[Any], _: tuple[str, ...] = ()) -> None:
    numbers = np.asarray(values, dtype=np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        nan = int(np.count_nonzero(np.isnan(numbers)))
        finite = np.isfinite(numbers)
        reading.count("nan", nan)
        reading.count("infinite", len(numbers) - int(np.count_nonzero(finite)) - nan)
        numbers = numbers[finite]
        if not len(numbers):
            return
        low, high = float(numbers.min()), float(numbers.max())
    integral = int(np.count_nonzero(numbers == np.rint(numbers)))
    reading.count("integral_float", integral)
    reading.count("fractional", len(numbers) - integral)
    reading.numbers, reading.low, reading.high = numbers, low, high


def _integers(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    reading.exact = np.asarray(values, dtype=np.int64)
    reading.numbers = reading.exact.astype(np.float64)
    reading.low, reading.high = float(reading.numbers.min()), float(reading.numbers.max())
    reading.count("integral", len(values))


def _booleans(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    true = int(np.count_nonzero(values))
    reading.count("boolean", len(values))
    reading.texts = {name: count for name, count in (("true", true), ("false", len(values) - true)) if count}


def _strings(reading: Reading, values: NDArray[Any], categories: tuple[str, ...]) -> None:
    counts = np.bincount(values, minlength=len(categories))
    codes = np.flatnonzero(counts)
    texts: dict[str, int] = {}
    for code, count in zip(codes.tolist(), counts[codes].tolist(), strict=True):
        name = categories[code]
        texts[name] = texts.get(name, 0) + count
    _spell(reading, texts)
    reading.texts = texts


def _mixed(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    strings: Counter[str] = Counter()
    booleans: Counter[str] = Counter()
    numbers: list[float] = []
    integers = 0
    for value in values.tolist():
        if value is None:
            reading.count("null", 1)
        elif isinstance(value, bool):
            booleans["true" if value else "false"] += 1
        elif isinstance(value, str):
            strings[value] += 1
        elif isinstance(value, int):
            numbers.append(_as_float(value))
            integers += math.isfinite(numbers[-1])
        elif isinstance(value, float):
            numbers.append(value)
        else:
            msg = f"a MIXED column holds None, bool, int, float and str, got {type(value).__name__} {value!r}"
            raise TypeError(msg)
    if numbers:
        _floats(reading, np.array(numbers))
        reading.count("integral", integers)
        reading.count("integral_float", -integers)
    reading.count("boolean", booleans.total())
    _spell(reading, strings)
    reading.texts = dict(strings + booleans)


_READERS = {
    Kind.FLOAT: _floats,
    Kind.INTEGER: _integers,
    Kind.BOOLEAN: _booleans,
    Kind.STRING: _strings,
    Kind.MIXED: _mixed,
}


def _as_float(value: int) -> float:
    """Take an integer that float64 cannot hold for an infinite one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _spell(reading: Reading, texts: dict[str, int]) -> None:
    parsed: list[float] = []
    counts: list[int] = []
    for name, count in texts.items():
        kind, value = spelled(name)
        reading.count(kind, count)
        if value is not None and math.isfinite(value):
            parsed.append(value)
            counts.append(count)
    if parsed:
        reading.parsed = np.repeat(parsed, counts)
        reading.low = min(reading.low, *parsed)
        reading.high = max(reading.high, *parsed)
