# SPDX-License-Identifier: Apache-2.0
"""Losses of probabilities against labels: exact sums of log-loss and Brier score, and counts by confidence."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sketches.errors import CorruptState
from sketches.exact_sums import MAX_BYTES, sum_from_bytes, sum_to_bytes
from sketches.packing import numbers, pack, unpack

BINS = 15
"""Bins of equal width that calibration is counted in."""
SMALLEST = 1e-15
"""Probabilities of the actual class below it count as this: log-loss is at most 34.5 a row."""
SUMS = ("log_loss", "log_loss2", "brier", "brier2")
"""What is summed of each row, `2` for squares."""
UNIT_BITS = 40
"""Losses are whole numbers of 2**-40 (9e-13)."""
# So many squares of the largest log-loss add up in 63 bits, and confidences exactly in float64.
_ROWS = 1 << 12
_COUNTS = f"<{1 + 2 * BINS}q"
_WHAT = "losses of scores"
MAX_LOSSES_BYTES = 4 + struct.calcsize(_COUNTS) + (len(SUMS) + BINS) * (4 + MAX_BYTES)


class ScoreLosses:
    """Signed sums over labelled rows with probabilities: a part of the states of classifiers.

    Attributes
    ----------
    n : int
        Rows.
    sums : tuple of int
        In the order of `SUMS`, in units of 2**-40.
    rows, hits : ndarray of int64, shape (15,)
        Rows, and rows whose class came true, by bin [i / 15, (i + 1) / 15) of the confidence; the last includes 1.
    confidence : tuple of int
        Sum of the confidence by bin, in the same unit.

    Notes
    -----
    **Error.** Each row's loss is rounded to 2**-40, so a mean is off by at most 4.6e-13; the sums of that are exact: no
    order of blocks, merges and corrections changes a bit, and n = 0 is zero throughout.

    References
    ----------
    .. [1] Brier (1950), Monthly Weather Review 78, 1-3.
    .. [2] Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML, section 2.

    Examples
    --------
    >>> losses = ScoreLosses()
    >>> losses.add(np.array([0.5, 0.9]), np.array([0.25, 0.01]), np.array([0.5, 0.9]), np.array([True, True]), 1)
    >>> losses.n, round(float(losses.sum("log_loss")), 6), losses.hits[[7, 13]].tolist()
    (2, 0.798508, [1, 1])
    """

    __slots__ = ("confidence", "hits", "n", "rows", "sums")

    def __init__(self) -> None:
        self.n = 0
        self.sums: tuple[int, ...] = (0,) * len(SUMS)
        self.rows = np.zeros(BINS, dtype=np.int64)
        self.hits = np.zeros(BINS, dtype=np.int64)
        self.confidence: tuple[int, ...] = (0,) * BINS

    def sum(self, name: str) -> Fraction:
        """Give one of `SUMS`."""
        return Fraction(self.sums[SUMS.index(name)], 1 << UNIT_BITS)

    @property
    def mean_confidence(self) -> NDArray[np.float64]:
        """Mean confidence by bin, shape (15,); NaN where a bin has no rows."""
        return np.array(
            [
                float(Fraction(total, n << UNIT_BITS)) if n else np.nan
                for total, n in zip(self.confidence, self.rows.tolist(), strict=True)
            ]
        )

    def add(
        self,
        truth: NDArray[np.float64],
        brier: NDArray[np.float64],
        confidence: NDArray[np.float64],
        hit: NDArray[np.bool_],
        sign: int,
    ) -> None:
        """Add (+1) or take away (-1) rows.

        Parameters
        ----------
        truth : ndarray of float64, shape (n,)
            Probability that was given to the actual class.
        brier : ndarray of float64, shape (n,)
            Squared distance of the probabilities from the actual class.
        confidence : ndarray of float64, shape (n,)
            Probability of the class that calibration is about, in [0, 1].
        hit : ndarray of bool, shape (n,)
            Whether that class is the actual one.
        sign : int
            1 or -1.
        """
        for start in range(0, len(truth), _ROWS):
            rows = slice(start, start + _ROWS)
            log_loss, squared = -np.log(np.maximum(truth[rows], SMALLEST)), brier[rows]
            added = [int(_units(loss).astype(np.int64).sum()) for loss in (log_loss, log_loss**2, squared, squared**2)]
            bins = np.minimum((confidence[rows] * BINS).astype(np.int64), BINS - 1)
            confidences = np.bincount(bins, _units(confidence[rows]), BINS).astype(np.int64).tolist()
            self.n += sign * len(bins)
            self.sums = _plus(self.sums, added, sign)
            self.rows = self.rows + sign * np.bincount(bins, minlength=BINS)
            self.hits = self.hits + sign * np.bincount(bins[hit[rows]], minlength=BINS)
            self.confidence = _plus(self.confidence, confidences, sign)

    def merge(self, other: ScoreLosses) -> None:
        """Add another's rows."""
        self.n += other.n
        self.sums = _plus(self.sums, other.sums, 1)
        self.rows = self.rows + other.rows
        self.hits = self.hits + other.hits
        self.confidence = _plus(self.confidence, other.confidence, 1)

    def to_bytes(self) -> bytes:
        """Write the sums."""
        counts = struct.pack(_COUNTS, self.n, *self.rows.tolist(), *self.hits.tolist())
        return pack(counts, *(sum_to_bytes(total) for total in (*self.sums, *self.confidence)))

    @classmethod
    def from_bytes(cls, data: bytes) -> ScoreLosses:
        """Read the sums; raises `CorruptState`."""
        counts, *sums = unpack(data, 1 + len(SUMS) + BINS, _WHAT)
        losses = cls()
        losses.n, *by_bin = numbers(_COUNTS, counts, _WHAT)
        losses.rows, losses.hits = np.array(by_bin, dtype=np.int64).reshape(2, BINS)
        if losses.n != sum(by_bin[:BINS]):
            msg = f"cannot read {_WHAT}: expected {losses.n} rows in the bins, got {sum(by_bin[:BINS])}"
            raise CorruptState(msg)
        totals = tuple(sum_from_bytes(total, _WHAT) for total in sums)
        losses.sums, losses.confidence = totals[: len(SUMS)], totals[len(SUMS) :]
        return losses


def _units(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(values * float(1 << UNIT_BITS))


def _plus(mine: Iterable[int], more: Iterable[int], sign: int) -> tuple[int, ...]:
    return tuple(a + sign * b for a, b in zip(mine, more, strict=True))
