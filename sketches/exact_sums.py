# SPDX-License-Identifier: Apache-2.0
"""Exact sums of float64: an integer of the smallest unit, so that order, merging and taking away lose nothing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sketches.errors import CorruptState

# Any finite float64 is a mantissa of 53 bits times 2**(exponent - 53), and frexp's exponent is at least -1073.
_UNIT_BITS = 1126
_LOWEST_EXPONENT = -1073
_HALF_BITS = 27
# Halves of mantissas add up exactly in float64 for 2**26 values; fewer at a time need no fresh memory.
_VALUES = 1 << 13
MAX_BITS = _UNIT_BITS + 1024
"""Bits of the largest sum that is a float64."""
MAX_BYTES = 2 + MAX_BITS // 8 + 1
"""Length of the longest sum written."""


def exact_sums(values: NDArray[np.float64]) -> list[int]:
    """Sum finite numbers without rounding.

    Parameters
    ----------
    values : ndarray of float64, shape (k, n)
        Finite.

    Returns
    -------
    list of int
        The sum of each of the k rows in units of 2**-1126, see `as_fraction`.

    References
    ----------
    .. [1] Neal (2015), Fast exact summation using small and large superaccumulators, arXiv:1505.05571.

    Examples
    --------
    >>> (total,) = exact_sums(np.array([[1e300, 1.0, -1e300, 2.0**-1074]]))
    >>> as_fraction(total) == 1 + Fraction(1, 2**1074)
    True
    """
    k, n = values.shape
    return grouped_exact_sums(values.ravel(), np.repeat(np.arange(k), n), k)


def grouped_exact_sums(values: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> list[int]:
    """Sum finite numbers of several groups without rounding.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Finite.
    group : ndarray of int64, shape (n,)
        The group of each, from 0 to `groups` - 1.
    groups : int
        How many there are.

    Returns
    -------
    list of int
        The sum of each group, as from `exact_sums`.

    Examples
    --------
    >>> totals = grouped_exact_sums(np.array([0.5, 2.0, 0.25]), np.array([0, 2, 0]), 3)
    >>> [float(as_fraction(total)) for total in totals]
    [0.75, 0.0, 2.0]
    """
    totals = [0] * groups
    for start in range(0, len(values), _VALUES):
        _add(totals, values[start : start + _VALUES], group[start : start + _VALUES])
    return totals


def _add(totals: list[int], values: NDArray[np.float64], group: NDArray[np.int64]) -> None:
    fraction, exponent = np.frexp(values)
    mantissa = (fraction * 2.0**53).astype(np.int64)
    lowest = int(exponent.min())
    span = int(exponent.max()) - lowest + 1
    key = span * group + (exponent - lowest)
    low = np.bincount(key, weights=mantissa & ((1 << _HALF_BITS) - 1))
    high = np.bincount(key, weights=mantissa >> _HALF_BITS)
    for place in np.flatnonzero((low != 0) | (high != 0)).tolist():
        of, offset = divmod(place, span)
        both = (int(high[place]) << _HALF_BITS) + int(low[place])
        totals[of] += both << (offset + lowest - _LOWEST_EXPONENT)


def as_fraction(total: int) -> Fraction:
    """Give the sum as a number.

    Examples
    --------
    >>> as_fraction(exact_sums(np.array([[0.5, 0.25]]))[0])
    Fraction(3, 4)
    """
    return Fraction(total, 1 << _UNIT_BITS)


def sum_to_bytes(total: int) -> bytes:
    """Write a sum, without the zero bits at its end.

    Examples
    --------
    >>> sum_from_bytes(sum_to_bytes(-12 << 1126), "example") == -12 << 1126
    True
    """
    shift = max((total & -total).bit_length() - 1, 0)
    digits = total >> shift
    return shift.to_bytes(2, "little") + digits.to_bytes(digits.bit_length() // 8 + 1, "little", signed=True)


def sum_from_bytes(data: bytes, what: str) -> int:
    """Read a sum.

    Raises
    ------
    CorruptState
        If the bytes are no sum that is a float64.
    """
    shift = int.from_bytes(data[:2], "little")
    digits = int.from_bytes(data[2:MAX_BYTES], "little", signed=True)
    if not 2 < len(data) <= MAX_BYTES or shift + digits.bit_length() > MAX_BITS:
        msg = f"cannot read {what}: expected a sum of at most {MAX_BITS} bits, got {data[:20]!r}"
        raise CorruptState(msg)
    return digits << shift
