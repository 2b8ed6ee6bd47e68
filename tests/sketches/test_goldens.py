# SPDX-License-Identifier: Apache-2.0
"""Bytes that a release wrote stay readable: goldens/ holds one state a file, in hexadecimal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sketches import (
    BinaryQualitySpec,
    Block,
    CategoriesSpec,
    Column,
    DistinctSpec,
    FeatureSpec,
    Kind,
    MomentsSpec,
    MulticlassQualitySpec,
    ProfileSpec,
    QuantilesSpec,
    Spec,
    TypeCountsSpec,
)

GOLDENS = Path(__file__).parent / "goldens"
CLASSES = Column(Kind.STRING, np.array([0, 1, 1, 0, 1, 1], dtype=np.int32), None, ("0", "1"))
BLOCK = Block(
    6,
    {
        "value": Column(Kind.MIXED, np.array([1, 2.5, None, "a", True, "-3"], dtype=object)),
        "label": CLASSES,
        "prediction.label": Column(Kind.STRING, np.array([0, 0, 1, 1, 1, 1], dtype=np.int32), None, ("0", "1")),
        "prediction.score": Column(Kind.FLOAT, np.array([0.0, 0.3, 0.7, 0.6, 0.999, 1.0])),
    },
)
SPECS: dict[str, Spec] = {
    "types": TypeCountsSpec(),
    "moments": MomentsSpec(),
    "quantiles": QuantilesSpec(),
    "distinct": DistinctSpec(),
    "categories": CategoriesSpec(),
    "feature": FeatureSpec("value"),
    "profile": ProfileSpec(declared=("value",), categorical=("prediction.score",), dropped=("label",), max_features=1),
    "binary": BinaryQualitySpec(),
    "multiclass": MulticlassQualitySpec(("1",)),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_state_written_by_release_0_1_is_read_and_goes_on(name: str) -> None:
    spec = SPECS[name]
    fingerprint, data = (GOLDENS / f"{name}.hex").read_text().split()
    assert spec.fingerprint == fingerprint
    expected = spec.empty()
    expected.update(BLOCK)
    state = spec.from_bytes(bytes.fromhex(data))
    assert expected.n > 0
    assert spec.equivalent(state, expected)
    state.update(BLOCK)
    expected.update(BLOCK)
    assert spec.equivalent(state, expected)
