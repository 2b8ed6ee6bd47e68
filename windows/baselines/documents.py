# SPDX-License-Identifier: Apache-2.0
"""What a baseline's files say, for monitors beside those of data quality and model quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windows.baselines.attributions import analysis_document, importances_of
from windows.baselines.bias_analysis import bias_document
from windows.baselines.embeddings import embeddings_document
from windows.definition import ModelDefinition
from windows.partition.specs import (
    ATTRIBUTIONS,
    BIAS,
    EMBEDDING,
    SAMPLE,
    SEGMENT_BIAS,
    SEGMENT_EMBEDDING,
    SEGMENT_QUALITY,
    SEGMENTS,
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a monitor's baseline lies: `DIR/<monitor>/<file>`, its states beside it.

    Parameters
    ----------
    monitor : str
        Of the reports; names the folder.
    file : str
        Of its document.
    parts : tuple of str
        Beginnings of the names of its states.
    """

    monitor: str
    file: str
    parts: tuple[str, ...]

    def holds(self, part: str) -> bool:
        """Tell whether a part lies here."""
        return part.startswith(self.parts)


_BY_SEGMENT = (SEGMENTS, SEGMENT_QUALITY, SEGMENT_BIAS, SEGMENT_EMBEDDING)

FOLDERS: tuple[Folder, ...] = (
    Folder("bias", "analysis.json", (BIAS,)),
    Folder("attribution_drift", "analysis.json", (ATTRIBUTIONS, SAMPLE)),
    Folder("embedding_drift", "statistics.json", (EMBEDDING,)),
    Folder("segments", "statistics.json", _BY_SEGMENT),
)


def documents_of(definition: ModelDefinition, states: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Describe a baseline's states, by monitor.

    Parameters
    ----------
    definition : ModelDefinition
        What is watched.
    states : mapping of str to State
        By part.

    Returns
    -------
    dict
        What each monitor's file says; a person may edit it.
    """
    documents: dict[str, dict[str, Any]] = {}
    if BIAS in states:
        sample = states[SAMPLE].block() if SAMPLE in states else None
        documents["bias"] = bias_document(definition, states[BIAS], sample)
    if ATTRIBUTIONS in states and (importances := importances_of(states[ATTRIBUTIONS])):
        documents["attribution_drift"] = analysis_document(importances)
    embedded = {part.removeprefix(EMBEDDING): s for part, s in sorted(states.items()) if part.startswith(EMBEDDING)}
    if embedded:
        documents["embedding_drift"] = embeddings_document(embedded)
    if parted := {part: state for part, state in sorted(states.items()) if part.startswith(_BY_SEGMENT)}:
        documents["segments"] = segments_document(parted)
    return documents


def segments_document(states: Mapping[str, Any]) -> dict[str, Any]:
    """Describe how many rows each segment has, by part."""
    rows = {part: dict(sorted(state.rows.items())) for part, state in states.items()}
    left_out = {part: state.refused for part, state in states.items() if state.refused}
    return {"version": 0.0, "rows": rows, "refused": left_out}
