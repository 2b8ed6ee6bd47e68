# SPDX-License-Identifier: Apache-2.0
"""Looks at open windows: the newest counts by slice of every source partition, until one of them closes the window."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sketches.binned import BinnedSpec
from sketches.packing import unpack
from sketches.sliced import SlicedSpec, SlicedState
from windows.definition import Catalog, ModelDefinition
from windows.events import Partial
from windows.partition.specs import EARLY, ROWS

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of an open window: its counts by slice, merged over the partitions that sent any."""

    definition: ModelDefinition
    window_start_ms: int
    counts: SlicedState


class Looks:
    """Open windows as counts of them come in.

    Parameters
    ----------
    catalog : Catalog
        The definitions, which may grow.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._counts: dict[Key, dict[int, Partial]] = defaultdict(dict)
        self._closing: set[Key] = set()
        self._fresh: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        return key in self._counts

    def arrived(self, partial: Partial, source_partition: int) -> None:
        """Take one part of a window from one source partition; any but counts and the end of a window pass by."""
        key = partial.model, partial.version, partial.window_start_ms
        if partial.part == ROWS:
            # The closing test is near, and counts of partitions that closed are gone: nothing is left to warn of.
            self._counts.pop(key, None)
            self._fresh.discard(key)
            if partial.payload is None:
                self._closing.discard(key)
            else:
                self._closing.add(key)
        elif partial.part == EARLY and partial.payload is not None and key not in self._closing:
            self._counts[key][source_partition] = partial
            self._fresh.add(key)

    def due(self) -> list[Look]:
        """Give the open windows with news since the last time, oldest first.

        Raises
        ------
        CorruptState
            If counts cannot be read.
        """
        looks = []
        for key in sorted(self._fresh, key=lambda key: (key[2], key)):
            partials = list(self._counts[key].values())
            definition = self._catalog.used(*key, {partial.definition for partial in partials})
            if definition is not None:
                looks.append(Look(definition, key[2], _merged(definition, partials)))
        self._fresh.clear()
        return looks


def _merged(definition: ModelDefinition, partials: list[Partial]) -> SlicedState:
    """Merge the counts by the edges that most rows were counted by."""
    merged: dict[str, SlicedState] = {}
    for partial in partials:
        assert partial.payload is not None
        edges, counts = unpack(partial.payload, 2, "look")
        state = SlicedSpec(BinnedSpec.from_json(edges), definition.window.size).from_bytes(counts)
        held = merged.setdefault(state.spec.fingerprint, state)
        if held is not state:
            held.merge(state)
    return max(merged.values(), key=lambda state: (state.n, state.spec.fingerprint))
