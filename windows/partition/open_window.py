# SPDX-License-Identifier: Apache-2.0
"""One window of one model version in one partition: its states, its marks, and what must still be told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sketches.block import Block
from sketches.envelope import Envelope, seal, unseal
from sketches.errors import CorruptState
from windows.definition import ModelDefinition
from windows.errors import described
from windows.events import Partial, Publish
from windows.grid import Grid
from windows.join.row_records import Record
from windows.partition.looking import MOST_ROWS, look_bytes, looks_over
from windows.partition.segments import seen_by_part
from windows.partition.specs import (
    EARLY,
    FEATURE,
    GRID,
    OF_USERS,
    QUALITY,
    RECENT,
    ROWS,
    SEGMENTS,
    event_specs,
    label_specs,
    profile_spec,
)
from windows.partition.window_counts import Marks, WindowCounts, split_marks, with_marks

ROWS_FINGERPRINT = "window/1"
GRID_FINGERPRINT = "grid/1"


class OpenWindow:
    """A window from its first row until its retention ends.

    Parameters
    ----------
    definition : ModelDefinition
        The definition of the window's start; the window keeps it for life.
    start_ms : int
        Start of the window.
    grid : Grid, optional
        Cells of the baseline as it was when the window opened; the window keeps them for life, too.

    Attributes
    ----------
    of_events, of_labels : dict of str to State
        States beside the profile by part: of all rows, and (signed) of those that have a label.
    """

    def __init__(self, definition: ModelDefinition, start_ms: int, grid: Grid | None = None) -> None:
        self.definition = definition
        self.definition_key = definition_key(definition)
        self.start_ms = start_ms
        self.counts = WindowCounts()
        self.profile = profile_spec(definition).empty()
        self.grid = grid
        specs = event_specs(definition, grid=grid)
        self.of_events: dict[str, Any] = {part: spec.empty() for part, spec in specs.items()}
        self.of_labels: dict[str, Any] = {part: spec.empty() for part, spec in label_specs(definition).items()}
        self.revision = 0
        self.features_closed = False
        self.labels_closed = False
        self.revise = False
        self._published: set[str] = set()
        self._unpublished: set[str] = set()
        self._saved: set[str] = set()
        self._unsaved: set[str] = {ROWS}
        self._looks = 0
        if grid is not None:
            self._change(GRID)

    @property
    def end_ms(self) -> int:
        """End of the window, exclusive."""
        return self.start_ms + self.definition.window.size

    @property
    def prefix(self) -> str:
        """Beginning of the keys of the window's records."""
        return f"w|{self.definition.model}|{self.definition.version}|{self.start_ms}|"

    @property
    def quality(self) -> Any:
        """Quality of the labelled predictions, None for a model without a problem type."""
        return self.of_labels.get(QUALITY)

    @property
    def wants_extra(self) -> bool:
        """Whether a state looks at more of the rows than features and outputs."""
        return bool(self.of_events)

    def begin_closed(self, *, labels_closed: bool) -> None:
        """Begin after the end: every row is late."""
        self.of_events.pop(EARLY, None)
        self.features_closed, self.labels_closed = True, labels_closed or not self.of_labels

    def add(self, block: Block, extra: Block | None = None) -> None:
        """Add accepted rows; after the close they are late, and make a revision.

        Parameters
        ----------
        block : Block
            Their features and outputs.
        extra : Block, optional
            What else is known of the same rows: tags, attributions, embeddings, and the hash of the id.
        """
        self.profile.update(block)
        if self.of_events:
            whole = block if extra is None else Block(block.n, {**block.columns, **extra.columns})
            seen = seen_by_part(whole, self.definition)
            for part, state in list(self.of_events.items()):
                with self._kept(part):
                    if part == EARLY:
                        state.update(whole, most_rows=MOST_ROWS)
                    else:
                        state.update(seen(part))
            self._change(*self.of_events)
        self.counts.rows += block.n
        if self.features_closed:
            self.counts.late += block.n
            self.revise = True
        self.counts.overflow, self.counts.refused = self.profile.overflow, tuple(sorted(self.profile.refused))
        self._change(*(FEATURE + name for name in block.columns if name in self.profile.features))

    def relabel(self, before: Block | None, after: Block) -> None:
        """Take labelled rows away as they were and add them as they are."""
        for part, state in list(self.of_labels.items()):
            with self._kept(part):
                if before is not None:
                    state.update(before, sign=-1)
                state.update(after)
        self.counts.labelled += after.n - (0 if before is None else before.n)
        if self.labels_closed or (self.features_closed and self.counts.labelled == self.counts.rows):
            self.revise = True
        self._change(*self.of_labels)

    def count(self, *, duplicates: int = 0, rejected: int = 0) -> None:
        """Count what changes no state; the next publication tells it."""
        self.counts.duplicates += duplicates
        self.counts.rejected += rejected
        self._change()

    def close_features(self) -> list[Publish]:
        """Close to events: publish every feature; there is nothing left to warn of early."""
        self.of_events.pop(EARLY, None)
        self.features_closed = True
        self.labels_closed = self.labels_closed or not self.of_labels
        return self._publish()

    def looks(self, now_ms: int) -> list[Publish]:
        """Publish the counts for early warning, once another part of the open window's time is over."""
        over = looks_over(now_ms - self.start_ms, self.definition.window.size)
        if over <= self._looks or EARLY not in self.of_events or not self.of_events[EARLY].n:
            return []
        self._looks = over
        self._published.add(EARLY)
        self._unpublished.discard(EARLY)
        self._unsaved.add(ROWS)
        return [self._partial(EARLY, look_bytes(self.of_events[EARLY]))]

    def close_labels(self) -> list[Publish]:
        """Close to labels: publish what they tell."""
        self.labels_closed = True
        self._change(*self.of_labels)
        return self._publish()

    def revisions(self) -> list[Publish]:
        """Publish what changed after a close, if anything did."""
        return self._publish() if self.revise else []

    def recents(self) -> list[Publish]:
        """Publish the last labelled rows as they are, whether or not the window is closed."""
        if RECENT not in self._unpublished or not self.counts.labelled:
            return []
        self._published.add(RECENT)
        self._unpublished.discard(RECENT)
        self._unsaved.add(ROWS)
        return [self._partial(RECENT, self._payload(RECENT))]

    def forget(self) -> tuple[list[Publish], list[Record]]:
        """Take the window back from the readers of its profiles, and from the changelog."""
        gone = sorted(self._published - {ROWS})
        effects = [self._partial(part, None) for part in ([ROWS, *gone] if self._published else [])]
        return effects, [(self._key(part), None) for part in sorted(self._saved)]

    def records(self) -> list[Record]:
        """Take the changelog's records that changed since the last cut."""
        self._give_up_unwritable()
        parts = self._parts()
        gone = sorted(self._saved - parts)
        changed = sorted(self._unsaved & parts)
        self._saved, self._unsaved = self._saved - set(gone) | set(changed), set()
        return [(self._key(part), None) for part in gone] + [(self._key(part), self._seal(part)) for part in changed]

    @classmethod
    def restore(cls, definition: ModelDefinition, start_ms: int, records: Mapping[str, bytes]) -> OpenWindow:
        """Rebuild a window from the values of its records by part.

        Raises
        ------
        CorruptState
            If a record is not what `records` wrote.
        """
        grid = None
        if GRID in records:
            grid = Grid.from_bytes(_payload(unseal(records[GRID]), GRID_FINGERPRINT, GRID))
        window = cls(definition, start_ms, grid)
        window._unsaved = set()
        window._saved = set(records)
        window._restore_rows(unseal(records[ROWS]))
        for part, data in records.items():
            envelope = unseal(data)
            if part == ROWS:
                continue
            if part.startswith(FEATURE):
                spec = window.profile.spec.feature_spec(part.removeprefix(FEATURE))
                window.profile.features[spec.name] = spec.from_bytes(_payload(envelope, spec.fingerprint, part))
            elif part != GRID:
                states = window.of_events if part in window.of_events else window.of_labels
                kept = states[part].spec
                with window._kept(part):
                    states[part] = kept.from_bytes(_payload(envelope, kept.fingerprint, part))
        return window

    def _restore_rows(self, envelope: Envelope) -> None:
        counts, marks = split_marks(_payload(envelope, ROWS_FINGERPRINT, ROWS))
        self.counts = counts
        self.profile.n, self.profile.overflow = counts.rows, counts.overflow
        self.profile.refused = set(counts.refused)
        self.revision, self.revise = marks.revision, marks.revise
        self.features_closed, self.labels_closed = marks.features_closed, marks.labels_closed
        if self.features_closed:
            self.of_events.pop(EARLY, None)
        for part in counts.failed:
            self._drop(part)
        self._looks = marks.looks
        self._published, self._unpublished = set(marks.published), set(marks.unpublished)

    @contextmanager
    def _kept(self, part: str) -> Iterator[None]:
        """Give up the state of a user's own monitor that fails; the built-in ones have no right to."""
        try:
            yield
        except Exception as error:  # a user's code may raise anything, and the other states must go on
            if not part.startswith(OF_USERS):
                raise
            self._drop(part)
            self.counts.failed[part] = described(error)
            self._change()

    def _drop(self, part: str) -> None:
        self.of_events.pop(part, None)
        self.of_labels.pop(part, None)

    def _give_up_unwritable(self) -> None:
        """Give up states of users' own that cannot be written, before the records or parts of others are."""
        for part in [part for part in (*self.of_events, *self.of_labels) if part.startswith(OF_USERS)]:
            if part in self._unsaved | self._unpublished:
                with self._kept(part):
                    self._payload(part)

    def _parts(self) -> set[str]:
        labelled = self.of_labels if self.counts.labelled else ()
        return {ROWS, *labelled, *self._parts_of_events(), *({GRID} if self.grid is not None else ())}

    def _parts_of_events(self) -> set[str]:
        of_events = (part for part, state in self.of_events.items() if state.n)
        return {*of_events, *(FEATURE + name for name in self.profile.features)}

    def _change(self, *parts: str) -> None:
        self._unsaved.update(parts, (ROWS,))
        self._unpublished.update(parts)

    def _publish(self) -> list[Publish]:
        self._give_up_unwritable()
        self.revision += 1
        self.revise = False
        held = self._parts_of_events()
        if self.labels_closed or self.counts.labelled == self.counts.rows:
            # Recent rows have a way of their own, which does not wait for a close.
            held.update(self.of_labels.keys() - {RECENT})
        if any(part.startswith(SEGMENTS) for part in held):
            held.add(GRID)
        changed = sorted(self._unpublished & held)
        taken_back = {part for part in self._published if part.startswith((FEATURE, EARLY))} - held
        gone = sorted(taken_back | self._published & self.counts.failed.keys())
        effects = [self._partial(part, None) for part in gone]
        effects += [self._partial(part, self._payload(part)) for part in changed]
        self._published = self._published - set(gone) | {ROWS, *changed}
        self._unpublished -= set(changed)
        self._unsaved.add(ROWS)
        return [*effects, self._partial(ROWS, self.counts.to_bytes())]

    def _partial(self, part: str, payload: bytes | None) -> Publish:
        return Publish(
            Partial(
                model=self.definition.model,
                version=self.definition.version,
                window_start_ms=self.start_ms,
                part=part,
                payload=payload,
                fingerprint=self._fingerprint(part),
                revision=self.revision,
                features_closed=self.features_closed,
                labels_closed=self.labels_closed,
                definition=self.definition.revision,
            )
        )

    def _payload(self, part: str) -> bytes:
        if part.startswith(FEATURE):
            return self.profile.features[part.removeprefix(FEATURE)].to_bytes()
        if part == GRID:
            assert self.grid is not None
            return self.grid.to_bytes()
        data: bytes = self._state(part).to_bytes()
        return data

    def _fingerprint(self, part: str) -> str:
        if part == ROWS:
            return ROWS_FINGERPRINT
        if part == GRID:
            return GRID_FINGERPRINT
        if (part == EARLY and EARLY not in self.of_events) or part in self.counts.failed:
            return ""
        if part.startswith(FEATURE):
            return self.profile.spec.feature_spec(part.removeprefix(FEATURE)).fingerprint
        fingerprint: str = self._state(part).spec.fingerprint
        return fingerprint

    def _state(self, part: str) -> Any:
        return self.of_events[part] if part in self.of_events else self.of_labels[part]

    def _key(self, part: str) -> bytes:
        return (self.prefix + part).encode()

    def _seal(self, part: str) -> bytes:
        payload = self._marked_counts() if part == ROWS else self._payload(part)
        return seal(payload, fingerprint=self._fingerprint(part), definition=self.definition_key.decode())

    def _marked_counts(self) -> bytes:
        marks = Marks(
            self.revision,
            self.features_closed,
            self.labels_closed,
            self.revise,
            tuple(sorted(self._published)),
            tuple(sorted(self._unpublished)),
            self._looks,
        )
        return with_marks(self.counts, marks)


def definition_key(definition: ModelDefinition) -> bytes:
    """Key of the changelog's copy of a definition: its content, since another may come to hold from the same time."""
    digest = hashlib.sha256(definition.model_dump_json().encode()).hexdigest()[:16]
    return f"d|{definition.model}|{definition.version}|{digest}".encode()


def _payload(envelope: Envelope, fingerprint: str, part: str) -> bytes:
    if envelope.fingerprint != fingerprint:
        found = envelope.fingerprint
        msg = f"cannot restore part {part!r} of a window: expected fingerprint {fingerprint!r}, got {found!r}"
        raise CorruptState(msg)
    return envelope.payload
