# SPDX-License-Identifier: Apache-2.0
"""Partials of one window from all source partitions, until it is complete enough to be judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Protocol

from sketches.features import FeatureSpec
from sketches.profile import ProfileSpec
from sketches.state import Spec
from windows.definition import Catalog, ModelDefinition
from windows.errors import described
from windows.events import Partial
from windows.grid import Grid
from windows.partition.specs import (
    CLOSED,
    EARLY,
    FEATURE,
    GRID,
    OF_USERS,
    RECENT,
    ROWS,
    SEGMENTS,
    event_specs,
    label_specs,
    profile_spec,
)
from windows.partition.window_counts import WindowCounts
from windows.window_profile import WindowProfile

Key = tuple[str, str, int]


class Told(Protocol):
    """What was last told of a window; whatever differs from it is news."""

    @property
    def revision(self) -> int:
        """Sum of the partitions' revisions."""

    @property
    def features_closed(self) -> bool:
        """Whether monitors of features judged."""

    @property
    def labels_closed(self) -> bool:
        """Whether monitors of labels judged for good."""


@dataclass(slots=True)
class _Source:
    """One source partition's view of one window; `rows` comes after all other parts of its revision."""

    parts: dict[str, Partial] = field(default_factory=dict)
    rows: Partial | None = None
    counts: WindowCounts = field(default_factory=WindowCounts)
    gone: bool = False

    @property
    def torn(self) -> bool:
        """Whether the part `rows` of the newest revision has not come yet."""
        newest = max((part.revision for part in self.parts.values()), default=0)
        return not self.gone and (self.rows is None or self.rows.revision < newest)


@dataclass(slots=True)
class _Window:
    sources: dict[int, _Source] = field(default_factory=dict)
    features_since_ms: int | None = None
    labels_since_ms: int | None = None
    told: tuple[int, bool, bool] = (0, False, False)

    @property
    def gone(self) -> bool:
        """Whether every partition took the window back."""
        return all(source.gone for source in self.sources.values())


class Gather:
    """Windows as their partials come in, and which of them may be judged.

    A window is due for its features once every partition closed it to events, or `idle_timeout` after the first did (a
    partition may never have seen the model, unless a watermark told it how far it is); likewise for its labels; and
    again whenever a revision comes.

    Parameters
    ----------
    partitions : int
        Of the source topics.
    catalog : Catalog
        The definitions, which may grow.
    """

    def __init__(self, partitions: int, catalog: Catalog) -> None:
        self._partitions = partitions
        self._catalog = catalog
        self._windows: dict[Key, _Window] = {}
        self._undecided: set[Key] = set()
        self._closed_before_ms: dict[tuple[str, str], dict[int, int]] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def __contains__(self, key: Key) -> bool:
        return key in self._windows

    def arrived(self, partial: Partial, source_partition: int, partitions: int, now_ms: int) -> None:
        """Take one part of a window from one source partition; it replaces the one before.

        Parameters
        ----------
        partial : Partial
            Parts of one revision come before its `rows`. A payload of None takes the part back; of `rows`, the window.
        source_partition, partitions : int
            Which of how many it is of.
        now_ms : int
            Wall-clock time, from which partitions that never close the window are waited for.

        Raises
        ------
        CorruptState
            If the counts cannot be read.
        """
        self._partitions = max(self._partitions, partitions)
        key = partial.model, partial.version, partial.window_start_ms
        if partial.part in {EARLY, RECENT}:
            # Counts of an open window and rows of windows by count are no part of the closed one.
            return
        if partial.part == CLOSED:
            if partial.payload is not None:
                self._closed_before_ms.setdefault(key[:2], {})[source_partition] = int(partial.payload)
            return
        if partial.payload is None and source_partition not in self._sources(key):
            return
        window = self._windows.setdefault(key, _Window())
        source = window.sources.setdefault(source_partition, _Source())
        self._undecided.add(key)
        if partial.part != ROWS:
            if partial.payload is not None:
                source.parts[partial.part] = partial
            elif not source.gone:
                source.parts.pop(partial.part, None)
        elif partial.payload is None:
            # What was gathered stays until it has been judged: a window's end may come together with its tombstones.
            source.gone = True
        else:
            source.gone, source.rows, source.counts = False, partial, WindowCounts.from_bytes(partial.payload)
            if partial.features_closed and window.features_since_ms is None:
                window.features_since_ms = now_ms
            if partial.labels_closed and window.labels_since_ms is None:
                window.labels_since_ms = now_ms

    def oldest_ms(self, model: str, version: str) -> int | None:
        """Start of the oldest window of a model version that may still be judged, None if there is none."""
        return min((key[2] for key in self._windows if key[:2] == (model, version)), default=None)

    def reported(self, model: str, version: str, window_start_ms: int, told: Told) -> None:
        """Remember what a former owner told of a window, so that it is not told again."""
        window = self._windows.setdefault((model, version, window_start_ms), _Window())
        window.told = (told.revision, told.features_closed, told.labels_closed)

    def due(self, now_ms: int) -> list[WindowProfile]:
        """Windows that may be judged and were not told as they are now, oldest first; each then counts as told.

        Parameters
        ----------
        now_ms : int
            Wall-clock time.

        Raises
        ------
        CorruptState
            If a state cannot be read.
        """
        profiles = []
        for key in sorted(self._undecided, key=lambda key: (key[2], key)):
            window = self._windows[key]
            used = [source.rows.definition for source in window.sources.values() if source.rows is not None]
            definition = self._catalog.used(*key, used)
            if definition is None and window.gone:
                self._forget(key)
            if definition is None or any(source.torn for source in window.sources.values()):
                continue
            profile = _profile(definition, key[2], window, self._partitions, now_ms, empty=self._empty(key, window))
            told = (profile.revision, profile.features_closed, profile.labels_closed)
            # Less than was told is not news: after a restart, a partition that retired the window already is missing.
            if profile.features_closed and told > window.told:
                profiles.append(_with_states(profile, window))
                window.told = told
            self._settle(key, window, profile)
        return profiles

    def _settle(self, key: Key, window: _Window, profile: WindowProfile) -> None:
        """Look again only at windows that time alone can close; forget those that every partition took back.

        A partition may retire a window before another has come to it, in a replay for example: what it told is kept
        until all are in, or were waited for long enough.
        """
        if window.gone:
            if profile.features_closed:
                self._forget(key)
        elif profile.features_closed and (profile.labels_closed or window.labels_since_ms is None):
            self._undecided.discard(key)

    def _forget(self, key: Key) -> None:
        del self._windows[key]
        self._undecided.discard(key)

    def _empty(self, key: Key, window: _Window) -> int:
        """How many partitions closed a window without a row, and so without a word of it."""
        told = {number for number, source in window.sources.items() if source.rows is not None}
        closed = self._closed_before_ms.get(key[:2], {})
        return sum(key[2] < before_ms and number not in told for number, before_ms in closed.items())

    def _sources(self, key: Key) -> dict[int, _Source]:
        return self._windows[key].sources if key in self._windows else {}


def _profile(
    definition: ModelDefinition, start_ms: int, window: _Window, partitions: int, now_ms: int, *, empty: int
) -> WindowProfile:
    """Counts and marks of a window, its states still empty."""
    sources = [source for source in window.sources.values() if source.rows is not None]
    rows = [source.rows for source in sources if source.rows is not None]
    to_events = empty + sum(part.features_closed for part in rows)
    # Where no event came, no label is waited for.
    to_labels = empty + sum(part.labels_closed for part in rows)
    idle_ms = definition.window.idle_timeout

    def closed(count: int, since_ms: int | None) -> bool:
        return count >= partitions or (since_ms is not None and now_ms - since_ms >= idle_ms)

    features_closed = closed(to_events, window.features_since_ms)
    labels_closed = features_closed and closed(to_labels, window.labels_since_ms)
    counts = [source.counts for source in sources]
    specs = event_specs(definition) | label_specs(definition)
    return WindowProfile(
        definition=definition,
        window_start_ms=start_ms,
        profile=profile_spec(definition).empty(),
        states={part: spec.empty() for part, spec in specs.items()},
        rows=sum(c.rows for c in counts),
        labelled=sum(c.labelled for c in counts),
        late=sum(c.late for c in counts),
        rejected=sum(c.rejected for c in counts),
        duplicates=sum(c.duplicates for c in counts),
        partitions=partitions,
        partitions_closed=to_labels if labels_closed else to_events,
        revision=sum(part.revision for part in rows),
        features_closed=features_closed,
        labels_closed=labels_closed,
        failed=dict(sorted((failed for c in counts for failed in c.failed.items()), reverse=True)),
    )


def _with_states(profile: WindowProfile, window: _Window) -> WindowProfile:
    """Merge the partitions' states into a profile, and name those that cannot be."""
    merged, parts = profile.profile, _by_part(window)
    for source in window.sources.values():
        merged.n += source.counts.rows
        merged.overflow += source.counts.overflow
        merged.refused.update(source.counts.refused)
    states, unmerged, failed = dict(profile.states), [], dict(profile.failed)
    by_cells = _by_cells(profile.definition, parts.get(GRID, ()))
    for key, partials in parts.items():
        if key.startswith(FEATURE):
            specs: Iterable[Spec] = _feature_specs(merged.spec, key.removeprefix(FEATURE))
        elif key.startswith(SEGMENTS):
            specs = by_cells.get(key, ())
        elif key in states:
            specs = [states[key].spec]
        else:
            continue
        try:
            state = _merged(specs, partials)
        except Exception as error:  # a user's code may raise anything, and the other monitors must go on
            if not key.startswith(OF_USERS):
                raise
            failed[key] = described(error)
            continue
        if state is None:
            unmerged.append(key)
        elif key.startswith(FEATURE):
            merged.features[key.removeprefix(FEATURE)] = state
        else:
            states[key] = state
    return replace(profile, states=states, unmerged=tuple(sorted(unmerged)), failed=failed)


def _by_part(window: _Window) -> dict[str, list[Partial]]:
    parts: dict[str, list[Partial]] = {}
    for source in window.sources.values():
        for part in source.parts.values():
            parts.setdefault(part.part, []).append(part)
    return parts


def _by_cells(definition: ModelDefinition, grids: Sequence[Partial]) -> dict[str, list[Spec]]:
    """Specs of the parts that are counted in cells, by part: those of every grid that a partition used."""
    specs: dict[str, list[Spec]] = {}
    for payload in {partial.payload for partial in grids if partial.payload is not None}:
        for part, spec in event_specs(definition, grid=Grid.from_bytes(payload)).items():
            specs.setdefault(part, []).append(spec)
    return specs


def _feature_specs(spec: ProfileSpec, name: str) -> Iterator[FeatureSpec]:
    """The specs a feature's states may have been made with: today's first, then those of a definition it replaced.

    A partial names its spec by fingerprint alone, but there are only so many.
    """
    today = spec.feature_spec(name)
    yield today
    for most in (today.max_categories, FeatureSpec(name).max_categories):
        for categorical, hashed in product((False, True), repeat=2):
            yield FeatureSpec(name, categorical, hashed, spec.hash_key if hashed else "", spec.k, most)


def _merged(specs: Iterable[Spec], partials: Sequence[Partial]) -> Any:
    """Merge partials with the spec that all of them were made with, None if it is none of these."""
    fingerprints = {partial.fingerprint for partial in partials}
    spec = next((spec for spec in specs if {spec.fingerprint} == fingerprints), None)
    if spec is None:
        return None
    state, *others = (spec.from_bytes(partial.payload) for partial in partials if partial.payload is not None)
    for other in others:
        state.merge(other)
    return state
