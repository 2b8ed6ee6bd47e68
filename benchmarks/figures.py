# SPDX-License-Identifier: Apache-2.0
"""What a benchmark measures: a figure, what it is measured against, and their ratio."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Parameters
    ----------
    name : str
        The benchmark, or `benchmark.part` where it has several figures.
    value : float
        What was measured.
    unit : str
        Of `value` and of `limit`.
    limit : float, optional
        What bounds `value`: measured in the same run where the machine sets it, otherwise the target.
    ratio : float, optional
        `value / limit`, or the comparison that the target names.

    Examples
    --------
    >>> Figure.of("join.rate", 3e6, "ids/s", limit=2e6).ratio
    1.5
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    ratio: float | None = None

    @classmethod
    def of(cls, name: str, value: float, unit: str, *, limit: float | None = None) -> Figure:
        """Make a figure whose ratio is `value / limit`."""
        return cls(name, value, unit, limit, value / limit if limit else None)

    def as_json(self) -> str:
        """Write the figure as one line of JSON."""
        return json.dumps(asdict(self))

    def as_text(self) -> str:
        """Write the figure for a person."""
        limit = "" if self.limit is None else f"  limit {self.limit:,.4g} {self.unit}"
        ratio = "" if self.ratio is None else f"  ratio {self.ratio:.3g}"
        return f"{self.name:<32} {self.value:>14,.4g} {self.unit}{limit}{ratio}"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One number of somebody else's that was computed again.

    Parameters
    ----------
    name : str
        `benchmark.table.row`.
    value : float
        Ours.
    expected : float
        Theirs.
    tolerance : float
        How far apart the two may be.

    Examples
    --------
    >>> Reproduced("paper.dpl", -0.1989, -0.199, 5e-4).met
    True
    """

    name: str
    value: float
    expected: float
    tolerance: float

    @property
    def met(self) -> bool:
        """Whether they agree."""
        return abs(self.value - self.expected) <= self.tolerance

    def as_json(self) -> str:
        """Write the number as one line of JSON."""
        return json.dumps(asdict(self) | {"met": self.met})

    def as_text(self) -> str:
        """Write the number for a person."""
        said = "" if self.met else "  DIFFERS"
        return f"{self.name:<44} {self.value:>12.6g}  expected {self.expected:.6g} ± {self.tolerance:.2g}{said}"
