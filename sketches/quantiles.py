# SPDX-License-Identifier: Apache-2.0
"""Quantiles and ranks of finite numbers: a KLL sketch fed by compacted runs."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasketches import kll_doubles_sketch
from numpy.typing import ArrayLike, NDArray

from sketches.block import Block
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.kll_layout import Layout, capacity, max_bytes, read_layout, write_layout
from sketches.reading import read
from sketches.runs import compact, shortest_run
from sketches.state import require_same_spec

RUN = 16_384
"""Numbers that wait to be compacted together; 128 kB a state at most."""


@dataclass(frozen=True, slots=True)
class QuantilesSpec:
    """Quantiles of the finite numbers of the column named `column`.

    Parameters
    ----------
    k : int
        Level size, 8 to 65,535: rank errors are near 2.3 / k**0.9 (0.53 % at 512, 0.14 % at 2,048; at 99 %).
    column : str
        Which column of a block is read.

    Examples
    --------
    >>> from sketches.block import Column, Kind
    >>> state = QuantilesSpec(k=512).empty()
    >>> state.update(Block(4, {"value": Column(Kind.FLOAT, np.array([3.0, 1.0, np.nan, 2.0]))}))
    >>> state.n, state.minimum, state.maximum, state.rank_error, state.cdf([1.0, 2.5]).round(3).tolist()
    (3, 1.0, 3.0, 0.0, [0.333, 0.667])
    """

    k: int = 512
    column: str = "value"

    def __post_init__(self) -> None:
        if not 8 <= self.k <= 65_535:
            msg = f"expected k from 8 to 65535, got {self.k}"
            raise ValueError(msg)

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("quantiles", k=self.k, column=self.column)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return max_bytes(self.k)

    def empty(self) -> QuantilesState:
        """Make the identity of merge."""
        return QuantilesState(self)

    def from_bytes(self, data: bytes, /) -> QuantilesState:
        """Read a state; raises `CorruptState`."""
        layout = read_layout(data)
        if layout.k != self.k:
            msg = f"cannot read quantiles of column {self.column!r}: expected k = {self.k}, got {layout.k}"
            raise CorruptState(msg)
        try:
            return QuantilesState(self, kll_doubles_sketch.deserialize(data))
        except (RuntimeError, ValueError) as error:
            msg = f"cannot read quantiles of column {self.column!r}: expected a KLL sketch, got {error}"
            raise CorruptState(msg) from error

    def equivalent(self, a: QuantilesState, b: QuantilesState, /) -> bool:
        """Compare n and the extremes exactly, ranks within twice the stated errors (KLL is randomised)."""
        if a.n != b.n:
            return False
        if a.n == 0:
            return True
        points = np.concatenate((a.weighted()[0], b.weighted()[0]))
        gaps = [np.abs(a.cdf(points, inclusive=side) - b.cdf(points, inclusive=side)).max() for side in (True, False)]
        ends = (a.minimum, a.maximum) == (b.minimum, b.maximum)
        return ends and max(gaps) <= 2 * (a.rank_error + b.rank_error) + 1e-12


class QuantilesState:
    """A KLL sketch of finite numbers.

    Notes
    -----
    **Error.** Exact while `rank_error` is 0; then ranks of `cdf` are within `rank_error` with 99 % probability.

    References
    ----------
    .. [1] Karnin, Lang, Liberty (2016), FOCS, arXiv:1603.05346.
    """

    __slots__ = ("_buffer", "_high", "_low", "_ranked", "_sketch", "_waiting", "spec")

    def __init__(self, spec: QuantilesSpec, sketch: kll_doubles_sketch | None = None) -> None:
        self.spec = spec
        self._sketch = kll_doubles_sketch(spec.k) if sketch is None else sketch
        # Numbers wait here, copied: they may be a view of a message that is about to be freed.
        self._buffer: NDArray[np.float64] | None = None
        self._waiting = 0
        self._low, self._high = math.inf, -math.inf
        self._ranked: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @classmethod
    def from_levels(
        cls,
        levels: Sequence[Sequence[float]],
        k: int = 2048,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        column: str = "value",
    ) -> QuantilesState:
        """Make a state of another sketch's values by level, as in a SageMaker `statistics.json`.

        Parameters
        ----------
        levels : sequence of sequences of float
            Level i holds values of weight 2**i, in any order.
        k : int
            Level size.
        minimum, maximum : float, optional
            Extremes of all values; those of `levels` if not given.

        Raises
        ------
        ValueError
            If a value is not finite.

        Examples
        --------
        >>> state = QuantilesState.from_levels([[5.0], [1.0, 2.0]], k=512)
        >>> state.n, state.levels()
        (5, [[5.0], [1.0, 2.0]])
        """
        spec = QuantilesSpec(k, column)
        arrays = [np.sort(np.asarray(level, dtype=np.float64)) for level in levels]
        while arrays and not len(arrays[-1]):
            arrays.pop()
        if not arrays:
            return spec.empty()
        everything = np.concatenate(arrays)
        if not np.isfinite(everything).all():
            msg = f"expected finite values in a sketch, got {everything[~np.isfinite(everything)][:3].tolist()}"
            raise ValueError(msg)
        low = float(everything.min()) if minimum is None else min(minimum, float(everything.min()))
        high = float(everything.max()) if maximum is None else max(maximum, float(everything.max()))
        if len(everything) <= capacity(k, len(arrays)):
            n = sum(len(level) << i for i, level in enumerate(arrays))
            return cls(spec, kll_doubles_sketch.deserialize(write_layout(Layout(k, n, low, high, tuple(arrays)))))
        sketch = kll_doubles_sketch(k)
        for i, level in enumerate(arrays):
            for start in range(0, len(level), k):
                sketch.merge(_one_level(level[start : start + k], i, k, (low, high)))
        return cls(spec, sketch)

    @property
    def n(self) -> int:
        """Finite numbers, those that strings spell included."""
        return int(self._sketch.n) + self._waiting

    @property
    def minimum(self) -> float:
        """Smallest number; NaN if there is none."""
        return float(self._settled().get_min_value()) if self.n else math.nan

    @property
    def maximum(self) -> float:
        """Largest number; NaN if there is none."""
        return float(self._settled().get_max_value()) if self.n else math.nan

    @property
    def rank_error(self) -> float:
        """Bound on the error of a rank, as a share of n, at 99 %; 0.0 while the sketch is exact."""
        return (
            float(self._settled().normalized_rank_error(as_pmf=False)) if self._settled().is_estimation_mode() else 0.0
        )

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        if self.spec.column in block.columns:
            self.add(read(block.columns[self.spec.column]).all_numbers)

    def add(self, values: NDArray[np.float64], low: float | None = None, high: float | None = None) -> None:
        """Add finite numbers, whose extremes the caller may already know."""
        if not len(values):
            return
        self._ranked = None
        self._low = min(self._low, float(values.min()) if low is None else low)
        self._high = max(self._high, float(values.max()) if high is None else high)
        if self._buffer is None:
            self._buffer = np.empty(max(RUN, shortest_run(self.spec.k)))
        while len(values):
            part = values[: len(self._buffer) - self._waiting]
            self._buffer[self._waiting : self._waiting + len(part)] = part
            self._waiting += len(part)
            values = values[len(part) :]
            if self._waiting == len(self._buffer):
                self._settle(self._buffer)

    def merge(self, other: QuantilesState, /) -> None:
        """Add another state's numbers; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self._ranked = None
        # The library empties or corrupts a sketch that is merged with itself.
        self._settled().merge(kll_doubles_sketch.deserialize(other.to_bytes()) if other is self else other._settled())

    def to_bytes(self) -> bytes:
        """Write the state, in the library's own form, readable from Java and C++."""
        return bytes(self._settled().serialize())

    def levels(self) -> list[list[float]]:
        """List the values kept by level; one in level i stands for 2**i numbers."""
        return [level.tolist() for level in read_layout(self.to_bytes()).levels] if self.n else []

    def weighted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the values kept and the weight up to and including each; they are read once between two changes.

        Returns
        -------
        values : ndarray of float64, shape (r,)
            Ascending, repeated if kept more than once.
        cumulative_weight : ndarray of float64, shape (r,)
            The last is n.
        """
        if self._ranked is None:
            levels = read_layout(self.to_bytes()).levels
            values = np.concatenate(levels)
            weights = np.repeat([2.0**i for i in range(len(levels))], [len(level) for level in levels])
            order = np.argsort(values, kind="stable")
            self._ranked = values[order], np.cumsum(weights[order])
            for array in self._ranked:
                array.setflags(write=False)
        return self._ranked

    def cdf(self, points: ArrayLike, *, inclusive: bool = True) -> NDArray[np.float64]:
        """Give the share of numbers up to each point (`inclusive`), or below it; NaN if there is no number."""
        at = np.asarray(points, dtype=np.float64)
        if not self.n:
            return np.full(at.shape, np.nan)
        values, weight = self.weighted()
        below = np.searchsorted(values, at, side="right" if inclusive else "left")
        return np.concatenate(([0.0], weight))[below] / self.n

    def quantile(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Give the smallest kept value whose inclusive rank reaches each share of [0, 1]; NaN if there is no number."""
        wanted = np.asarray(shares, dtype=np.float64)
        if not self.n:
            return np.full(wanted.shape, np.nan)
        values, weight = self.weighted()
        inner = values[np.minimum(np.searchsorted(weight, wanted * self.n * (1 - 1e-15)), len(values) - 1)]
        return np.where(wanted <= 0, self.minimum, np.where(wanted >= 1, self.maximum, inner))

    def _settled(self) -> kll_doubles_sketch:
        """Give the sketch of all numbers, those that waited included."""
        if self._buffer is not None:
            self._settle(self._buffer[: self._waiting])
            self._buffer = None
        return self._sketch

    def _settle(self, values: NDArray[np.float64]) -> None:
        """Move what waits into the sketch, overwriting it."""
        self._waiting = 0
        k, shortest = self.spec.k, shortest_run(self.spec.k)
        while len(values) >= shortest:
            length = 1 << len(values).bit_length() - 1
            kept, level = compact(values[:length], k, secrets.randbits(32))
            self._sketch.merge(_one_level(kept, level, k, (self._low, self._high)))
            values = values[length:]
        if len(values):
            self._sketch.update(values)


def _one_level(values: NDArray[np.float64], level: int, k: int, ends: tuple[float, float]) -> kll_doubles_sketch:
    """Make a sketch of ascending values that stand for 2**level numbers each, with these extremes."""
    layout = Layout(k, len(values) << level, *ends, (*[np.empty(0)] * level, values))
    return kll_doubles_sketch.deserialize(write_layout(layout))
