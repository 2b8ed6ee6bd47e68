# SPDX-License-Identifier: Apache-2.0
"""Embedding vectors: sums of their directions, from which means, similarities and spread follow exactly."""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Kind
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.groups import groups_of
from sketches.packing import numbers, pack, unpack
from sketches.state import require_same_spec

PREFIX = "embeddings."
_COUNTS = "<qq"
_ALL_AXES = 512


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """What is kept of the vectors in the column `embeddings.<name>`.

    Parameters
    ----------
    name : str
        The embedding.
    dimension : int
        Numbers of a vector; others are rejected.
    groups : int
        Parts of the rows, by the hash of the inference id, that sums are kept of: an interval leaves out each in turn.
    probes : int
        Directions along which second moments are kept: none in windows, those of `baseline_probes` in a baseline.

    Examples
    --------
    >>> from sketches.block import Column
    >>> vectors = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]], np.float32)
    >>> state = EmbeddingSpec("text", 2).empty()
    >>> state.update(Block(3, {"embeddings.text": Column(Kind.VECTOR, vectors)}))
    >>> state.n, state.rejected, state.mean.tolist()
    (2, 1, [0.3, 0.9])
    """

    name: str
    dimension: int
    groups: int = 16
    probes: int = 0

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint(
            "embedding", name=self.name, dimension=self.dimension, groups=self.groups, probes=self.probes
        )

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        return 12 + struct.calcsize(_COUNTS) + 8 * (self.groups + (self.groups + self.probes) * self.dimension)

    def empty(self) -> EmbeddingState:
        """Make the identity of merge."""
        return EmbeddingState(self)

    def from_bytes(self, data: bytes, /) -> EmbeddingState:
        """Read a state; raises `CorruptState`."""
        state = self.empty()
        head, rows, sums = unpack(data, 3, "embedding")
        state.rejected, state.wrong_length = numbers(_COUNTS, head, "embedding")
        state.rows = np.array(numbers(f"<{self.groups}q", rows, "embedding"), np.int64)
        wanted = 8 * (self.groups + self.probes) * self.dimension
        if len(sums) != wanted:
            msg = f"cannot read embedding {self.name!r}: expected {wanted} bytes of sums, got {len(sums)}"
            raise CorruptState(msg)
        table = np.frombuffer(sums, "<f8").astype(np.float64).reshape(-1, self.dimension)
        # Sums of unit vectors are never longer than there are vectors.
        if (state.rows < 0).any() or not (np.abs(table) <= 2.0 * state.n * self.dimension).all():
            msg = f"cannot read embedding {self.name!r}: expected sums of {int(state.rows.sum())} unit vectors"
            raise CorruptState(msg)
        state.sums, state.moments = table[: self.groups].copy(), table[self.groups :].copy()
        return state

    def equivalent(self, a: EmbeddingState, b: EmbeddingState, /) -> bool:
        """Compare counts exactly, sums within rounding."""
        if (a.rejected, a.wrong_length) != (b.rejected, b.wrong_length) or not np.array_equal(a.rows, b.rows):
            return False
        rounding = 1e-12 * (1 + a.n) * self.dimension
        return all(bool((np.abs(x - y) <= rounding).all()) for x, y in ((a.sums, b.sums), (a.moments, b.moments)))


class EmbeddingState:
    """Sums of vectors of length one.

    Attributes
    ----------
    rows : ndarray of int64, shape (groups,)
        Vectors added.
    sums : ndarray of float64, shape (groups, dimension)
        Sums of their directions `u = x / |x|`.
    moments : ndarray of float64, shape (probes, dimension)
        `sum u (u . w)` for each direction w of `probes`.
    rejected, wrong_length : int
        Vectors of length zero or with numbers that are not finite; vectors of another dimension.

    Notes
    -----
    **Error.** All sums are exact up to rounding, so `mean` is that of all rows whatever merged, and the mean cosine
    similarity of every row with every row of another state is the product of the two means.
    """

    __slots__ = ("moments", "rejected", "rows", "spec", "sums", "wrong_length")

    def __init__(self, spec: EmbeddingSpec) -> None:
        self.spec = spec
        self.rows = np.zeros(spec.groups, np.int64)
        self.sums = np.zeros((spec.groups, spec.dimension))
        self.moments = np.zeros((spec.probes, spec.dimension))
        self.rejected = 0
        self.wrong_length = 0

    @property
    def n(self) -> int:
        """Vectors added."""
        return int(self.rows.sum())

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean direction, shape (dimension,); NaN if there is no vector."""
        if not self.n:
            return np.full(self.spec.dimension, np.nan)
        return np.asarray(self.sums.sum(axis=0) / self.n)

    def update(self, block: Block, /) -> None:
        """Add the rows of a block."""
        column = block.columns.get(PREFIX + self.spec.name)
        if column is None or column.kind != Kind.VECTOR:
            return
        groups = groups_of(block, self.spec.groups)
        vectors = column.values
        if column.valid is not None:
            vectors, groups = vectors[column.valid], groups[column.valid]
        if vectors.shape[1] != self.spec.dimension:
            self.wrong_length += len(vectors)
            return
        unit, good = _directions(vectors)
        self.rejected += len(vectors) - len(unit)
        self._add(unit, groups[good])

    def merge(self, other: EmbeddingState, /) -> None:
        """Add another state's vectors; raises `SpecMismatch`."""
        require_same_spec(self, other)
        self.rows = self.rows + other.rows
        self.sums = self.sums + other.sums
        self.moments = self.moments + other.moments
        self.rejected += other.rejected
        self.wrong_length += other.wrong_length

    def to_bytes(self) -> bytes:
        """Write the state."""
        return pack(
            struct.pack(_COUNTS, self.rejected, self.wrong_length),
            self.rows.astype("<i8").tobytes(),
            np.concatenate((self.sums, self.moments)).astype("<f8").tobytes(),
        )

    def _add(self, unit: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
        if not len(unit):
            return
        counts = np.bincount(groups, minlength=self.spec.groups)
        self.rows += counts
        order = np.argsort(groups, kind="stable")
        held = np.flatnonzero(counts)
        starts = np.concatenate(([0], np.cumsum(counts[held])[:-1]))
        self.sums[held] += np.add.reduceat(unit[order], starts, axis=0)
        if self.spec.probes:
            self.moments += (unit @ probes(self.spec.probes, self.spec.dimension).T).T @ unit


def _directions(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scale vectors to length one; those that have no direction are left out."""
    numbers = vectors.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.add.reduce(np.square(numbers), axis=1))
    good = np.isfinite(lengths) & (lengths > 0.0)
    if not good.all():
        numbers, lengths = numbers[good], lengths[good]
    numbers /= lengths[:, None]
    return numbers, good


def baseline_probes(dimension: int) -> int:
    """Choose how many directions a baseline keeps second moments along: all axes of up to 512, else 2 MiB of them.

    Examples
    --------
    >>> baseline_probes(384), baseline_probes(1536)
    (384, 170)
    """
    return dimension if dimension <= _ALL_AXES else max(2, _ALL_AXES**2 // dimension)


@lru_cache(maxsize=8)
def probes(count: int, dimension: int) -> NDArray[np.float64]:
    """Give directions whose second moments tell how vectors spread.

    Parameters
    ----------
    count, dimension : int
        How many; numbers of each.

    Returns
    -------
    ndarray of float64, shape (count, dimension)
        The axes, each `sqrt(dimension)` long, if there are as many; else random numbers 1 and -1. The outer products of
        either sum to `count` times the identity, of random ones on average. Signs come from SHAKE-256 rather than from
        a generator, whose stream another version of numpy may change.

    Examples
    --------
    >>> probes(2, 3).tolist()
    [[1.0, -1.0, -1.0], [1.0, -1.0, -1.0]]
    """
    directions: NDArray[np.float64]
    if count == dimension:
        directions = np.diag(np.full(dimension, math.sqrt(dimension)))
    else:
        stream = hashlib.shake_256(b"embedding probes").digest(count * dimension // 8 + 1)
        bits = np.unpackbits(np.frombuffer(stream, np.uint8))[: count * dimension]
        directions = bits.reshape(count, dimension).astype(np.float64) * 2.0 - 1.0
    directions.setflags(write=False)
    return directions
