# SPDX-License-Identifier: Apache-2.0
"""A histogram of lateness that takes whole blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import HistogramMetricFamily, Metric

_EDGES_S = (0.0, 1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0)
_EDGES_MS = [int(edge * 1_000) for edge in _EDGES_S]


class Lateness:
    """Collector of one histogram a model: how far behind the newest event of its partition each event came.

    The client's own histogram takes one value a call; here it is a block of thousands.

    Examples
    --------
    >>> lateness = Lateness()
    >>> lateness.observe("adult", 0, np.array([60_000, 61_000, 60_500]))
    >>> [int(sample.value) for sample in next(iter(lateness.collect())).samples[:2]]
    [2, 3]
    """

    def __init__(self) -> None:
        self._newest_ms: dict[tuple[str, int], int] = {}
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._sums_ms: dict[str, int] = {}

    def observe(self, model: str, partition: int, event_time_ms: NDArray[np.int64]) -> None:
        """Add a block's events in arrival order, shape (n,), UTC in milliseconds."""
        if not len(event_time_ms):
            return
        newest = np.maximum.accumulate(event_time_ms)
        np.maximum(newest, self._newest_ms.get((model, partition), newest[0]), out=newest)
        self._newest_ms[model, partition] = int(newest[-1])
        lateness_ms = newest - event_time_ms
        n, worst_ms = len(lateness_ms), lateness_ms.max()
        # Comparing the whole block with the few edges below its worst is faster than a search per event.
        within = [n if edge >= worst_ms else np.count_nonzero(lateness_ms <= edge) for edge in _EDGES_MS]
        # A scrape, in its own thread, goes by the counts: a model that has one must have a sum.
        self._sums_ms[model] = self._sums_ms.get(model, 0) + int(lateness_ms.sum())
        self._counts[model] = self._counts.get(model, 0) + np.array([*within, n])

    def collect(self) -> Iterator[Metric]:
        """Yield the histograms; called by the registry at each scrape."""
        family = HistogramMetricFamily(
            "sketchwatch_event_lateness_seconds",
            "How far behind the newest event of its partition an event came.",
            labels=("model",),
        )
        edges = (*(str(edge) for edge in _EDGES_S), "+Inf")
        for model, counts in self._counts.copy().items():
            cumulative = [(edge, float(count)) for edge, count in zip(edges, counts, strict=True)]
            family.add_metric((model,), cumulative, self._sums_ms[model] / 1_000)
        yield family
