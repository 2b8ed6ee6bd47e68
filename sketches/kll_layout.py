# SPDX-License-Identifier: Apache-2.0
"""The serialized form of a DataSketches KLL sketch of doubles, read and written.

Why not the library's iterator: in datasketches 5.2 it gives wrong weights for merged sketches. Why write: the library
takes single values only, and a run that is already compacted merges ten times faster. `SERIAL_VERSION` and `FAMILY`
guard the layout, together with tests/sketches/test_kll_layout.py.

Little-endian: preamble ints u8, serial version u8, family u8, flags u8, k u16, m u8, 0, then (unless empty or single)
n u64, smallest k u16, levels u8, 0, start of each level u32, smallest and largest value f64, retained values f64.

References
----------
.. [1] Karnin, Lang, Liberty (2016), FOCS, arXiv:1603.05346.
.. [2] apache/datasketches-cpp, kll/include/kll_sketch.hpp: serialize.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sketches.errors import CorruptState

SERIAL_VERSION, SERIAL_VERSION_SINGLE, FAMILY = 1, 2, 15
SMALLEST_LEVEL = 8
_FULL, _SHORT = 5, 2
_EMPTY, _SINGLE = 1, 4
_HEAD = struct.Struct("<BBBBHBB")
_COUNTS = struct.Struct("<QHBB")
_ENDS = struct.Struct("<dd")
_MOST_LEVELS = 61


@dataclass(frozen=True, slots=True)
class Layout:
    """A sketch's content: a value in level i stands for 2**i values."""

    k: int
    n: int
    minimum: float
    maximum: float
    levels: tuple[NDArray[np.float64], ...]

    @property
    def retained(self) -> int:
        """Values kept."""
        return sum(map(len, self.levels))


@cache
def capacity(k: int, levels: int) -> int:
    """Count the values that a sketch of so many levels can hold (kll_helper::compute_total_capacity).

    Examples
    --------
    >>> capacity(200, 1), capacity(200, 2)
    (200, 333)
    """
    return sum(max(SMALLEST_LEVEL, (((2 * k << depth) // 3**depth) + 1) >> 1) for depth in range(levels))


def max_bytes(k: int) -> int:
    """Bound the length of a serialized sketch."""
    fixed = _HEAD.size + _COUNTS.size + _ENDS.size + 4 * _MOST_LEVELS
    return fixed + 8 * capacity(k, _MOST_LEVELS)


def read_layout(data: bytes) -> Layout:
    """Read a serialized sketch.

    Raises
    ------
    CorruptState
        If a field, a length or the sum of the weights is not what it should be.
    """
    if len(data) < _HEAD.size:
        raise _corrupt(f"at least {_HEAD.size} bytes", len(data))
    preamble, version, family, flags, k, m, _ = _HEAD.unpack_from(data)
    short = bool(flags & (_EMPTY | _SINGLE))
    wanted = (_SHORT if short else _FULL, SERIAL_VERSION_SINGLE if flags & _SINGLE else SERIAL_VERSION, FAMILY, 8)
    if (preamble, version, family, m) != wanted and not (flags & _EMPTY and (version, family) == (1, FAMILY)):
        raise _corrupt(f"preamble, version, family and level width {wanted}", (preamble, version, family, m))
    if short:
        values = np.frombuffer(data, "<f8", offset=_HEAD.size) if (len(data) - _HEAD.size) % 8 == 0 else np.empty(0)
        if len(data) != _HEAD.size + 8 * bool(flags & _SINGLE):
            raise _corrupt(f"{_HEAD.size + 8 * bool(flags & _SINGLE)} bytes", len(data))
        ends = (float(values[0]),) * 2 if len(values) else (np.nan, np.nan)
        return Layout(k, len(values), *ends, (values,))
    return _read_levels(data, k)


def _read_levels(data: bytes, k: int) -> Layout:
    at = _HEAD.size + _COUNTS.size
    if len(data) < at:
        raise _corrupt(f"at least {at} bytes", len(data))
    n, _, count, _ = _COUNTS.unpack_from(data, _HEAD.size)
    if not 1 <= count <= _MOST_LEVELS or len(data) < at + 4 * count + _ENDS.size:
        raise _corrupt(f"1 to {_MOST_LEVELS} levels and their offsets", (count, len(data)))
    total = capacity(k, count)
    starts = [*struct.unpack_from(f"<{count}I", data, at), total]
    at += 4 * count
    minimum, maximum = _ENDS.unpack_from(data, at)
    at += _ENDS.size
    if starts != sorted(starts) or len(data) != at + 8 * (total - starts[0]):
        raise _corrupt(f"ascending level offsets up to {total}, and as many values", (starts, len(data) - at))
    values = np.frombuffer(data, "<f8", offset=at)
    if not (np.isfinite(values).all() and math.isfinite(minimum) and math.isfinite(maximum)):
        raise _corrupt("finite values", (minimum, maximum, values[~np.isfinite(values)][:3]))
    levels = tuple(values[a - starts[0] : b - starts[0]] for a, b in pairwise(starts))
    weight = sum(len(level) << i for i, level in enumerate(levels))
    if weight != n:
        raise _corrupt(f"weights that add up to n = {n}", weight)
    return Layout(k, n, minimum, maximum, levels)


def write_layout(layout: Layout) -> bytes:
    """Write a sketch of at least one value; levels from 1 up must be sorted, and `capacity` must hold them all."""
    count = len(layout.levels)
    first = capacity(layout.k, count) - layout.retained
    starts = [first]
    for level in layout.levels[:-1]:
        starts.append(starts[-1] + len(level))
    return b"".join(
        (
            _HEAD.pack(_FULL, SERIAL_VERSION, FAMILY, 0, layout.k, SMALLEST_LEVEL, 0),
            _COUNTS.pack(layout.n, layout.k, count, 0),
            struct.pack(f"<{count}I", *starts),
            _ENDS.pack(layout.minimum, layout.maximum),
            *(np.ascontiguousarray(level, dtype="<f8").tobytes() for level in layout.levels),
        )
    )


def _corrupt(expected: str, received: object) -> CorruptState:
    return CorruptState(f"cannot read KLL sketch: expected {expected}, got {received}")
