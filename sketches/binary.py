# SPDX-License-Identifier: Apache-2.0
"""Binary classification against labels: confusion cells, score counts and losses, which corrections can take back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column
from sketches.errors import CorruptState
from sketches.fingerprint import fingerprint
from sketches.packing import numbers, pack, unpack
from sketches.score_losses import BINS, MAX_LOSSES_BYTES, ScoreLosses
from sketches.state import require_same_spec

LABEL, PREDICTED, SCORE = "label", "prediction.label", "prediction.score"
_CELLS = "<5q"


@cache
def score_edges() -> NDArray[np.float64]:
    """Give the edges of the score bins: 1,024 uniform ones and 1,024 uniform in the logit from -16 to 16, as one grid.

    Bin i is [edges[i], edges[i + 1]), the last includes 1.

    Examples
    --------
    >>> edges = score_edges()
    >>> float(edges[0]), float(edges[-1]), len(edges)
    (0.0, 1.0, 2048)
    """
    uniform = np.linspace(0.0, 1.0, 1024)
    logit = 1 / (1 + np.exp(-np.linspace(-16.0, 16.0, 1024)))
    edges = np.unique(np.concatenate((uniform, logit)))
    edges.setflags(write=False)
    return edges


@dataclass(frozen=True, slots=True)
class BinaryQualitySpec:
    """Predictions of a binary classifier against labels.

    A block holds `label` and `prediction.label` (STRING) and `prediction.score` (FLOAT, probability of the positive
    class); rows without a label are not counted, any class but the positive one is negative.

    Parameters
    ----------
    positive : str
        The positive class.

    Examples
    --------
    >>> from sketches.block import Kind
    >>> label = Column(Kind.STRING, np.array([1, 1, 0], dtype=np.int32), categories=("0", "1"))
    >>> predicted = Column(Kind.STRING, np.array([1, 0, 0], dtype=np.int32), categories=("0", "1"))
    >>> block = Block(3, {"label": label, "prediction.label": predicted})
    >>> state = BinaryQualitySpec().empty()
    >>> state.update(block)
    >>> state.cells
    (1, 1, 0, 1)
    >>> state.update(block, sign=-1)
    >>> state.cells
    (0, 0, 0, 0)
    """

    positive: str = "1"

    @property
    def fingerprint(self) -> str:
        """Identify the parameters."""
        return fingerprint("binary", positive=self.positive, bins=len(score_edges()) - 1, calibration=BINS)

    @property
    def max_bytes(self) -> int:
        """Bound the length of a state's bytes."""
        raw = 16 * (len(score_edges()) - 1)
        return 16 + struct.calcsize(_CELLS) + raw + raw // 1000 + 64 + MAX_LOSSES_BYTES

    def empty(self) -> BinaryQualityState:
        """Make the identity of merge."""
        return BinaryQualityState(self)

    def from_bytes(self, data: bytes, /) -> BinaryQualityState:
        """Read a state; raises `CorruptState`."""
        cells, scores, losses = unpack(data, 3, "binary quality")
        state = self.empty()
        state.tp, state.fn, state.fp, state.tn, state.unpredicted = numbers(_CELLS, cells, "binary quality")
        wanted = state.scores.nbytes
        try:
            raw = zlib.decompressobj().decompress(scores, wanted + 1)
        except zlib.error as error:
            msg = f"cannot read binary quality: expected zlib data, got {scores[:20]!r}"
            raise CorruptState(msg) from error
        if len(raw) != wanted:
            msg = f"cannot read binary quality: expected {wanted} bytes of score counts, got {len(raw)}"
            raise CorruptState(msg)
        state.scores = np.frombuffer(raw, "<i8").astype(np.int64).reshape(2, -1)
        state.losses = ScoreLosses.from_bytes(losses)
        return state

    def equivalent(self, a: BinaryQualityState, b: BinaryQualityState, /) -> bool:
        """Compare every count."""
        return a.to_bytes() == b.to_bytes()


class BinaryQualityState:
    """Counts of labelled rows, as signed sums.

    Attributes
    ----------
    tp, fn, fp, tn : int
        Rows by actual and predicted class.
    unpredicted : int
        Labelled rows without a predicted class.
    scores : ndarray of int64, shape (2, B)
        Rows by actual class (negative, positive) and score bin.
    losses : ScoreLosses
        Of the rows whose score is in [0, 1]; calibration is that of the positive class.
    """

    __slots__ = ("fn", "fp", "losses", "scores", "spec", "tn", "tp", "unpredicted")

    def __init__(self, spec: BinaryQualitySpec) -> None:
        self.spec = spec
        self.tp = self.fn = self.fp = self.tn = self.unpredicted = 0
        self.scores = np.zeros((2, len(score_edges()) - 1), dtype=np.int64)
        self.losses = ScoreLosses()

    @property
    def n(self) -> int:
        """Labelled rows."""
        return self.tp + self.fn + self.fp + self.tn + self.unpredicted

    @property
    def cells(self) -> tuple[int, int, int, int]:
        """Give true positives, false negatives, false positives and true negatives."""
        return self.tp, self.fn, self.fp, self.tn

    @property
    def edges(self) -> NDArray[np.float64]:
        """Give the edges of the score bins, shape (B + 1,)."""
        return score_edges()

    @property
    def score_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the rows by score bin of the negative and of the positive class, each of shape (B,)."""
        return self.scores[0].copy(), self.scores[1].copy()

    def update(self, block: Block, /, sign: int = 1) -> None:
        """Add (+1) or take away (-1) the labelled rows of a block."""
        if LABEL not in block.columns or not block.n:
            return
        labelled, actual = _is_class(block.columns[LABEL], self.spec.positive, block.n)
        predicted_known, predicted = _is_class(block.columns.get(PREDICTED), self.spec.positive, block.n)
        both = labelled & predicted_known
        cells = np.bincount(2 * actual[both] + predicted[both], minlength=4).tolist()
        self.tn += sign * cells[0]
        self.fp += sign * cells[1]
        self.fn += sign * cells[2]
        self.tp += sign * cells[3]
        self.unpredicted += sign * int(np.count_nonzero(labelled & ~predicted_known))
        if (scores := block.columns.get(SCORE)) is not None:
            self._add_scores(scores, labelled, actual, sign)

    def merge(self, other: BinaryQualityState, /) -> None:
        """Add another state's rows; raises `SpecMismatch`."""
        require_same_spec(self, other)
        for name in ("tp", "fn", "fp", "tn", "unpredicted"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.scores = self.scores + other.scores
        self.losses.merge(other.losses)

    def to_bytes(self) -> bytes:
        """Write the state."""
        cells = struct.pack(_CELLS, *self.cells, self.unpredicted)
        return pack(cells, zlib.compress(self.scores.astype("<i8").tobytes(), 1), self.losses.to_bytes())

    def _add_scores(self, column: Column, labelled: NDArray[np.bool_], actual: NDArray[np.bool_], sign: int) -> None:
        scores = np.asarray(column.values, dtype=np.float64)
        known = labelled & ~np.isnan(scores)
        if column.valid is not None:
            known &= column.valid
        score, positive, edges = scores[known], actual[known], score_edges()
        bins = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)
        for kind in (0, 1):
            self.scores[kind] += sign * np.bincount(bins[positive == kind], minlength=len(edges) - 1)
        possible = (score >= 0.0) & (score <= 1.0)
        score, positive = score[possible], positive[possible]
        self.losses.add(np.where(positive, score, 1.0 - score), (score - positive) ** 2, score, positive, sign)


def _is_class(column: Column | None, positive: str, n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which rows have a class, and which have the positive one."""
    if column is None:
        return np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    known = np.ones(n, dtype=bool) if column.valid is None else column.valid
    positives = np.zeros(n, dtype=bool)
    for code, name in enumerate(column.categories):
        if name == positive:
            positives |= column.values == code
    return known, known & positives
