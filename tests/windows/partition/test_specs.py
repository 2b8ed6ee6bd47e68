# SPDX-License-Identifier: Apache-2.0
"""What a definition declares, and the outputs, always have room in a profile."""

from __future__ import annotations

import numpy as np

from sketches.block import Block, Column, Kind
from windows.definition import Columns, ModelDefinition
from windows.partition.specs import profile_spec

OUTPUTS = {"prediction.label", "prediction.score", "prediction.value"}
ONE = Column(Kind.FLOAT, np.array([1.0]))


def test_outputs_have_room_whatever_else_arrives() -> None:
    definition = ModelDefinition(model="m", classes=("x", "y"), columns=Columns(max_features=5))
    outputs = {*OUTPUTS, "prediction.scores.x", "prediction.scores.y"}
    state = profile_spec(definition).empty()
    state.update(Block(1, {f"a{place}": ONE for place in range(300)}))
    state.update(Block(1, dict.fromkeys(outputs, ONE)))
    state.update(Block(1, {f"a{place}": ONE for place in range(300)}))
    assert state.features.keys() >= outputs
    assert len(state.features) == 5 + len(outputs)
