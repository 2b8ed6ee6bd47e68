# SPDX-License-Identifier: Apache-2.0
"""Baselines: what a model's data and quality looked like, and what is required of every window."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sketches.features import FeatureState
from windows.baselines.constraints import Constraints
from windows.baselines.quality_constraints import QualityConstraints
from windows.partition.specs import QUALITY

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The states and constraints one version of a baseline holds.

    Parameters
    ----------
    model, version, baseline_version : str
        Whose it is; `baseline_version` is empty until it is published.
    n : int
        Rows.
    features : mapping of str to FeatureState
        Features and outputs (`prediction.label`, `prediction.score`) by name.
    constraints : Constraints, optional
        Of data quality and drift; None if there is no such baseline.
    states : mapping of str to State
        Every part beside the features, as windows hold them; `quality` and others of labels are of rows the model was
        not trained on. A state of a user's own monitor that was read from a file or record is still in its envelope.
    quality_constraints : QualityConstraints, optional
        Of model quality.
    documents : mapping of str to mapping
        What the file of each other monitor says, by monitor.
    imported : bool
        Whether the states were read from another system's files: what its sketches left out is not known, so their
        rank error counts twice.
    """

    model: str
    version: str = "1"
    baseline_version: str = ""
    n: int = 0
    features: Mapping[str, FeatureState] = field(default_factory=dict)
    constraints: Constraints | None = None
    states: Mapping[str, Any] = field(default_factory=dict)
    quality_constraints: QualityConstraints | None = None
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    imported: bool = False
    _worked_out: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, key: Hashable, work_out: Callable[[], T]) -> T:
        """Give what follows from the baseline alone; it is worked out once, since a baseline never changes.

        Parameters
        ----------
        key : hashable
            Names what is worked out.
        work_out : callable
            Makes it.

        Examples
        --------
        >>> baseline = Baseline("churn")
        >>> baseline.once("rows", lambda: 3), baseline.once("rows", lambda: 4)
        (3, 3)
        """
        if key not in self._worked_out:
            self._worked_out[key] = work_out()
        made: T = self._worked_out[key]
        return made

    @property
    def quality(self) -> Any:
        """Quality of labelled predictions, None if there is no such baseline."""
        return self.states.get(QUALITY)
