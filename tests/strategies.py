# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies: blocks with everything that comes over a topic, NaN, infinities and huge numbers included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from sketches.block import Block, Column, Kind

FLOATS = st.one_of(
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")]),
)
INTEGERS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "b", "true", "false", "12", "-1.5", "- 7", "1e999", ".5", "5.", "é", "\ud800", "x" * 500]
    ),
    st.text(max_size=5),
)
VALUES = st.one_of(st.none(), st.booleans(), INTEGERS, st.integers(-(10**400), 10**400), FLOATS, TEXTS)


@st.composite
def columns(draw: st.DrawFn, n: int) -> Column:
    """Draw a column of n rows of any kind but vectors, some of them constant, all null or partly absent."""
    kind = draw(st.sampled_from([kind for kind in Kind if kind != Kind.VECTOR]))
    categories = tuple(draw(st.lists(TEXTS, min_size=1, max_size=6))) if kind == Kind.STRING else ()
    element: st.SearchStrategy[Any] = {
        Kind.FLOAT: FLOATS,
        Kind.INTEGER: INTEGERS,
        Kind.BOOLEAN: st.booleans(),
        Kind.STRING: st.integers(0, max(0, len(categories) - 1)),
        Kind.MIXED: VALUES,
    }[kind]
    rows = [draw(element)] * n if draw(st.booleans()) else draw(st.lists(element, min_size=n, max_size=n))
    types = {Kind.FLOAT: float, Kind.INTEGER: np.int64, Kind.BOOLEAN: bool, Kind.STRING: np.int32, Kind.MIXED: object}
    values = np.empty(n, dtype=types[kind])
    values[:] = rows
    masks = st.lists(st.booleans(), min_size=n, max_size=n)
    nothing = np.zeros(n, dtype=bool)
    valid = draw(st.one_of(st.none(), st.just(nothing), masks.map(lambda mask: np.array(mask, dtype=bool))))
    absent = None if valid is None or draw(st.booleans()) else ~valid & np.array(draw(masks), dtype=bool)
    return Column(kind, values, valid, categories, absent)


@st.composite
def blocks(draw: st.DrawFn, names: Sequence[str] = ("value",), max_rows: int = 12) -> Block:
    """Draw a small block that has some of the named columns."""
    n = draw(st.integers(0, max_rows))
    present = [name for name in names if draw(st.integers(0, 7))]
    return Block(n, {name: draw(columns(n)) for name in present})


@st.composite
def long_blocks(draw: st.DrawFn, names: Sequence[str] = ("value",)) -> Block:
    """Draw a block long enough for sketches to be inexact; numpy makes the rows from a drawn seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(600, 3_000))
    makers = [
        lambda: Column(Kind.FLOAT, rng.normal(size=n)),
        lambda: Column(Kind.FLOAT, np.round(rng.exponential(size=n), 1)),
        lambda: Column(Kind.INTEGER, rng.integers(-(2**62), 2**62, n)),
        lambda: Column(Kind.STRING, rng.integers(0, 50, n).astype(np.int32), None, tuple(map(str, range(50)))),
        lambda: Column(Kind.FLOAT, np.full(n, 0.1), rng.random(n) < 0.5),
    ]
    return Block(n, {name: makers[draw(st.integers(0, len(makers) - 1))]() for name in names})


@st.composite
def labelled_blocks(draw: st.DrawFn, max_rows: int = 12) -> Block:
    """Draw a block of predictions and labels of a binary classifier, any of which may be missing."""
    n = draw(st.integers(0, max_rows))

    def classes() -> Column:
        codes = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.int32)
        valid = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
        return Column(Kind.STRING, codes, draw(st.sampled_from([None, valid])), ("0", "1", "other"))

    scores = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, float("nan")]))
    values = np.array(draw(st.lists(scores, min_size=n, max_size=n)), dtype=float)
    everything = {
        "label": classes(),
        "prediction.label": classes(),
        "prediction.score": Column(Kind.FLOAT, values),
    }
    return Block(n, {name: column for name, column in everything.items() if draw(st.integers(0, 5))})


@st.composite
def measured_blocks(draw: st.DrawFn, max_rows: int = 12) -> Block:
    """Draw a block of predicted numbers and numeric labels, any of which may be missing, endless or no number."""
    n = draw(st.integers(0, max_rows))

    def numbers() -> Column:
        element = st.one_of(FLOATS, st.floats(-100, 100), st.floats(-1e45, 1e45))
        values = np.array(draw(st.lists(element, min_size=n, max_size=n)), dtype=float)
        valid = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
        return Column(Kind.FLOAT, values, draw(st.sampled_from([None, valid])))

    everything = {"label": numbers(), "prediction.value": numbers()}
    return Block(n, {name: column for name, column in everything.items() if draw(st.integers(0, 9))})


@st.composite
def classified_blocks(draw: st.DrawFn, max_rows: int = 12) -> Block:
    """Draw a block of predictions, labels and scores of a classifier of many classes, any of which may be missing."""
    n = draw(st.integers(0, max_rows))
    names = ("a", "b", "c", "d", "e", "")

    def classes() -> Column:
        codes = np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), dtype=np.int32)
        valid = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
        return Column(
            Kind.STRING,
            codes,
            draw(st.sampled_from([None, valid])),
            draw(st.sampled_from([names, names[:5] + names[:1]])),
        )

    scores = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, float("nan")]))
    columns = {"label": classes(), "prediction.label": classes()}
    for name in names[:5]:
        values = np.array(draw(st.lists(scores, min_size=n, max_size=n)), dtype=float)
        columns[f"prediction.scores.{name}"] = Column(Kind.FLOAT, values)
    return Block(n, {name: column for name, column in columns.items() if draw(st.integers(0, 7))})
