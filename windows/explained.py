# SPDX-License-Identifier: Apache-2.0
"""Windows and baselines whose attributions are computed from a sample of their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sketches.attributions import AttributionsState
from sketches.block import Block
from sketches.groups import ID_HASH
from windows.baselines.attributions import analysis_document, importances_of
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.options import Computed
from windows.partition.specs import ATTRIBUTIONS, SAMPLE, attributions_spec
from windows.window_profile import WindowProfile

MONITOR = "attribution_drift"
_NO_INPUTS = ("prediction.", "tags.", "inference_id.")


@dataclass(frozen=True, slots=True)
class Question:
    """What a model makes of rows, beside what it makes of a background.

    Parameters
    ----------
    rows, background : Block
        Features alone; a feature counts as absent where it is as in the background.
    computed : Computed
        The model, and how hard to try.
    classes : tuple of str
        What the model gives a number for, each; one number if empty.
    """

    rows: Block
    background: Block
    computed: Computed
    classes: tuple[str, ...] = ()


Explain = Callable[[Question], Block]
"""Gives the columns `attributions.*` of the rows."""


def question_of(profile: WindowProfile, baseline: Baseline | None) -> Question | str:
    """Ask for the attributions of a window's sample, or say why that cannot be."""
    definition = profile.definition
    computed = definition.monitors.attribution_drift.computed
    if baseline is None or SAMPLE not in baseline.states:
        return "no baseline with a sample of rows is published"
    if SAMPLE not in profile.states or not profile.states[SAMPLE].n:
        return "the window has no sample of rows"
    rows, background = profile.states[SAMPLE].block(), baseline.states[SAMPLE].block()
    return _question(_first(rows, computed.rows), _first(background, computed.background), definition)


def answered(profile: WindowProfile, rows: Block, attributions: Block) -> WindowProfile:
    """Give a window the attributions of some of its rows.

    Parameters
    ----------
    profile : WindowProfile
        The window.
    rows : Block
        What was asked about.
    attributions : Block
        The columns `attributions.*` of the same rows.
    """
    state = _state(profile.definition, rows, attributions)
    return replace(profile, states={**profile.states, ATTRIBUTIONS: state})


def explained_baseline(baseline: Baseline, definition: ModelDefinition, explain: Explain) -> Baseline:
    """Give a baseline the attributions of its sample: all of it but the background.

    Raises
    ------
    ValueError
        If the sample has no more rows than the background.
    """
    sample, size = baseline.states[SAMPLE].block(), definition.monitors.attribution_drift.computed.background
    if sample.n <= size:
        msg = f"expected a sample of more than the {size} rows of the background, got {sample.n}"
        raise ValueError(msg)
    question = _question(sample.take(np.arange(size, sample.n)), _first(sample, size), definition)
    state = _state(definition, question.rows, explain(question))
    documents = {**baseline.documents, MONITOR: analysis_document(importances_of(state))}
    return replace(baseline, states={**baseline.states, ATTRIBUTIONS: state}, documents=documents)


def _question(rows: Block, background: Block, definition: ModelDefinition) -> Question:
    computed = definition.monitors.attribution_drift.computed
    return Question(rows, background, computed, definition.classes)


def _first(block: Block, rows: int) -> Block:
    return block.take(np.arange(min(rows, block.n)))


def inputs_of(block: Block) -> list[str]:
    """Name the columns of a sample that a model is given."""
    return sorted(name for name in block.columns if not name.startswith(_NO_INPUTS))


def _state(definition: ModelDefinition, rows: Block, attributions: Block) -> AttributionsState:
    state = attributions_spec(definition).empty()
    state.update(Block(rows.n, {**attributions.columns, ID_HASH: rows.columns[ID_HASH]}))
    return state
