# SPDX-License-Identifier: Apache-2.0
"""Every exported state keeps the laws on any blocks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sketches
from sketches import (
    AttributionsSpec,
    BinaryQualitySpec,
    BinnedSpec,
    Block,
    CategoriesSpec,
    ContingencySpec,
    CorruptState,
    DistinctSpec,
    EmbeddingSpec,
    FeatureSpec,
    MomentsSpec,
    MulticlassQualitySpec,
    ProfileSpec,
    QuantilesSpec,
    RecentSpec,
    RegressionQualitySpec,
    SampleSpec,
    SegmentedSpec,
    SlicedSpec,
    Spec,
    SpecMismatch,
    State,
    TypeCountsSpec,
    check_state,
)
from tests.strategies import blocks, labelled_blocks, long_blocks, measured_blocks

NAMES = ("value", "b", "c", "d")
SPECS: list[Spec] = [
    TypeCountsSpec(),
    MomentsSpec(),
    QuantilesSpec(),
    QuantilesSpec(k=64),
    DistinctSpec(),
    DistinctSpec(size=16),
    CategoriesSpec(),
    CategoriesSpec(max_categories=3),
    CategoriesSpec(hashed=True, hash_key="secret"),
    FeatureSpec("value"),
    FeatureSpec("value", categorical=True, max_categories=20),
    FeatureSpec("value", hashed=True, hash_key="secret"),
    ProfileSpec(k=64),
    SampleSpec(),
    BinnedSpec(edges=(("value", (0.0, 1.0)),), categories=(("b", ("a", "true")),)),
    SlicedSpec(BinnedSpec(edges=(("value", ()),)), 3_600_000),
    SegmentedSpec("b", MomentsSpec(), max_segments=2),
    AttributionsSpec(),
    EmbeddingSpec("text", 4),
    ProfileSpec(declared=("c",), categorical=("b",), hashed=("c",), dropped=("d",), max_features=1),
]
OF_LABELS: list[Spec] = [
    BinaryQualitySpec(),
    ContingencySpec(("b",)),
    MulticlassQualitySpec(),
    RegressionQualitySpec(center=2.5),
    RecentSpec(3, ("label",)),
]
LAWS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def named(spec: Spec) -> str:
    return repr(spec)


@pytest.mark.parametrize("spec", SPECS, ids=named)
@LAWS
@given(rows=st.lists(blocks(NAMES), max_size=4))
def test_a_state_keeps_every_law_on_any_rows(spec: Spec, rows: Sequence[Block]) -> None:
    check_state(spec, rows)


@pytest.mark.parametrize("spec", SPECS, ids=named)
@settings(LAWS, max_examples=6)
@given(rows=st.lists(long_blocks(NAMES), min_size=3, max_size=3))
def test_a_state_keeps_every_law_on_more_rows_than_it_holds_exactly(spec: Spec, rows: Sequence[Block]) -> None:
    check_state(spec, rows)


@LAWS
@given(rows=st.lists(labelled_blocks(), max_size=4))
def test_binary_quality_keeps_every_law_and_the_sign_law(rows: Sequence[Block]) -> None:
    check_state(BinaryQualitySpec(), rows, signed=True)


@LAWS
@given(rows=st.lists(measured_blocks(), max_size=4))
def test_regression_quality_keeps_every_law_and_the_sign_law(rows: Sequence[Block]) -> None:
    check_state(RegressionQualitySpec(), rows, signed=True)


def test_the_laws_are_checked_for_every_exported_spec() -> None:
    exported = {name for name in sketches.__all__ if name.endswith("Spec") and name != "Spec"}
    assert exported == {type(spec).__name__ for spec in [*SPECS, *OF_LABELS]}


@pytest.mark.parametrize("spec", [*SPECS, *OF_LABELS], ids=named)
def test_specs_and_states_follow_the_protocols(spec: Spec) -> None:
    assert isinstance(spec, Spec)
    assert isinstance(spec.empty(), State)
    assert hash(spec) == hash(spec)


def test_every_parameter_is_part_of_the_fingerprint() -> None:
    specs = [
        *SPECS,
        *OF_LABELS,
        BinaryQualitySpec("yes"),
        ContingencySpec(("b",), "c"),
        ContingencySpec(("b",), positive_labels=("yes",)),
        ContingencySpec(("b",), label_above=0.5),
        ContingencySpec(("b",), max_values=3),
        ContingencySpec(("b",), declared=("x",)),
        MulticlassQualitySpec(("yes",)),
        MulticlassQualitySpec(max_classes=7),
        RegressionQualitySpec(),
        TypeCountsSpec("b"),
        MomentsSpec("b"),
        QuantilesSpec(column="b"),
        DistinctSpec(column="b"),
        CategoriesSpec(column="b"),
        CategoriesSpec(hashed=True, hash_key="other"),
        FeatureSpec("b"),
        FeatureSpec("value", k=64),
        FeatureSpec("value", hashed=True, hash_key="other"),
        ProfileSpec(k=64, max_categories=20),
        ProfileSpec(hashed=("c",)),
        SampleSpec(rows=2),
        BinnedSpec(edges=(("value", (0.0, 2.0)),)),
        SlicedSpec(BinnedSpec(edges=(("value", ()),)), 3_600_000, slices=6),
        SlicedSpec(BinnedSpec(edges=(("value", ()),)), 60_000),
        SegmentedSpec("c", MomentsSpec(), max_segments=2),
        SegmentedSpec("b", MomentsSpec(), max_segments=3),
        SegmentedSpec("b", MomentsSpec("c"), max_segments=2),
        SegmentedSpec("b", MomentsSpec(), max_segments=2, hashed=True),
        SampleSpec(hashed=("c",)),
        SampleSpec(hashed=("c",), hash_key="secret"),
        ProfileSpec(hashed=("c",), hash_key="secret"),
    ]
    assert len({spec.fingerprint for spec in specs}) == len(specs)


def test_a_hash_key_shows_in_no_representation() -> None:
    for spec in (
        CategoriesSpec(hash_key="s3cret"),
        FeatureSpec("a", hash_key="s3cret"),
        ProfileSpec(hash_key="s3cret"),
    ):
        assert "s3cret" not in repr(spec)


@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_states_of_other_parameters_do_not_merge(spec: Spec) -> None:
    other = next(other for other in SPECS if other.fingerprint != spec.fingerprint)
    with pytest.raises(SpecMismatch, match="expected fingerprint"):
        spec.empty().merge(other.empty())


@pytest.mark.parametrize("spec", [*SPECS, *OF_LABELS], ids=named)
@settings(LAWS, max_examples=60)
@given(rows=blocks(NAMES), damage=st.data())
def test_damaged_bytes_raise_corrupt_state_and_nothing_else(spec: Spec, rows: Block, damage: st.DataObject) -> None:
    state = spec.empty()
    state.update(rows)
    data = bytearray(state.to_bytes())
    if data:
        for _ in range(damage.draw(st.integers(1, 3))):
            data[damage.draw(st.integers(0, len(data) - 1))] = damage.draw(st.integers(0, 255))
    data = data[: damage.draw(st.integers(0, len(data)))] if damage.draw(st.booleans()) else data
    with suppress(CorruptState):
        spec.from_bytes(bytes(data)).to_bytes()


@pytest.mark.parametrize("spec", [*SPECS, *OF_LABELS], ids=named)
def test_truncated_bytes_are_refused(spec: Spec) -> None:
    with pytest.raises(CorruptState, match=r"cannot read .*expected"):
        spec.from_bytes(spec.empty().to_bytes()[:-1])
