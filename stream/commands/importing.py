# SPDX-License-Identifier: Apache-2.0
"""Publish a managed monitor's files, captured requests and ground truth, as events and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stream.agents.decoding import wall_clock_ms
from stream.commands.applying import read_definitions
from stream.commands.sending import Sender, closing_ms, history_of
from stream.imports.capture_records import CapturedRow, CaptureForm, read_capture
from stream.imports.files import Source, hours_of, lines_of
from stream.imports.ground_truth import Truth, read_ground_truth
from stream.imports.unread import UnreadLines
from stream.settings import Settings
from topics.event_rows import EventRows
from topics.fields import MAX_TIME_MS
from topics.label_rows import LabelRows
from topics.refusals import Refused
from windows.definition import ModelDefinition

AS_IT_COMES = CaptureForm()
_ROWS_AT_ONCE = 100_000


@dataclass(slots=True)
class Imported:
    """What became of the files.

    Parameters
    ----------
    files, events, labels : int
        Read, and sent.
    unread : UnreadLines
        What could not be read.
    """

    files: int = 0
    events: int = 0
    labels: int = 0
    unread: UnreadLines = field(default_factory=UnreadLines)


@dataclass(frozen=True, slots=True)
class Import:
    """What to import.

    Parameters
    ----------
    model, version : str
        Whose files these are.
    captures, labels : tuple of Path
        Files and folders of captured requests and of ground truth.
    form : CaptureForm
        How to read them; `truth` is for both.
    threshold : float, optional
        A score above it is the positive class, where no attribute is the prediction.
    final : bool
        Whether this is all there is, so that windows can close.
    """

    model: str
    version: str
    captures: tuple[Path, ...] = ()
    labels: tuple[Path, ...] = ()
    form: CaptureForm = AS_IT_COMES
    threshold: float | None = None
    final: bool = True


def import_files(
    settings: Settings,
    wanted: Import,
    *,
    progress: Callable[[Path], None] = lambda _path: None,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> Imported:
    """Publish files hour by hour, the events of an hour before the labels collected in it.

    Parameters
    ----------
    settings : Settings
        How to reach Kafka.
    wanted : Import
        What to publish.
    progress : callable
        Told each file before it is read.
    now_ms : callable
        The time of day, which no watermark passes.

    Raises
    ------
    TableError
        If there are no files.
    InfrastructureError
        If the model is not defined, a topic is missing or the broker does not take a record.
    """
    hours = _by_hour(wanted)
    known = read_definitions(settings)
    definitions = history_of(known, wanted.model, wanted.version)
    baseline = known.baseline(definitions[-1])
    if baseline is not None and baseline.constraints is not None:
        # CSV cannot tell a category 1 from a number.
        wanted = replace(wanted, form=replace(wanted.form, texts=baseline.constraints.texts))
    publishing = _Publishing(Sender(settings, wanted.model), wanted, definitions[-1])
    for captures, labels in hours:
        for source in captures:
            progress(source.path)
            publishing.take_captures(source)
        publishing.send()
        for source in labels:
            progress(source.path)
            publishing.take_labels(source)
        publishing.send()
    if wanted.final:
        publishing.finish(definitions, now_ms())
    publishing.sender.flush()
    return publishing.imported


def _by_hour(wanted: Import) -> list[tuple[list[Source], list[Source]]]:
    captures, labels = (dict(hours_of(paths)) for paths in (wanted.captures, wanted.labels))
    hours = sorted(captures.keys() | labels.keys(), key=lambda hour: -1 if hour is None else hour)
    return [(captures.get(hour, []), labels.get(hour, [])) for hour in hours]


class _Publishing:
    """Rows read and not yet sent, and what became of those before."""

    def __init__(self, sender: Sender, wanted: Import, definition: ModelDefinition) -> None:
        self.sender = sender
        self.imported = Imported()
        self._wanted = wanted
        self._definition = definition
        self._named = {"model": wanted.model, "model_version": wanted.version}
        self._rows: list[tuple[CapturedRow, Source, int]] = []
        self._truths: list[tuple[Truth, int, Source, int]] = []
        self._last_ms: int | None = None

    def take_captures(self, source: Source) -> None:
        for number, rows in self._read(source, lambda line: read_capture(line, self._wanted.form, source.hour_ms)):
            for row in rows:
                self._rows.append((row, source, number))
                if row.truth is not None:
                    self._truths.append((Truth(row.inference_id, row.truth), row.time_ms, source, number))
            if len(self._rows) >= _ROWS_AT_ONCE:
                self.send()

    def take_labels(self, source: Source) -> None:
        # Labels of no known hour are taken as known from the start, so that none comes too late.
        at_ms = source.hour_ms or 0
        for number, truths in self._read(source, lambda line: read_ground_truth(line, self._wanted.form.truth)):
            self._truths += [(truth, at_ms, source, number) for truth in truths]
            if len(self._truths) >= _ROWS_AT_ONCE:
                self.send()

    def _read(self, source: Source, read: Callable[[bytes], list[Any]]) -> Iterator[tuple[int, list[Any]]]:
        self.imported.files += 1
        for line in lines_of(source.path):
            if line.error is not None:
                self.imported.unread.add(source.path, line.number, line.error)
                continue
            try:
                yield line.number, read(line.content)
            except Refused as refused:
                self.imported.unread.add(source.path, line.number, refused.text)

    def send(self) -> None:
        """Send what was read, in order of time: the files of one hour may overlap."""
        events, labels = EventRows(), LabelRows()
        for row, source, number in sorted(self._rows, key=lambda held: held[0].time_ms):
            if self._add(events, self._event(row), source, number):
                self.imported.events += 1
                self._last_ms = max(self._last_ms or 0, row.time_ms)
            if events.full:
                self._send_events(events)
        self._send_events(events)
        for truth, at_ms, source, number in self._truths:
            self.imported.labels += self._add(labels, self._label(truth, at_ms), source, number)
        for batch in labels.batches():
            self.sender.labels(batch)
        self._rows, self._truths = [], []

    def _add(self, rows: EventRows | LabelRows, record: dict[str, Any], source: Source, number: int) -> bool:
        try:
            rows.add(record, 0, MAX_TIME_MS)
        except Refused as refused:
            self.imported.unread.add(source.path, number, refused.text)
            return False
        return True

    def _send_events(self, events: EventRows) -> None:
        for batch in events.batches():
            self.sender.events(batch)

    def _event(self, row: CapturedRow) -> dict[str, Any]:
        named = {"inference_id": row.inference_id, "event_time": row.time_ms, **self._named}
        return named | {"features": row.features, "prediction": self._prediction(row.prediction)}

    def _prediction(self, outputs: dict[str, Any]) -> dict[str, Any]:
        threshold, score = self._wanted.threshold, outputs.get("score")
        if threshold is None or "label" in outputs or not isinstance(score, int | float):
            return outputs
        definition = self._definition
        return outputs | {"label": definition.positive_class if score > threshold else definition.negative_class}

    def _label(self, truth: Truth, at_ms: int) -> dict[str, Any]:
        field = "value" if self._definition.problem_type == "Regression" else "label"
        return {"inference_id": truth.inference_id, "event_time": at_ms, **self._named, field: truth.truth}

    def finish(self, definitions: Iterable[ModelDefinition], now_ms: int) -> None:
        """Say that nothing earlier follows: events as far as they came; labels until now, as all were read."""
        if self._last_ms is not None:
            self.sender.watermark(min(closing_ms(definitions, self._last_ms), now_ms), ("events",))
        if self.imported.labels:
            self.sender.watermark(now_ms, ("labels",))
