# SPDX-License-Identifier: Apache-2.0
"""A histogram of lateness that takes whole blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import HistogramMetricFamily, Metric

_EDGES_S = (0.0, 1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0)
_EDGES_MS = (np.array(_EDGES_S) * 1_000).astype(np.int64)


class Lateness:
    """Collector of one histogram a model: how far behind its stream time an event came.

    The client's own histogram takes one value a call; a block of thousands is one `searchsorted` here.

    Examples
    --------
    >>> lateness = Lateness()
    >>> lateness.observe("adult", np.array([0, 500, 61_000]))
    >>> next(iter(lateness.collect())).samples[1].value
    2.0
    """

    def __init__(self) -> None:
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._sums_ms: dict[str, int] = {}

    def observe(self, model: str, lateness_ms: NDArray[np.int64]) -> None:
        """Add the lateness of each row of a block, shape (n,), in milliseconds."""
        bins = np.searchsorted(_EDGES_MS, lateness_ms, side="left")
        counts = np.bincount(bins, minlength=len(_EDGES_MS) + 1)
        self._counts[model] = self._counts.get(model, 0) + counts
        self._sums_ms[model] = self._sums_ms.get(model, 0) + int(lateness_ms.sum())

    def collect(self) -> Iterator[Metric]:
        """Yield the histograms; called by the registry at each scrape."""
        family = HistogramMetricFamily(
            "sketchwatch_event_lateness_seconds", "How far behind its stream time an event came.", labels=("model",)
        )
        edges = (*(str(edge) for edge in _EDGES_S), "+Inf")
        for model, counts in self._counts.copy().items():
            cumulative: list[float] = counts.cumsum().astype(np.float64).tolist()
            family.add_metric((model,), list(zip(edges, cumulative, strict=True)), self._sums_ms[model] / 1_000)
        yield family
