# SPDX-License-Identifier: Apache-2.0
"""All types of problems."""

from __future__ import annotations

from typing import Any

from windows.quality.binary import BINARY
from windows.quality.multiclass import MULTICLASS
from windows.quality.problem import Problem
from windows.quality.regression import REGRESSION

PROBLEMS: tuple[Problem, ...] = (BINARY, MULTICLASS, REGRESSION)


def problem_of(quality: Any) -> Problem:
    """Give the type of problem that a state of quality is of.

    Raises
    ------
    TypeError
        If it is of none.

    Examples
    --------
    >>> from sketches.binary import BinaryQualitySpec
    >>> problem_of(BinaryQualitySpec().empty()).name
    'binary_classification'
    """
    for problem in PROBLEMS:
        if type(quality.spec) is problem.spec:
            return problem
    msg = f"expected a state of quality, got {type(quality).__name__}"
    raise TypeError(msg)
