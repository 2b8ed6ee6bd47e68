# SPDX-License-Identifier: Apache-2.0
"""Mean, standard deviation, sum and extremes of finite numbers."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block
from sketches.fingerprint import fingerprint
from sketches.packing import numbers
from sketches.reading import read
from sketches.state import require_same_spec

_LAYOUT = "<q5d"
# Sums are kept this much smaller: exact, and 2**64 of the largest float64 cannot overflow.
_SCALE = 2.0**-64


@dataclass(frozen=True, slots=True)
class MomentsSpec:
    """Moments of the finite numbers of the column named `column`.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> state = MomentsSpec("age").empty()
    >>> state.update(Block(3, {"age": Column(Kind.INTEGER, np.array([1, 2, 3]))}))
    >>> state.n, state.mean, state.sum, state.minimum, state.maximum, round(state.std, 4)
    (3, 2.0, 6.0, 1.0, 3.0, 0.8165)
    """

    column: str = "value"

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("moments", column=self.column)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return struct.calcsize(_LAYOUT)

    def empty(self) -> MomentsState:
        """Make the identity of merge."""
        return MomentsState(self)

    def from_bytes(self, data: bytes, /) -> MomentsState:
        """Read a state; raises `CorruptState`."""
        state = self.empty()
        state.n, state.high, state.low, state.m2, state.minimum, state.maximum = numbers(_LAYOUT, data, "moments")
        return state

    def equivalent(self, a: MomentsState, b: MomentsState, /) -> bool:
        """Compare n and the extremes exactly, mean and standard deviation within rounding."""
        if (a.n, a.minimum, a.maximum) != (b.n, b.minimum, b.maximum):
            return False
        if a.n == 0:
            return True
        size = max(abs(a.minimum), abs(a.maximum))
        return math.isclose(a.mean, b.mean, rel_tol=1e-12, abs_tol=1e-12 * size) and math.isclose(
            a.std, b.std, rel_tol=1e-9, abs_tol=1e-12 * size
        )


class MomentsState:
    """Moments of finite numbers, merged without loss.

    Attributes
    ----------
    n : int
        Finite numbers, those that strings spell included.
    high, low : float
        The sum times 2**-64 and what its rounding lost.
    m2 : float
        Sum of squared deviations from the mean; infinite if it exceeds float64 (values beyond about 1e150).
    minimum, maximum : float
        Infinities of the wrong sign if there is no number.

    Notes
    -----
    **Error.** The sum is compensated, so rounding does not grow with the number of blocks; `mean` and `std` of a
    constant column are exact.

    References
    ----------
    .. [1] Chan, Golub, LeVeque (1983), The American Statistician 37, 242-247: merging sums of squares.
    .. [2] Neumaier (1974), ZAMM 54, 39-51: the compensated sum.
    """

    __slots__ = ("high", "low", "m2", "maximum", "minimum", "n", "spec")

    def __init__(self, spec: MomentsSpec) -> None:
        self.spec = spec
        self.n = 0
        self.high = 0.0
        self.low = 0.0
        self.m2 = 0.0
        self.minimum = math.inf
        self.maximum = -math.inf

    @property
    def sum(self) -> float:
        """Sum of the numbers; infinite if it exceeds float64."""
        return (self.high + self.low) / _SCALE

    @property
    def mean(self) -> float:
        """Arithmetic mean; NaN if there is no number."""
        if not self.n:
            return math.nan
        return min(max((self.high + self.low) / self.n / _SCALE, self.minimum), self.maximum)

    @property
    def variance(self) -> float:
        """Population variance; NaN if there is no number."""
        if not self.n:
            return math.nan
        return 0.0 if self.minimum == self.maximum else self.m2 / self.n

    @property
    def std(self) -> float:
        """Population standard deviation; NaN if there is no number."""
        return math.sqrt(self.variance) if self.n else math.nan

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.column in block.columns:
            self.add(read(block.columns[self.spec.column]).all_numbers)

    def add(self, values: NDArray[np.float64], low: float | None = None, high: float | None = None) -> None:
        """Add finite numbers, whose extremes the caller may already know."""
        n = len(values)
        if not n:
            return
        with np.errstate(over="ignore"):
            total = float(np.add.reduce(values)) * _SCALE
            if not math.isfinite(total):
                total = float(np.add.reduce(values * _SCALE))
            deviations = values - total / n / _SCALE
            # Not `np.dot`: BLAS would start threads for it, which cost milliseconds a call on busy cores.
            squares = np.square(deviations, out=deviations)
            self._add_m2(n, total, float(np.add.reduce(squares)))
        self._add_sum(n, total, 0.0)
        self.minimum = min(self.minimum, float(values.min()) if low is None else low)
        self.maximum = max(self.maximum, float(values.max()) if high is None else high)

    def merge(self, other: MomentsState, /) -> None:
        """Add another state's numbers; raises `SpecMismatch`."""
        require_same_spec(self, other)
        if other.n:
            self._add_m2(other.n, other.high + other.low, other.m2)
            self._add_sum(other.n, other.high, other.low)
            self.minimum = min(self.minimum, other.minimum)
            self.maximum = max(self.maximum, other.maximum)

    def to_bytes(self) -> bytes:
        """Write the state."""
        return struct.pack(_LAYOUT, self.n, self.high, self.low, self.m2, self.minimum, self.maximum)

    def _add_m2(self, n: int, total: float, m2: float) -> None:
        if self.n:
            delta = total / n / _SCALE - (self.high + self.low) / self.n / _SCALE
            m2 += delta * (self.n / (self.n + n)) * delta * n
        self.m2 += m2

    def _add_sum(self, n: int, high: float, low: float) -> None:
        total = self.high + high
        larger, smaller = (self.high, high) if abs(self.high) >= abs(high) else (high, self.high)
        self.low += low + ((larger - total) + smaller)
        self.high = total
        self.n += n
