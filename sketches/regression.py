# SPDX-License-Identifier: Apache-2.0
"""Regression against labels: exact sums of errors and labels, which corrections can take back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.exact_sums import MAX_BYTES, as_fraction, exact_sums, sum_from_bytes, sum_to_bytes
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, unpack
from sketches.state import require_same_spec

LABEL, VALUE = "label", "prediction.value"
LARGEST = 1e45
"""Labels and predictions beyond it are no numbers: the sixth power of an error must stay a float64."""
SUMS = ("|e|", "e2", "e4", "e6", "y", "y2", "y3", "y4", "e2y", "e2y2")
"""What is summed of each row: powers of the error e = label - prediction, and of y = label - center."""
_COUNTS = "<2q"
_NUMERIC = (Kind.FLOAT, Kind.INTEGER)


@dataclass(frozen=True, slots=True)
class RegressionQualitySpec:
    """Predicted numbers against labels.

    A block holds `label` and `prediction.value` (FLOAT); rows without a label are not counted.

    Parameters
    ----------
    center : float
        About the mean of the labels, subtracted from each: powers of labels that lie far from zero, as seen from their
        standard deviation, would lose digits.

    Examples
    --------
    >>> block = Block(
    ...     2,
    ...     {
    ...         "label": Column(Kind.FLOAT, np.array([3.0, 5.0])),
    ...         "prediction.value": Column(Kind.FLOAT, np.array([2.0, 7.0])),
    ...     },
    ... )
    >>> state = RegressionQualitySpec().empty()
    >>> state.update(block)
    >>> state.n, state.sum("|e|"), state.sum("e2"), state.sum("y")
    (2, Fraction(3, 1), Fraction(5, 1), Fraction(8, 1))
    >>> state.update(block, sign=-1)
    >>> state.to_bytes() == RegressionQualitySpec().empty().to_bytes()
    True
    """

    center: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("regression", center=self.center, sums=SUMS)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 4 + struct.calcsize(_COUNTS) + len(SUMS) * (4 + MAX_BYTES)

    def empty(self) -> RegressionQualityState:
        """Make the identity of merge."""
        return RegressionQualityState(self)

    def from_bytes(self, data: bytes, /) -> RegressionQualityState:
        """Read a state; raises `CorruptState`."""
        counts, *sums = unpack(data, 1 + len(SUMS), "regression quality")
        state = self.empty()
        state.predicted, state.unpredicted = numbers(_COUNTS, counts, "regression quality")
        state.sums = tuple(sum_from_bytes(total, "regression quality") for total in sums)
        return state

    def equivalent(self, a: RegressionQualityState, b: RegressionQualityState, /) -> bool:
        """Compare every count and sum."""
        return a.to_bytes() == b.to_bytes()


class RegressionQualityState:
    """Counts and sums of labelled rows, as signed sums.

    Attributes
    ----------
    predicted : int
        Labelled rows with a prediction.
    unpredicted : int
        Labelled rows without one.
    sums : tuple of int
        Sums over the predicted rows, in the order of `SUMS` and the unit of `sketches.exact_sums`.

    Notes
    -----
    **Error.** The powers of each row are rounded to float64, their sums are exact: no order of blocks, merges and
    corrections changes a bit, and rows that were taken away, however large, leave nothing behind.
    """

    __slots__ = ("predicted", "spec", "sums", "unpredicted")

    def __init__(self, spec: RegressionQualitySpec) -> None:
        self.spec = spec
        self.predicted = self.unpredicted = 0
        self.sums: tuple[int, ...] = (0,) * len(SUMS)

    @property
    def n(self) -> int:
        """Labelled rows."""
        return self.predicted + self.unpredicted

    def sum(self, name: str) -> Fraction:
        """Give one of `SUMS` over the predicted rows."""
        return as_fraction(self.sums[SUMS.index(name)])

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the labelled rows of a block."""
        if LABEL not in block.columns or not block.n:
            return
        labelled, label = _numbers(block.columns[LABEL], block.n)
        predicted, value = _numbers(block.columns.get(VALUE), block.n)
        both = labelled & predicted
        rows = int(np.count_nonzero(both))
        self.predicted += sign * rows
        self.unpredicted += sign * (int(np.count_nonzero(labelled)) - rows)
        if rows:
            self._add(exact_sums(_powers(label[both], value[both], self.spec.center)), sign)

    def merge(self, other: RegressionQualityState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.predicted += other.predicted
        self.unpredicted += other.unpredicted
        self._add(other.sums, 1)

    def to_bytes(self) -> bytes:
        """Write the state."""
        counts = struct.pack(_COUNTS, self.predicted, self.unpredicted)
        return pack(counts, *(sum_to_bytes(total) for total in self.sums))

    def _add(self, sums: tuple[int, ...] | list[int], sign: int) -> None:
        self.sums = tuple(mine + sign * more for mine, more in zip(self.sums, sums, strict=True))


def _powers(label: NDArray[np.float64], value: NDArray[np.float64], center: float) -> NDArray[np.float64]:
    """Compute what is summed, in the order of `SUMS`, shape (len(SUMS), n)."""
    error, y = label - value, label - center
    e2, y2 = error * error, y * y
    e4 = e2 * e2
    return np.stack((np.abs(error), e2, e4, e4 * e2, y, y2, y2 * y, y2 * y2, e2 * y, e2 * y2))


def _numbers(column: Column | None, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Tell which rows have a number that can be reckoned with, and the numbers."""
    if column is None or column.kind not in _NUMERIC:
        return np.zeros(n, dtype=bool), np.zeros(n)
    values = np.asarray(column.values, dtype=np.float64)
    known = np.abs(values) <= LARGEST
    return (known if column.valid is None else known & column.valid), values
