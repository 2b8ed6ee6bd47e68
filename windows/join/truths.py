# SPDX-License-Identifier: Apache-2.0
"""Labels as the join handles them."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

NONE = -1


class Truths(NamedTuple):
    """Labels of rows: of each a class code with whether it is *shared*, and a number.

    `code` is twice the number of the class, plus one if the label is shared: meant for every version of the model;
    `NONE` if there is no label. `value` is NaN if there is no number.

    Examples
    --------
    >>> truths = Truths(np.array([5, NONE], np.int16), no_values(2))
    >>> truths.classes.tolist(), truths.shared.tolist()
    ([2, -1], [True, False])
    """

    code: NDArray[np.int16]
    value: NDArray[np.float64]

    @classmethod
    def none(cls, n: int) -> Self:
        """No labels."""
        return cls(np.full(n, NONE, np.int16), np.full(n, np.nan))

    @property
    def classes(self) -> NDArray[np.int16]:
        """Class codes, `NONE` for none."""
        return self.code >> 1

    @property
    def shared(self) -> NDArray[np.bool_]:
        """Labels that are meant for every version."""
        shared: NDArray[np.bool_] = (self.code >= 0) & (self.code & 1 == 1)
        return shared

    def known(self, *, numeric: bool) -> NDArray[np.bool_]:
        """Labels that are there, as numbers or as classes."""
        known: NDArray[np.bool_] = ~np.isnan(self.value) if numeric else self.code >= 0
        return known

    def take(self, rows: NDArray[Any]) -> Truths:
        """Select labels by a boolean mask or by positions."""
        return Truths(self.code[rows], self.value[rows])

    def put(self, rows: NDArray[np.int64], truths: Truths) -> None:
        """Replace labels in place."""
        self.code[rows], self.value[rows] = truths


def no_values(n: int) -> NDArray[np.float64]:
    """No numbers, in no memory; not to be written to."""
    return np.broadcast_to(np.nan, n)
