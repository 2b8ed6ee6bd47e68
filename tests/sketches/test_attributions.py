# SPDX-License-Identifier: Apache-2.0
"""Attributions: sums and sketches of each attribute, whatever blocks, groups of features and classes they come in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sketches import AttributionsSpec, Block, Column, CorruptState, Kind, check_state
from tests.strategies import blocks, long_blocks

NAMES = ("attributions.a", "attributions.b", "attributions.yes.a", "inference_id.hash", "other")
SPECS = [
    AttributionsSpec(k=64),
    AttributionsSpec(groups=3, max_columns=1),
    AttributionsSpec((("both", ("a", "b")),), classes=("yes",), groups=1),
]
LAWS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def floats(values: Sequence[float]) -> Column:
    return Column(Kind.FLOAT, np.array(values, dtype=float))


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@LAWS
@given(rows=st.lists(blocks(NAMES), max_size=4))
def test_attributions_keep_every_law_on_any_rows(spec: AttributionsSpec, rows: Sequence[Block]) -> None:
    check_state(spec, rows)


@pytest.mark.parametrize("spec", SPECS, ids=repr)
@settings(LAWS, max_examples=5)
@given(rows=st.lists(long_blocks(NAMES), min_size=3, max_size=3))
def test_attributions_keep_every_law_on_more_rows_than_sketches_hold(
    spec: AttributionsSpec, rows: Sequence[Block]
) -> None:
    check_state(spec, rows)


def test_importances_and_means_are_those_of_the_raw_numbers() -> None:
    rng = np.random.default_rng(0)
    values, ids = rng.normal(size=(5_000, 3)), rng.integers(0, 2**63 - 1, 5_000)
    columns = {f"attributions.f{i}": floats(values[:, i]) for i in range(3)}
    block = Block(5_000, columns | {"inference_id.hash": Column(Kind.INTEGER, ids)})
    state = AttributionsSpec().empty()
    state.update(block)
    for i, column in enumerate(state.columns[f"f{j}"] for j in range(3)):
        assert column.importance == pytest.approx(np.abs(values[:, i]).mean(), rel=1e-12)
        assert column.mean == pytest.approx(values[:, i].mean(), rel=1e-9)
        for group in range(32):
            here = values[ids % 32 == group, i]
            assert column.rows[group] == len(here)
            assert column.absolute[group] == pytest.approx(np.abs(here).sum(), rel=1e-12)


def test_the_attribution_of_an_attribute_is_the_sum_of_its_features_in_each_row() -> None:
    spec = AttributionsSpec((("status", ("A1*",)), ("age", ("years", "months"))))
    state = spec.empty()
    state.update(
        Block(
            3,
            {
                "attributions.A11": floats([1.0, -1.0, np.nan]),
                "attributions.A14": floats([-1.0, -2.0, np.nan]),
                "attributions.months": floats([0.5, np.nan, 0.25]),
                "attributions.other": floats([0.0, 0.0, 3.0]),
            },
        )
    )
    assert state.columns.keys() == {"status", "age", "other"}
    assert (state.columns["status"].n, state.columns["status"].importance) == (2, 1.5)
    assert (state.columns["age"].n, state.columns["age"].importance) == (2, 0.375)


def test_a_name_that_is_listed_belongs_to_its_attribute_before_one_that_only_begins_alike() -> None:
    spec = AttributionsSpec((("some", ("A1*",)), ("one", ("A14",))))
    assert [spec.attribute_of(name) for name in ("A11", "A14", "B")] == ["some", "one", "B"]


def test_classes_are_told_apart_by_their_names_alone() -> None:
    spec = AttributionsSpec((("petal", ("petal.width", "petal.length")),), classes=("setosa",))
    assert spec.attribute_of("setosa.petal.width") == "setosa.petal"
    assert spec.attribute_of("petal.width") == "petal"
    assert spec.attribute_of("virginica.petal.width") == "virginica.petal.width"


def test_rows_without_a_hash_are_one_group() -> None:
    state = AttributionsSpec(groups=4).empty()
    hashes = Column(Kind.INTEGER, np.array([1, 2, 3]), np.array([True, False, True]))
    state.update(Block(3, {"attributions.a": floats([1, 1, 1]), "inference_id.hash": hashes}))
    state.update(Block(2, {"attributions.a": floats([1, 1])}))
    assert state.columns["a"].rows.tolist() == [3, 1, 0, 1]


def test_what_is_no_finite_number_counts_in_no_mean() -> None:
    state = AttributionsSpec().empty()
    state.update(Block(4, {"attributions.a": floats([np.inf, np.nan, 2.0, 1e300])}))
    state.update(Block(1, {"attributions.a": Column(Kind.STRING, np.zeros(1, np.int32), None, ("3",))}))
    assert (state.n, state.columns["a"].n, state.columns["a"].importance) == (5, 1, 2.0)


def test_the_first_attributes_by_name_are_kept_and_others_counted() -> None:
    block = Block(2, {f"attributions.{name}": floats([1, 2]) for name in ("c", "a", "b", "x" * 300)})
    state = AttributionsSpec(max_columns=2).empty()
    state.update(block)
    assert (sorted(state.columns), state.overflow) == (["a", "b"], 4)


def test_the_default_state_of_the_most_columns_fits_into_a_message() -> None:
    assert AttributionsSpec().max_bytes < 4 * 1024 * 1024


@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_sums_that_are_no_sums_are_refused(damage: float) -> None:
    spec = AttributionsSpec(groups=1)
    state = spec.empty()
    state.update(Block(1, {"attributions.a": floats([1.0])}))
    state.columns["a"].absolute[0] = damage
    with pytest.raises(CorruptState, match="finite sums"):
        spec.from_bytes(state.to_bytes())


GOLDEN = (
    "1000000002000000000000000000000000000000f7000000760000000200000061623000000001000000000000000100000000000000000000"
    "000000e83f0000000000000040000000000000e83f00000000000000c03800000005010f0008000800020000000000000008000100060000000000"
    "0000000000c0000000000000e83f00000000000000c0000000000000e83f79000000050000007965732e6330000000010000000000000001000000"
    "0000000000000000000000000000000000000040000000000000000000000000000000403800000005010f000800080002000000000000000800"
    "0100060000000000000000000000000000000000004000000000000000400000000000000000"
)


def test_bytes_that_release_0_1_wrote_are_read() -> None:
    spec = AttributionsSpec((("ab", ("a", "b")),), ("yes",), k=8, groups=2)
    assert spec.fingerprint == "d683a243aaa3359b"
    state = spec.empty()
    state.update(
        Block(
            2,
            {
                "attributions.a": floats([0.5, -1]),
                "attributions.b": floats([0.25, -1]),
                "attributions.yes.c": floats([0, 2]),
                "inference_id.hash": Column(Kind.INTEGER, np.array([4, 7])),
            },
        )
    )
    assert spec.equivalent(spec.from_bytes(bytes.fromhex(GOLDEN)), state)
