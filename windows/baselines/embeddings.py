# SPDX-License-Identifier: Apache-2.0
"""Embeddings of a baseline, as its file describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sketches.embeddings import EmbeddingState


def embeddings_document(states: Mapping[str, EmbeddingState]) -> dict[str, Any]:
    """Describe embeddings by name; their own mean similarity is what `min_similarity` may be chosen by.

    Examples
    --------
    >>> import numpy as np
    >>> from sketches import Block, Column, EmbeddingSpec, Kind
    >>> state = EmbeddingSpec("text", 2).empty()
    >>> state.update(Block(2, {"embeddings.text": Column(Kind.VECTOR, np.array([[1, 0], [0, 1]], np.float32))}))
    >>> embeddings_document({"text": state})["embeddings"]["text"]["mean_similarity"]
    0.0
    """
    described = {name: vectors_of(state) | {"mean_similarity": _similarity(state)} for name, state in states.items()}
    return {"version": 0.0, "embeddings": described}


def vectors_of(state: EmbeddingState) -> dict[str, Any]:
    """Count the vectors of a state."""
    counts = {"dimension": state.spec.dimension, "item_count": state.n}
    return counts | {"rejected": state.rejected, "wrong_length": state.wrong_length}


def _similarity(state: EmbeddingState) -> float | None:
    """Average the cosine similarity of all pairs of different vectors."""
    mean = state.mean
    return (state.n * float(mean @ mean) - 1.0) / (state.n - 1) if state.n > 1 else None
