# SPDX-License-Identifier: Apache-2.0
"""The serialized form is the library's own: this guards every assumption about its layout."""

from __future__ import annotations

import numpy as np
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from sketches import CorruptState
from sketches.kll_layout import Layout, capacity, max_bytes, read_layout, write_layout


def sketch_of(k: int, *runs: np.ndarray) -> kll_doubles_sketch:
    """Merge one library sketch a run."""
    merged = kll_doubles_sketch(k)
    for run in runs:
        part = kll_doubles_sketch(k)
        part.update(run)
        merged.merge(part)
    return merged


@settings(max_examples=60, deadline=None)
@given(
    k=st.sampled_from([8, 9, 64, 200, 512, 2048]),
    sizes=st.lists(st.integers(0, 6_000), max_size=5),
    seed=st.integers(0, 2**32),
)
def test_weights_and_ranks_read_are_the_librarys_own_for_merged_sketches(k: int, sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sketch = sketch_of(k, *(np.round(rng.normal(size=size), 2) for size in sizes))
    layout = read_layout(sketch.serialize())
    assert (layout.k, layout.n, layout.retained) == (k, sketch.n, sketch.num_retained)
    if sketch.is_empty():
        return
    assert (layout.minimum, layout.maximum) == (sketch.get_min_value(), sketch.get_max_value())
    values = np.concatenate(layout.levels)
    weights = np.concatenate([np.full(len(level), 1 << i) for i, level in enumerate(layout.levels)])
    assert weights.sum() == sketch.n
    points = np.unique(values)[::17]
    for inclusive in (True, False):
        below = np.less_equal if inclusive else np.less
        ranks = [weights[below(values, point)].sum() / sketch.n for point in points]
        assert ranks == pytest.approx([sketch.get_rank(point, inclusive) for point in points], abs=1e-15)
    assert len(sketch.serialize()) <= max_bytes(k)


@settings(max_examples=60, deadline=None)
@given(k=st.sampled_from([8, 200, 512]), levels=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_the_library_reads_what_is_written_and_goes_on(k: int, levels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.multinomial(capacity(k, levels), np.ones(levels) / levels)
    arrays = tuple(np.sort(rng.normal(size=size)) for size in sizes)
    n = sum(len(array) << i for i, array in enumerate(arrays))
    written = write_layout(Layout(k, n, -10.0, 10.0, arrays))
    sketch = kll_doubles_sketch.deserialize(written)
    assert (sketch.n, sketch.get_min_value(), sketch.get_max_value()) == (n, -10.0, 10.0)
    assert [level.tolist() for level in read_layout(sketch.serialize()).levels] == [a.tolist() for a in arrays]
    sketch.update(rng.normal(size=1_000))
    other = kll_doubles_sketch(k)
    other.merge(sketch)
    assert read_layout(other.serialize()).n == n + 1_000


def test_the_preamble_is_the_one_of_serial_version_1() -> None:
    one, many = kll_doubles_sketch(200), kll_doubles_sketch(200)
    assert kll_doubles_sketch(200).serialize().hex() == "02010f01c8000800"
    one.update(1.5)
    assert one.serialize().hex() == "02020f04c8000800000000000000f83f"
    many.update(np.array([2.0, 1.0]))
    assert many.serialize()[:24].hex() == "05010f00c80008000200000000000000c8000100c6000000"


@pytest.mark.parametrize(
    ("position", "value"), [(0, 4), (1, 9), (2, 14), (6, 7), (8, 3), (18, 0), (18, 62), (20, 0), (20, 255)]
)
def test_a_wrong_field_is_refused(position: int, value: int) -> None:
    data = bytearray(sketch_of(200, np.arange(5.0)).serialize())
    data[position] = value
    with pytest.raises(CorruptState, match=r"cannot read KLL sketch: expected .*got"):
        read_layout(bytes(data))


@pytest.mark.parametrize("at", [24, 32, 40])
def test_values_that_are_not_finite_are_refused(at: int) -> None:
    data = bytearray(sketch_of(200, np.arange(5.0)).serialize())
    data[at : at + 8] = np.float64("nan").tobytes()
    with pytest.raises(CorruptState, match="expected finite values"):
        read_layout(bytes(data))
