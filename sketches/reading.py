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

_EXACT = 2.0**53


@dataclass(slots=True)
class Reading:
    """Counts by type, numbers and texts of a column's rows.

    Parameters
    ----------
    n : int
        Rows that have the key.
    null, nan, infinite, boolean, integral, integral_float, fractional : int
        Rows by type; `integral_float` is a float without a fraction.
    string_integral, string_fractional, string_boolean, string_other : int
        Strings by what they spell.
    numbers : ndarray of float64
        The finite numbers, strings that spell one not included, in no order.
    parsed : ndarray of float64
        The finite numbers that strings spell.
    low, high : float
        Extremes of `numbers`; infinities of the wrong sign if there are none.
    texts : dict of str to int
        How often each string, `"true"` and `"false"` came.
    exact : ndarray of int64, optional
        Integers as they came, if the column holds nothing else.
    """

    n: int = 0
    null: int = 0
    nan: int = 0
    infinite: int = 0
    boolean: int = 0
    integral: int = 0
    integral_float: int = 0
    fractional: int = 0
    string_integral: int = 0
    string_fractional: int = 0
    string_boolean: int = 0
    string_other: int = 0
    numbers: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    parsed: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    low: float = math.inf
    high: float = -math.inf
    texts: dict[str, int] = field(default_factory=dict)
    exact: NDArray[np.int64] | None = None

    @property
    def all_numbers(self) -> NDArray[np.float64]:
        """The finite numbers, those that strings spell included."""
        return np.concatenate((self.numbers, self.parsed)) if len(self.parsed) else self.numbers


def read(column: Column) -> Reading:
    """Read a column.

    Raises
    ------
    TypeError
        If a MIXED column holds anything but None, bool, int, float and str.

    Examples
    --------
    >>> reading = read(Column(Kind.FLOAT, np.array([1.0, 2.5, np.nan])))
    >>> reading.integral_float, reading.fractional, reading.nan
    (1, 1, 1)
    """
    values, valid, absent = column.values, column.valid, column.absent
    rows = len(values) if absent is None else len(values) - int(np.count_nonzero(absent))
    if valid is not None:
        values = values[valid]
    reading = Reading(n=rows, null=rows - len(values))
    if len(values):
        _READERS[column.kind](reading, values, column.categories)
    return reading


def _floats(reading: Reading, values: NDArray[Any], _: tuple[str, ...] = ()) -> None:
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        finite = np.isfinite(numbers)
        reading.nan += int(np.count_nonzero(np.isnan(numbers)))
        reading.infinite += len(numbers) - int(np.count_nonzero(finite)) - reading.nan
        numbers = numbers[finite]
        if not len(numbers):
            return
        low, high = float(numbers.min()), float(numbers.max())
    integral = int(np.count_nonzero(numbers == np.rint(numbers)))
    reading.integral_float, reading.fractional = integral, len(numbers) - integral
    reading.numbers, reading.low, reading.high = numbers, low, high


def _integers(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    reading.exact = np.asarray(values, dtype=np.int64)
    reading.numbers = reading.exact.astype(np.float64)
    reading.integral = len(values)
    reading.low, reading.high = float(reading.numbers.min()), float(reading.numbers.max())


def _booleans(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    true = int(np.count_nonzero(values))
    reading.boolean = len(values)
    reading.texts = {name: count for name, count in (("true", true), ("false", len(values) - true)) if count}


def _strings(reading: Reading, values: NDArray[Any], categories: tuple[str, ...]) -> None:
    counts = np.bincount(values, minlength=len(categories))
    texts: dict[str, int] = {}
    for code in np.flatnonzero(counts).tolist():
        name = categories[code]
        texts[name] = texts.get(name, 0) + int(counts[code])
    _spell(reading, texts)
    reading.texts = texts


def _mixed(reading: Reading, values: NDArray[Any], _: tuple[str, ...]) -> None:
    texts: Counter[str] = Counter()
    booleans: Counter[str] = Counter()
    numbers: list[float] = []
    whole = 0
    for value in values.tolist():
        if value is None:
            reading.null += 1
        elif isinstance(value, bool):
            booleans["true" if value else "false"] += 1
        elif isinstance(value, str):
            texts[value] += 1
        elif isinstance(value, int):
            numbers.append(_as_float(value))
            whole += math.isfinite(numbers[-1])
        elif isinstance(value, float):
            numbers.append(value)
        else:
            msg = f"a MIXED column holds None, bool, int, float and str, got {type(value).__name__} {value!r}"
            raise TypeError(msg)
    if numbers:
        _floats(reading, np.array(numbers))
        reading.integral_float -= whole
        reading.integral = whole
    _spell(reading, texts)
    reading.boolean = booleans.total()
    reading.texts = dict(texts + booleans)


_READERS = {
    Kind.FLOAT: _floats,
    Kind.INTEGER: _integers,
    Kind.BOOLEAN: _booleans,
    Kind.STRING: _strings,
    Kind.MIXED: _mixed,
}


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _spell(reading: Reading, texts: dict[str, int]) -> None:
    parsed: list[float] = []
    counts: list[int] = []
    for name, count in texts.items():
        kind, value = spelled(name)
        setattr(reading, kind, getattr(reading, kind) + count)
        if value is not None and math.isfinite(value):
            parsed.append(value)
            counts.append(count)
    if parsed:
        reading.parsed = np.repeat(parsed, counts)
