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
    state = profile_spec(ModelDefinition(model="m", columns=Columns(max_features=5))).empty()
    state.update(Block(1, {f"a{place}": ONE for place in range(300)}))
    state.update(Block(1, dict.fromkeys(OUTPUTS, ONE)))
    state.update(Block(1, {f"a{place}": ONE for place in range(300)}))
    assert state.features.keys() >= OUTPUTS
    assert len(state.features) == 5 + len(OUTPUTS)
