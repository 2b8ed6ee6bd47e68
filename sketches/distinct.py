# SPDX-License-Identifier: Apache-2.0
"""How many distinct values: the smallest hashes (KMV), exact until they overflow."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.reading import Reading, read
from sketches.state import require_same_spec

_EXACT = 2.0**53
_HALF = np.uint64(33)
_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


@dataclass(frozen=True, slots=True)
class DistinctSpec:
    """Distinct strings, booleans and integers of the column named `column`; fractions are not counted.

    Parameters
    ----------
    size : int
        Hashes kept, at least 16: exact below, then a relative standard error of 1 / sqrt(size - 2).
    column : str
        Which column of a block is read.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> state = DistinctSpec(column="age").empty()
    >>> state.update(Block(4, {"age": Column(Kind.INTEGER, np.array([1, 2, 2, 7]))}))
    >>> state.estimate, state.bounds()
    (3.0, (3.0, 3.0))
    """

    size: int = 512
    column: str = "value"

    def __post_init__(self) -> None:
        if self.size < 16:
            msg = f"expected a size of at least 16, got {self.size}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("distinct", size=self.size, column=self.column)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 8 + 8 * self.size

    def empty(self) -> DistinctState:
        """Make the identity of merge."""
        return DistinctState(self)

    def from_bytes(self, data: bytes, /) -> DistinctState:
        """Read a state; raises `CorruptState`."""
        if len(data) % 8 or not 8 <= len(data) <= self.max_bytes:
            msg = f"cannot read distinct values: expected 8 to {self.max_bytes} bytes in eights, got {len(data)}"
            raise CorruptState(msg)
        state = self.empty()
        state.n = int.from_bytes(data[:8], "little", signed=True)
        state.hashes = np.frombuffer(data, "<u8", offset=8).astype(np.uint64)
        if (state.hashes[1:] <= state.hashes[:-1]).any():
            msg = "cannot read distinct values: expected ascending hashes"
            raise CorruptState(msg)
        return state

    def equivalent(self, a: DistinctState, b: DistinctState, /) -> bool:
        """Compare exactly: the smallest hashes do not depend on the order of the values."""
        return a.to_bytes() == b.to_bytes()


class DistinctState:
    """The smallest hashes of the values seen.

    Notes
    -----
    **Error.** Exact while fewer than `size` values were seen, then a relative standard error of 1 / sqrt(size - 2),
    4.4 % at 512.

    References
    ----------
    .. [1] Bar-Yossef et al. (2002), RANDOM; Beyer et al. (2007), SIGMOD, the unbiased estimator (k - 1) / u.
    """

    __slots__ = ("hashes", "n", "spec")

    def __init__(self, spec: DistinctSpec) -> None:
        self.spec = spec
        self.n = 0
        self.hashes = np.empty(0, dtype=np.uint64)

    @property
    def estimate(self) -> float:
        """Distinct values."""
        if len(self.hashes) < self.spec.size:
            return float(len(self.hashes))
        return max(float(self.spec.size), (self.spec.size - 1) * 2.0**64 / float(self.hashes[-1]))

    def bounds(self) -> tuple[float, float]:
        """Bound the distinct values from below and above, at 95 %."""
        if len(self.hashes) < self.spec.size:
            return self.estimate, self.estimate
        error = 1.96 / math.sqrt(self.spec.size - 2)
        return max(float(self.spec.size), self.estimate * (1 - error)), self.estimate * (1 + error)

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.column in block.columns:
            reading = read(block.columns[self.spec.column])
            self.add_numbers(reading)
            self.add_texts(reading.texts, sum(reading.texts.values()))

    def add_numbers(self, reading: Reading) -> None:
        """Add the integers of a reading."""
        if reading.integers:
            self.n += reading.integers
            self._keep(_mix(_identities(reading)))

    def add_texts(self, texts: Iterable[str], rows: int) -> None:
        """Add texts that stand for so many rows."""
        self.n += rows
        hashes = [_text_hash(text) for text in texts]
        if hashes:
            self._keep(np.array(hashes, dtype=np.uint64))

    def merge(self, other: DistinctState, /) -> None:
        """Add another state's values; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.n += other.n
        self._keep(other.hashes)

    def to_bytes(self) -> bytes:
        """Write the state."""
        return self.n.to_bytes(8, "little", signed=True) + self.hashes.astype("<u8").tobytes()

    def _keep(self, hashes: NDArray[np.uint64]) -> None:
        if len(self.hashes) == self.spec.size:
            hashes = hashes[hashes < self.hashes[-1]]
        if len(hashes):
            self.hashes = np.unique(np.concatenate((self.hashes, hashes)))[: self.spec.size]


def _identities(reading: Reading) -> NDArray[np.uint64]:
    """Give equal integers equal bits, whether they came as integers or as floats below 2**53."""
    numbers = reading.numbers + 0.0  # -0.0 becomes 0.0
    if reading.exact is not None and max(-reading.low, reading.high) >= _EXACT:
        return np.where(np.abs(numbers) < _EXACT, numbers.view(np.uint64), reading.exact.view(np.uint64))
    if "fractional" in reading.types:
        numbers = numbers[numbers == np.rint(numbers)]
    low, high = float(numbers.min()), float(numbers.max())
    if high - low < len(numbers) and max(-low, high) < _EXACT:
        # A few integers, many times each: counting them is ten times faster than sorting them.
        counts = np.bincount((numbers - low).astype(np.int64))
        numbers = np.flatnonzero(counts).astype(np.float64) + low
    return numbers.view(np.uint64)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash 64-bit words (the finalizer of MurmurHash3)."""
    bits = bits ^ (bits >> _HALF)
    bits *= _FIRST
    bits ^= bits >> _HALF
    bits *= _SECOND
    bits ^= bits >> _HALF
    return bits


def _text_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
