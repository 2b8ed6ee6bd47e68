# SPDX-License-Identifier: Apache-2.0
"""Bytes that a release wrote stay readable: goldens/ holds one state a file, in hexadecimal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sketches import (
    BinaryQualitySpec,
    BinnedSpec,
    Block,
    CategoriesSpec,
    Column,
    ContingencySpec,
    DistinctSpec,
    FeatureSpec,
    Kind,
    MomentsSpec,
    MulticlassQualitySpec,
    ProfileSpec,
    QuantilesSpec,
    SampleSpec,
    SegmentedSpec,
    SlicedSpec,
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
IDENTIFIED = Block(
    6,
    {
        **BLOCK.columns,
        "event_time.ms": Column(Kind.INTEGER, np.array([0, 1, 300_000, 3_599_999, 3_600_000, 7])),
        "inference_id.hash": Column(Kind.INTEGER, np.array([9, 2**62, 3, 7, 3, 2**63 - 1])),
    },
)
BINNED = BinnedSpec(edges=(("value", (0.0, 2.0)),), categories=(("prediction.label", ("0",)),))
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
    "contingency": ContingencySpec(("prediction.label",), "label", max_values=1, declared=("1",)),
    "binned": BINNED,
    "sliced": SlicedSpec(BINNED, 3_600_000),
    "segmented": SegmentedSpec("label", BINNED, max_segments=1),
    "sample": SampleSpec(rows=2, hashed=("value",), hash_key="secret"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_state_written_by_release_0_1_is_read_and_goes_on(name: str) -> None:
    spec, block = SPECS[name], IDENTIFIED if name in {"sliced", "sample"} else BLOCK
    fingerprint, data = (GOLDENS / f"{name}.hex").read_text().split()
    assert spec.fingerprint == fingerprint
    expected = spec.empty()
    expected.update(block)
    state = spec.from_bytes(bytes.fromhex(data))
    assert expected.n > 0
    assert spec.equivalent(state, expected)
    state.update(block)
    expected.update(block)
    assert spec.equivalent(state, expected)
