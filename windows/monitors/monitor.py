# SPDX-License-Identifier: Apache-2.0
"""What a monitor is: a judgement of some parts of a window, and its share of the error budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.history import PastWindow
from windows.monitors.settle import Earlier
from windows.report import Verdict
from windows.window_profile import WindowProfile

Judged = tuple[dict[str, Any], list[Verdict]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a judgement is held to.

    Parameters
    ----------
    alpha : float
        Level of all the monitor's tests together.
    earlier : Earlier
        What the monitor said of the same window before.
    rng : numpy.random.Generator
        Source of resamples, where a method has any.
    past : sequence of PastWindow
        Windows of the model version that start before this one, the oldest first.
    """

    alpha: float
    earlier: Earlier
    rng: np.random.Generator
    past: Sequence[PastWindow] = ()


Judge = Callable[[WindowProfile, Baseline | None, Terms], Judged]
Case = tuple[WindowProfile, Baseline | None, Terms]
JudgeEach = Callable[[Iterable[Case]], list[Judged]]
BySegment = Callable[[WindowProfile, Baseline, Terms], Judged]


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor.

    Parameters
    ----------
    name : str
        Of its reports.
    family : str
        Who it shares a part of the error budget with.
    of_labels : bool
        Whether it judges joined rows, and so waits for the labels to close.
    enabled : callable
        Whether a definition asks for it.
    needs : callable
        The parts it judges under a definition, by their names or (with a slash at the end) beginnings of these.
    judge : callable
        Gives statistics and verdicts of a window against a baseline; without one, statistics and why there is no
        verdict.
    by_segment : callable, optional
        Gives those of all segments that a definition names, which then share the level with the whole by halves.
    """

    name: str
    family: str
    of_labels: bool
    enabled: Callable[[ModelDefinition], bool]
    needs: Callable[[ModelDefinition], tuple[str, ...]]
    judge: Judge
    by_segment: BySegment | None = None


def one_by_one(judge: Judge) -> JudgeEach:
    """Judge many windows or segments one after the other."""
    return lambda cases: [judge(*case) for case in cases]


def is_of(part: str, needs: tuple[str, ...]) -> bool:
    """Tell whether a part is one of those needed: by its name, or by a beginning that ends in a slash.

    Examples
    --------
    >>> is_of("custom/zeros", ("custom/zeros",)), is_of("custom/zeros2", ("custom/zeros",))
    (True, False)
    >>> is_of("feature/a", ("feature/",))
    True
    """
    return any(part == need or (need.endswith("/") and part.startswith(need)) for need in needs)


def no_baseline(check: str, what: str) -> list[Verdict]:
    """Say that there is nothing to compare with."""
    return [Verdict("*", check, "calibrated", "insufficient", reason=f"no baseline of {what} is published")]
