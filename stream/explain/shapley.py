# SPDX-License-Identifier: Apache-2.0
"""SHAP values of any model by the `shap` package: Kernel SHAP over rows of columns of any kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketches.attributions import PREFIX
from sketches.block import Block, Column, Kind
from sketches.cells import present_cells
from stream.errors import InfrastructureError
from stream.explain.models import ModelError, Predict, model_of
from windows.explained import Question, inputs_of

_SEED = 0


def explain(question: Question) -> Block:
    """Compute what each feature adds to the predictions of rows.

    Parameters
    ----------
    question : Question
        Rows, background and model.

    Returns
    -------
    Block
        Columns `attributions.<feature>`, or `attributions.<class>.<feature>`; the same again for the same rows. They
        sum to the difference of the prediction from that of the background, on average.

    Raises
    ------
    InfrastructureError
        If the `shap` package is not installed.
    ModelError
        If the model cannot be found or does not predict.

    References
    ----------
    .. [1] Lundberg, Lee (2017), A unified approach to interpreting model predictions, NeurIPS.
    """
    try:
        # Numba, which it compiles with, takes seconds to import: only who explains waits for it.
        import shap  # noqa: PLC0415
    except ImportError as error:
        msg = f"attributions are computed: expected the extra sketchwatch[shap] to be installed, got {error}"
        raise InfrastructureError(msg) from None
    names = [name for name in inputs_of(question.background) if name in question.rows.columns]
    if not names:
        raise ModelError("expected features in the sample, got none")
    coded = [_Coded(question.background.columns[name], question.rows.columns[name]) for name in names]
    predict = _checked(model_of(question.computed), names, coded, question.classes)
    size = question.background.n
    codes = np.column_stack([column.codes for column in coded])
    explainer = shap.KernelExplainer(predict, codes[:size])
    # The package draws sets of features from this generator and no other.
    np.random.seed(_SEED)  # noqa: NPY002
    values = np.asarray(
        explainer.shap_values(codes[size:], nsamples=question.computed.evaluations, l1_reg=False, silent=True)
    )
    return Block(question.rows.n, _columns(names, values, question.classes))


def _columns(names: list[str], values: NDArray[np.float64], classes: tuple[str, ...]) -> dict[str, Column]:
    if values.ndim == 2:
        return {PREFIX + name: Column(Kind.FLOAT, values[:, i]) for i, name in enumerate(names)}
    return {
        f"{PREFIX}{label}.{name}": Column(Kind.FLOAT, values[:, i, of_class])
        for of_class, label in enumerate(classes)
        for i, name in enumerate(names)
    }


class _Coded:
    """A feature as numbers of its values: the package mixes rows as matrices of numbers only."""

    def __init__(self, background: Column, rows: Column) -> None:
        cells = [*_cells(background), *_cells(rows)]
        # True is 1 in a dictionary.
        seen: dict[tuple[bool, Any], int] = {}
        keys = [(isinstance(cell, bool), cell) for cell in cells]
        self.codes = np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.float64)
        held = [cell for _, cell in seen]
        self.values: NDArray[Any] = np.empty(len(held), dtype=object)
        self.values[:] = held
        if all(cell is None or (isinstance(cell, int | float) and not is_bool) for is_bool, cell in seen):
            self.values = np.array([math.nan if cell is None else cell for cell in held], dtype=np.float64)


def _cells(column: Column) -> list[Any]:
    cells: list[Any] = [None] * len(column.values)
    for at, value in present_cells(column):
        cells[at] = None if isinstance(value, float) and math.isnan(value) else value
    return cells


def _checked(model: Predict, names: list[str], coded: list[_Coded], classes: tuple[str, ...]) -> Predict:
    """Give a model of matrices of codes, whose predictions have the shape that is asked for."""

    def predict(codes: NDArray[np.float64]) -> NDArray[np.float64]:
        places = codes.astype(np.intp)
        found = np.asarray(
            model({name: coded[i].values[places[:, i]] for i, name in enumerate(names)}), dtype=np.float64
        )
        expected = (len(codes), len(classes)) if classes else (len(codes),)
        if found.shape != expected or not np.isfinite(found).all():
            what = f"{found.shape}" if found.shape != expected else "some that are not finite"
            raise ModelError(f"expected predictions of shape {expected}, got {what}")
        return found

    return predict  # type: ignore[return-value]
