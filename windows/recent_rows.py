# SPDX-License-Identifier: Apache-2.0
"""The last labelled rows of each model version, over all windows and partitions, as they come in."""

from __future__ import annotations

from collections import defaultdict

from sketches.recent import RecentState
from windows.definition import Catalog, ModelDefinition
from windows.events import Partial
from windows.partition.specs import QUALITY, RECENT, label_specs, profile_spec
from windows.window_profile import WindowProfile

Key = tuple[str, str]
LAST_ROWS = -1
"""Stands for the start of the one window of a model version that is by count."""


class RecentRows:
    """Parts that hold the last rows of one window in one partition; the newest windows' together hold the last of all.

    They come with every checkpoint, whether or not their window is closed. They are due once there are as many rows as
    the definition asks for, and so many of them are newer than those that were judged before.

    Parameters
    ----------
    catalog : Catalog
        The definitions, which may grow.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._parts: dict[Key, dict[tuple[int, int], Partial]] = defaultdict(dict)
        self._judged_ms: dict[Key, int] = {}
        self._fresh: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        return key in self._parts

    def arrived(self, partial: Partial, source_partition: int) -> None:
        """Take one part of a window from one source partition; any but recent rows pass by."""
        if partial.part != RECENT:
            return
        key = partial.model, partial.version
        place = partial.window_start_ms, source_partition
        if partial.payload is not None:
            self._parts[key][place] = partial
            self._fresh.add(key)
        elif key in self._parts:
            self._parts[key].pop(place, None)
            if not self._parts[key]:
                del self._parts[key]
                self._fresh.discard(key)

    def reported(self, model: str, version: str, judged_ms: int) -> None:
        """Remember up to which event time a former owner judged."""
        self._judged_ms[model, version] = judged_ms

    def due(self) -> list[WindowProfile]:
        """Give the last rows of each model version that has enough newer ones; they then count as judged.

        Raises
        ------
        CorruptState
            If rows cannot be read.
        """
        profiles = []
        for key in sorted(self._fresh):
            definition = self._catalog.at(*key, max(start_ms for start_ms, _ in self._parts[key]))
            profile = None if definition is None else self._profile(key, definition)
            if profile is not None:
                profiles.append(profile)
        self._fresh.clear()
        return profiles

    def _profile(self, key: Key, definition: ModelDefinition) -> WindowProfile | None:
        options, specs = definition.monitors.model_quality, label_specs(definition)
        if options.last_rows is None or RECENT not in specs:
            return None
        state = self._merged(key, specs[RECENT].empty())
        judged_ms = self._judged_ms.get(key)
        newer = sum(judged_ms is None or at_ms > judged_ms for at_ms, _, _ in state.rows)
        if len(state.rows) < options.last_rows or newer < (options.every or options.last_rows):
            return None
        self._judged_ms[key] = newest_ms = state.rows[-1][0]
        quality = specs[QUALITY].empty()
        quality.update(state.block())
        n = len(state.rows)
        return WindowProfile(
            definition=definition,
            window_start_ms=state.rows[0][0],
            profile=profile_spec(definition).empty(),
            states={QUALITY: quality},
            rows=n,
            labelled=n,
            late=0,
            rejected=0,
            duplicates=0,
            partitions=len({partition for _, partition in self._parts[key]}),
            partitions_closed=0,
            revision=newest_ms,
            features_closed=False,
            labels_closed=True,
            last_rows=options.last_rows,
            end_ms=newest_ms + 1,
        )

    def _merged(self, key: Key, state: RecentState) -> RecentState:
        """Merge the newest windows' rows until there are enough; older windows hold older rows only."""
        parts = self._parts[key]
        for start_ms in sorted({start_ms for start_ms, _ in parts}, reverse=True):
            for (start, _), partial in parts.items():
                # Rows that another definition kept may lack a column.
                if start == start_ms and partial.payload and partial.fingerprint == state.spec.fingerprint:
                    state.merge(state.spec.from_bytes(partial.payload))
            if len(state.rows) == state.spec.rows:
                break
        return state
