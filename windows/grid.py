# SPDX-License-Identifier: Apache-2.0
"""The grid of a window: where a baseline's features are cut, so that counts can be compared with it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sketches.binned import BinnedSpec
from sketches.errors import CorruptState
from sketches.packing import pack, text, unpack


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells that were fixed by a baseline before the window's first row.

    Parameters
    ----------
    baseline_version : str
        Of the baseline.
    deciles : BinnedSpec
        Numeric features at their deciles, for early warning.
    cells : BinnedSpec
        All features, numeric ones and attributions at 32 quantiles, and where numbers fail checks; for segments.

    Examples
    --------
    >>> grid = Grid("2", BinnedSpec(edges=(("age", (30.0,)),)), BinnedSpec())
    >>> Grid.from_bytes(grid.to_bytes()) == grid
    True
    """

    baseline_version: str
    deciles: BinnedSpec
    cells: BinnedSpec

    def to_bytes(self) -> bytes:
        """Write the grid as JSON parts."""
        return pack(json.dumps(self.baseline_version).encode(), self.deciles.to_json(), self.cells.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> Grid:
        """Read what `to_bytes` wrote; raises `CorruptState`."""
        version, deciles, cells = unpack(data, 3, "grid")
        try:
            return cls(
                str(json.loads(text(version, "grid"))), BinnedSpec.from_json(deciles), BinnedSpec.from_json(cells)
            )
        except ValueError as error:
            msg = f"cannot read grid: expected the version of a baseline, got {version[:40]!r}"
            raise CorruptState(msg) from error
