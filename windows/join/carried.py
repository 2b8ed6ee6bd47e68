# SPDX-License-Identifier: Apache-2.0
"""What a pending row keeps for the time its label comes: coded columns and numbers, as its definition asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sketches.block import Block, Column, Kind
from sketches.sliced import EVENT_TIME
from sketches.texts import canonical, class_name
from windows.definition import ModelDefinition
from windows.outputs import LABEL, SCORE, SCORES, VALUE

_TAGS = "tags."
_NUMERIC = frozenset({Kind.FLOAT, Kind.INTEGER, Kind.BOOLEAN})


@dataclass(frozen=True, slots=True)
class Carried:
    """A column of few values: a predicted class, a facet, a group variable or a segment.

    Parameters
    ----------
    name : str
        Of a feature, or else of a tag; `tags.<name>` is the tag.
    above : float, optional
        Carry only whether a number is above this, as the classes "(above, Infinity)" and "(-Infinity, above]".

    Examples
    --------
    >>> age = Column(Kind.INTEGER, np.array([39, 41]))
    >>> Carried("age").column(Block(2, {"age": age})).categories
    ('39', '41')
    >>> column = Carried("age", above=40).column(Block(2, {"age": age}))
    >>> [column.categories[code] for code in column.values]
    ['(-Infinity, 40]', '(40, Infinity)']
    """

    name: str
    above: float | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The two classes of a column that is cut at a number, else none."""
        if self.above is None:
            return ()
        bound = _text(self.above)
        return f"(-Infinity, {bound}]", f"({bound}, Infinity)"

    def column(self, block: Block) -> Column:
        """Texts of a block's rows in one canonical, bounded form: 1, 1.0, true and "1" are "1".

        Parameters
        ----------
        block : Block
            Features under their own names and tags as `tags.<name>`; a row whose feature is missing has its tag's text.

        Returns
        -------
        Column
            Of kind STRING with distinct categories; invalid where there is no value, an empty text or, above a number,
            no number.
        """
        column = self._texts(block.columns.get(self.name), block.n)
        tags = None if column.valid is None else block.columns.get(_TAGS + self.name)
        return column if tags is None else _filled(column, self._texts(tags, block.n))

    def _texts(self, column: Column | None, n: int) -> Column:
        if column is None or column.kind == Kind.VECTOR:
            return Column(Kind.STRING, np.zeros(n, np.int32), np.zeros(n, bool))
        if self.above is not None:
            numbers = _numbers(column)
            return Column(
                Kind.STRING, (numbers > self.above).astype(np.int32), _or_none(~np.isnan(numbers)), self.classes
            )
        if column.kind == Kind.STRING:
            return _named(column.values, column.valid, column.categories)
        values, valid = column.values, column.valid
        if column.kind == Kind.MIXED:
            return _named(np.arange(n, dtype=np.int32), valid, values.tolist())
        distinct, codes = np.unique(values, return_inverse=True)
        return _named(codes.astype(np.int32), valid, distinct.tolist())


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a pending row.

    Parameters
    ----------
    codes : tuple of Carried
        Kept as numbers of classes.
    numbers : tuple of str
        Outputs kept as they are.
    numeric : bool
        Whether its label is a number beside a class.

    Examples
    --------
    >>> layout = layout_of(ModelDefinition(model="adult", segments=("region",)))
    >>> [carried.name for carried in layout.codes], layout.numbers
    (['prediction.label', 'region'], ('prediction.score',))
    >>> Layout.from_bytes(layout.to_bytes()) == layout
    True
    """

    codes: tuple[Carried, ...] = ()
    numbers: tuple[str, ...] = ()
    numeric: bool = False

    @property
    def row_bytes(self) -> int:
        """Bytes of a row beside its id: time, codes, numbers and label."""
        return 8 + 2 * len(self.codes) + 8 * len(self.numbers) + 2 + 8 * self.numeric

    @property
    def key(self) -> str:
        """A short name, the same for equal layouts only."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """Write the layout."""
        codes = [(carried.name, carried.above) for carried in self.codes]
        return json.dumps([codes, self.numbers, self.numeric]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        codes, numbers, numeric = json.loads(data)
        return cls(tuple(Carried(name, above) for name, above in codes), tuple(numbers), numeric)


def layout_of(definition: ModelDefinition) -> Layout:
    """Lay out the rows of a definition's windows: the prediction, and what its facets, group and segments name.

    Examples
    --------
    >>> layout_of(ModelDefinition(model="diabetes", problem_type="Regression"))
    Layout(codes=(), numbers=('prediction.value',), numeric=True)
    """
    bias = definition.monitors.bias
    named = [Carried(facet.name, facet.above) for facet in bias.facets] if bias.enabled else []
    plain = [*([bias.group] if bias.enabled and bias.group is not None else []), *definition.segments]
    carried = dict.fromkeys([*named, *map(Carried, plain)])
    times = () if definition.monitors.model_quality.last_rows is None else (EVENT_TIME,)
    if definition.problem_type == "Regression":
        return Layout(tuple(carried), (VALUE, *times), numeric=True)
    if definition.problem_type == "MulticlassClassification":
        return Layout((Carried(LABEL), *carried), (*(SCORES + name for name in definition.classes), *times))
    return Layout((Carried(LABEL), *carried), (SCORE, *times))


def _named(codes: NDArray[np.int32], valid: NDArray[np.bool_] | None, values: Sequence[Any]) -> Column:
    """Name codes by their values, equal names once; what has no name is invalid."""
    names = [_text(value) for value in values]
    places = {name: place for place, name in enumerate(dict.fromkeys(name for name in names if name))}
    if len(places) < len(names):
        table = np.array([places.get(name, -1) for name in names] or [-1], np.int32)
        codes = table[codes]
        known = codes >= 0
        valid, codes = _or_none(known if valid is None else valid & known), np.maximum(codes, 0)
    return Column(Kind.STRING, codes, valid, tuple(places))


def _filled(column: Column, other: Column) -> Column:
    """Take the other column's text where this one has none."""
    here = np.ones(len(column.values), bool) if column.valid is None else column.valid
    there = np.ones(len(here), bool) if other.valid is None else other.valid
    codes = np.where(here, column.values, other.values + len(column.categories)).astype(np.int32)
    return _named(codes, here | there, column.categories + other.categories)


def _numbers(column: Column) -> NDArray[np.float64]:
    """Numbers of a column's values, NaN where there is none."""
    if column.kind in _NUMERIC:
        numbers = column.values.astype(np.float64)
    elif column.kind == Kind.STRING:
        numbers = np.array([_number(name) for name in column.categories] or [np.nan])[column.values]
    else:
        numbers = np.array([_number(value) for value in column.values.tolist()])
    if column.valid is not None:
        numbers[~column.valid] = np.nan
    return numbers


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _text(value: Any) -> str:
    """Write a value in its one form; empty if it is none."""
    if isinstance(value, str):
        return canonical(value)
    if value is None or (isinstance(value, float) and value - value != 0.0):
        return ""
    return class_name(value)


def _or_none(valid: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    return None if valid.all() else valid
