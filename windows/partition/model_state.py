# SPDX-License-Identifier: Apache-2.0
"""What one partition holds of one model: its stream time, and of each version the windows and pending rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sketches.texts import POOLED, canonical
from windows.definition import ModelDefinition
from windows.events import Counted, Effect, Partial, Publish, Side
from windows.grid import Grid
from windows.join.carried import Carried, layout_of
from windows.join.classes import ClassCodes
from windows.join.early_labels import EarlyLabels
from windows.join.ids import IdHash
from windows.join.pending import PendingRows
from windows.join.row_records import Record
from windows.outputs import LABEL
from windows.partition.open_window import OpenWindow
from windows.partition.specs import CLOSED
from windows.partition.stream_time import StreamTime
from windows.partition.timeline import Timeline

CLOSED_FINGERPRINT = "closed/1"
_NEVER = 2**62


class VersionState:
    """Windows and pending rows of one model version.

    `next_close_ms` is the start of the next window to close to events, None before the first window: from then on every
    window is published, empty ones too, so that "nothing here" differs from "not yet".
    """

    def __init__(
        self,
        model: str,
        version: str,
        definitions: tuple[ModelDefinition, ...],
        id_hash: IdHash,
        grid: Callable[[ModelDefinition], Grid | None],
    ) -> None:
        self._grid = grid
        self.model = model
        self.version = version
        self.timeline = Timeline(definitions)
        self.windows: dict[int, OpenWindow] = {}
        self.pending = PendingRows(model, version, id_hash)
        self.next_close_ms: int | None = None
        self.forgotten: list[Record] = []

    def follow(self, definitions: tuple[ModelDefinition, ...]) -> bool:
        """Take definitions as they are now, and tell whether any changed; open windows keep theirs."""
        held = self.timeline.definitions
        changed = len(held) != len(definitions) or any(a is not b for a, b in zip(held, definitions, strict=True))
        if changed:
            self.timeline = Timeline(definitions)
        return changed

    def admit(self, start_ms: int, time: StreamTime, effects: list[Effect]) -> str | None:
        """Open the window that starts at a time, or say why its rows are refused: `expired` or `window_limit`."""
        definition = self.timeline.at(start_ms)
        if _due(time, start_ms + definition.window.size + definition.window.retention_ms, definition):
            return "expired"
        if len(self.windows) >= definition.limits.open_windows:
            if start_ms < max(self.windows):
                return "window_limit"
            oldest = self.windows[min(self.windows)]
            effects.append(Counted("window_limit", self.model, oldest.counts.rows))
            effects += self.retire(oldest)
        window = self.windows[start_ms] = OpenWindow(definition, start_ms, self._grid(definition))
        assert time.events_ms is not None
        if window.end_ms + definition.window.grace <= time.events_ms:
            horizon_ms = definition.window.label_horizon
            window.begin_closed(labels_closed=_due(time, window.end_ms + horizon_ms, definition))
        elif self.next_close_ms is None or start_ms < self.next_close_ms:
            self.next_close_ms = start_ms
        return None

    def advance(self, time: StreamTime) -> list[Effect]:
        """Close, publish and retire what stream time has passed."""
        effects: list[Effect] = self._close_features(time)
        for start_ms in sorted(self.windows):
            window = self.windows[start_ms]
            limits = window.definition.window
            if (
                window.features_closed
                and not window.labels_closed
                and _due(time, window.end_ms + limits.label_horizon, window.definition)
            ):
                effects += window.close_labels()
            if window.labels_closed and _due(time, window.end_ms + limits.retention_ms, window.definition):
                effects += self.retire(window)
        return effects

    def closed(self, time: StreamTime) -> Publish:
        """Say which windows are closed to events here, whether or not a row of the version ever came."""
        before_ms = self._first_open_ms(time) if self.next_close_ms is None else self.next_close_ms
        payload = str(before_ms).encode()
        return Publish(Partial(self.model, self.version, 0, CLOSED, payload, CLOSED_FINGERPRINT, features_closed=True))

    def _first_open_ms(self, time: StreamTime) -> int:
        assert time.events_ms is not None
        longest_ms = max(d.window.size + d.window.grace for d in self.timeline.definitions)
        start_ms = self.timeline.start(time.events_ms - longest_ms)
        while (window := self.timeline.at(start_ms).window) and start_ms + window.size + window.grace <= time.events_ms:
            start_ms = self.timeline.next_start(start_ms)
        return start_ms

    def _close_features(self, time: StreamTime) -> list[Effect]:
        effects: list[Effect] = []
        skipped = 0
        while self.next_close_ms is not None and time.events_ms is not None:
            start_ms = self.next_close_ms
            definition = self.timeline.at(start_ms)
            if start_ms + definition.window.size + definition.window.grace > time.events_ms:
                break
            window = self.windows.get(start_ms)
            following = self.timeline.next_start(start_ms)
            if window is None and _due(time, following + definition.window.retention_ms, definition):
                # An empty window that would be forgotten at once is not worth telling of.
                passed_ms = _closing_ms(time, definition) or 0
                following = self._skip(start_ms, following, passed_ms - definition.window.retention_ms)
            elif window is None and len(self.windows) >= definition.limits.open_windows:
                following = self._skip(start_ms, following, time.events_ms - definition.window.grace)
                skipped += (following - start_ms) // definition.window.size
            elif window is None:
                window = self.windows[start_ms] = OpenWindow(definition, start_ms, self._grid(definition))
            if window is not None and not window.features_closed:
                effects += window.close_features()
            self.next_close_ms = following
        if skipped:
            effects.append(Counted("window_limit", self.model, skipped))
        return effects

    def _skip(self, start_ms: int, following_ms: int, reached_ms: int) -> int:
        """Where to go on after empty windows that ended before a time: at the next one held, or that of the time."""
        held = [start for start, window in self.windows.items() if start > start_ms and not window.features_closed]
        return max(following_ms, min([self.timeline.start(reached_ms), *held]))

    def retire(self, window: OpenWindow) -> list[Effect]:
        """Forget a window with its rows."""
        effects: list[Effect] = []
        if not window.features_closed or window.revise:
            # Evaluate must see the end of a window before its tombstones.
            if not window.features_closed and self.next_close_ms is not None:
                self.next_close_ms = max(self.next_close_ms, self.timeline.next_start(window.start_ms))
            effects += window.close_features() if not window.features_closed else window.revisions()
        published, records = window.forget()
        self.forgotten += records
        del self.windows[window.start_ms]
        self.pending.kill_window(window.start_ms)
        return [*effects, *published]


class ModelState:
    """Stream time, early labels, class names and versions of one model.

    `classes` numbers the classes, `carried` the values of each further column that pending rows keep, and `rejected`
    counts refused rows that no window has taken yet.
    """

    def __init__(self, name: str, id_hash: IdHash, grid: Callable[[ModelDefinition], Grid | None]) -> None:
        self._grid = grid
        self.name = name
        self.time = StreamTime()
        self.classes = ClassCodes()
        self.carried: dict[str, ClassCodes] = {}
        self.early = EarlyLabels(name, id_hash)
        self.versions: dict[str, VersionState] = {}
        self.rejected = 0
        self._hash = id_hash

    def follow(self, definitions: dict[str, tuple[ModelDefinition, ...]]) -> None:
        """Take the definitions of the model's versions as they are now."""
        changed = False
        for version, history in definitions.items():
            if version in self.versions:
                changed |= self.versions[version].follow(history)
            else:
                self.versions[version] = VersionState(self.name, version, history, self._hash, self._grid)
                changed = True
        if changed:
            self._reserve()

    def _reserve(self) -> None:
        """Number the values that definitions name before others take the room."""
        for definition in self.definitions():
            bias = definition.monitors.bias
            for name in (definition.positive_class, *definition.classes, *bias.positive_labels):
                self.classes.reserve(name)
            for facet in bias.facets:
                for name in (*Carried(facet.name, facet.above).classes, *map(canonical, facet.values)):
                    self.coder(facet.name).reserve(name)

    def coder(self, column: str) -> ClassCodes:
        """The numbers of one column's values; those that were predicted are classes, any other has a pool."""
        return self.classes if column == LABEL else self.carried.setdefault(column, ClassCodes((POOLED,)))

    def move(self, side: Side, time_ms: int) -> list[Effect]:
        """Note an event time on one side, and carry out what it makes due."""
        before_ms = self.time.events_ms if side == "events" else self.time.labels_ms
        moved = self.time.seen(side, time_ms)
        return self.advance() if moved and (before_ms is None or self.next_deadline(before_ms) <= time_ms) else []

    def closed(self, side: Side) -> list[Publish]:
        """Tell of every version which windows a watermark of events has closed, once their parts are told."""
        return [version.closed(self.time) for version in self.versions.values()] if side == "events" else []

    def next_deadline(self, now_ms: int) -> int:
        """The first time after now at which a window of any version may fall due."""
        return min((v.timeline.next_deadline(now_ms) for v in self.versions.values()), default=_NEVER)

    def advance(self) -> list[Effect]:
        """Carry out what stream time has passed, in every version."""
        effects: list[Effect] = []
        for version in self.versions.values():
            effects += version.advance(self.time)
        if self.early.live and self.time.events_ms is not None:
            kept_ms = max((d.window.retention_ms for d in self.definitions()), default=0)
            dropped = self.early.expire(self.time.events_ms - kept_ms)
            effects += [Counted("early_dropped", self.name, dropped)] if dropped else []
        return effects

    def marks(self) -> dict[str, Any]:
        """What a checkpoint must keep of the model beside windows and rows."""
        return {
            "events_ms": self.time.events_ms,
            "labels_ms": self.time.labels_ms,
            "silent_ms": self.time.silent_ms,
            "classes": self.classes.names,
            "carried": {name: codes.names for name, codes in self.carried.items() if name in self._columns()},
            "rejected": self.rejected,
            "next_close_ms": {name: version.next_close_ms for name, version in self.versions.items()},
        }

    def restore(self, marks: dict[str, Any]) -> None:
        """Take what `marks` gave, once the versions are known."""
        self.time = StreamTime(marks["events_ms"], marks["labels_ms"], marks["silent_ms"])
        self.classes = ClassCodes(marks["classes"])
        self.carried = {name: ClassCodes(names) for name, names in marks["carried"].items()}
        self._reserve()
        self.rejected = marks["rejected"]
        for name, next_close_ms in marks["next_close_ms"].items():
            if name in self.versions:
                self.versions[name].next_close_ms = next_close_ms

    def _columns(self) -> set[str]:
        """Columns that pending rows keep, or may soon."""
        layouts = {layout_of(definition) for definition in self.definitions()}
        layouts.update(*(version.pending.layouts for version in self.versions.values()))
        return {carried.name for layout in layouts for carried in layout.codes}

    def patience_ms(self) -> int:
        """How long silence must last before it moves stream time."""
        return max((d.window.idle_timeout for d in self.definitions()), default=0)

    def definitions(self) -> Iterator[ModelDefinition]:
        """All definitions of all versions."""
        return (definition for version in self.versions.values() for definition in version.timeline.definitions)


def _due(time: StreamTime, deadline_ms: int, definition: ModelDefinition) -> bool:
    closing_ms = _closing_ms(time, definition)
    return closing_ms is not None and deadline_ms <= closing_ms


def _closing_ms(time: StreamTime, definition: ModelDefinition) -> int | None:
    return time.labels_closing_ms(awaited=definition.problem_type is not None)
