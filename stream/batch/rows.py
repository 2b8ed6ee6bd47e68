# SPDX-License-Identifier: Apache-2.0
"""The rows of a job: captured requests, CSV, JSON or Parquet, as blocks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from sketches.block import Block, Column, Kind
from stream.batch.job import Job
from stream.batch.tables import column_of, files_of, names_by_position, read_file
from stream.commands.tables import TableError, to_block
from stream.hooks.record_handler import RecordHandler
from stream.imports.capture_records import CapturedRow, CaptureForm, read_capture
from stream.imports.files import Line, hour_of, lines_of
from stream.imports.ground_truth import read_record
from stream.imports.payloads import flatten
from stream.imports.selectors import Selector
from stream.imports.unread import UnreadLines
from topics.fields import MAX_TIME_MS, read_time
from topics.refusals import Refused, shown
from topics.values import SCALARS, columns_of

LABEL, PREDICTION, SCORE = "label", "prediction.label", "prediction.score"
_ATTRIBUTES = {LABEL: "ground_truth_attribute", PREDICTION: "inference_attribute", SCORE: "probability_attribute"}
_ROWS_A_BLOCK = 20_000


@dataclass(slots=True)
class JobRows:
    """Reads a job's rows once.

    Parameters
    ----------
    job : Job
        Where they lie, and how they are written.
    handler : RecordHandler, optional
        Makes rows of captured requests.
    columns : tuple of str
        Names of columns that come by position: the baseline's.
    texts : frozenset of str
        Columns whose values are text whatever they spell.
    unread : UnreadLines
        What could not be read so far.
    any_width : bool
        Whether captured rows may have another number of columns than the baseline; a few that do are not rows of it.
    """

    job: Job
    handler: RecordHandler | None = None
    columns: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    unread: UnreadLines = field(default_factory=UnreadLines)
    any_width: bool = False

    def blocks(self) -> Iterator[Block]:
        """Yield the rows; under model quality the outputs and truth are `prediction.*` and `label`.

        Raises
        ------
        TableError
            If there is no file, or a file is not what the format says.
        """
        files = files_of(self.job.source)
        if self.job.dataset_format.kind in {"csv", "parquet"}:
            for file in files:
                table = read_file(file, self.job.dataset_format, self.columns, self.texts, self.unread)
                names = self._named_roles(table.column_names)
                block = to_block(table, table.column_names)
                yield Block(block.n, {names.get(name, name): column for name, column in block.columns.items()})
            return
        if self.job.dataset_format.kind == "json":
            self._named_roles([])
        rows: list[dict[str, Any]] = []
        for row in self._all_records(files):
            rows.append(row)
            if len(rows) == _ROWS_A_BLOCK:
                yield _block(rows)
                rows = []
        if rows:
            yield _block(rows)

    def _named_roles(self, columns: list[str]) -> dict[str, str]:
        """Give the role of each column that has one; an attribute of objects is a column by its own text."""
        found: dict[str, str] = {}
        for role, chosen in self._roles().items():
            name = column_of(chosen, columns) if columns else chosen.text
            if name in found:
                raise TableError(
                    f"{_ATTRIBUTES[role]}: expected another column than {_ATTRIBUTES[found[name]]}'s, {name}"
                )
            found[name] = role
        return found

    def _all_records(self, files: list[Path]) -> Iterator[dict[str, Any]]:
        rows = chain.from_iterable(map(self._records, files))
        first = next(rows, None)
        if first is None and self.columns and self.unread.count:
            # No request has the baseline's columns: then they were added or left out, which is for the monitor to say.
            self.any_width, self.unread = True, UnreadLines()
            yield from chain.from_iterable(map(self._records, files))
        elif first is not None:
            yield from chain((first,), rows)

    def _roles(self) -> dict[str, Selector]:
        if not self.job.of_labels:
            return {}
        named = {LABEL: self.job.ground_truth, PREDICTION: self.job.inference, SCORE: self.job.probability}
        return {role: selector for role, selector in named.items() if selector is not None}

    def _records(self, file: Path) -> Iterator[dict[str, Any]]:
        captured = self.job.dataset_format.kind == "capture"
        read: Callable[[Line, int | None], list[dict[str, Any]]] = self._captured if captured else self._plain
        hour_ms = hour_of(file)
        for line in lines_of(file):
            try:
                if line.error is not None:
                    raise Refused("undecodable", line.error)  # noqa: TRY301  # listed like the others
                yield from read(line, hour_ms)
            except Refused as refused:
                self.unread.add(file, line.number, refused.text)

    def _plain(self, line: Line, _hour_ms: int | None) -> list[dict[str, Any]]:
        try:
            read = json.loads(line.content)
        except (ValueError, RecursionError):
            raise Refused("undecodable", f"expected JSON, got {shown(line.content)}") from None
        rows = read if isinstance(read, list) else [read]
        if not all(isinstance(row, dict) for row in rows):
            raise Refused("undecodable", f"expected an object a row, got {shown(read)}")
        return [self._by_role(row) for row in rows]

    def _captured(self, line: Line, hour_ms: int | None) -> list[dict[str, Any]]:
        text = line.content.decode(errors="replace")
        if self.job.dataset_format.sides != ("endpointInput", "endpointOutput"):
            text = json.dumps(self._looked_at(read_record(text)))
        if self.handler is not None:
            record = read_record(text)
            rows = self.handler.rows(record) if self._in_time(record) else []
            return [self._by_role(row) for row in rows]
        of_labels = self.job.of_labels
        widths: set[int] = set()

        def naming(count: int) -> tuple[str, ...]:
            widths.add(count)
            return names_by_position(self.columns, count)

        form = CaptureForm(
            outputs_too=not of_labels,
            prediction=self.job.inference if of_labels else None,
            score=self.job.probability if of_labels else None,
            truth=self.job.ground_truth,
            naming=naming,
            texts=self.texts,
        )
        # Records of batch transform that were merged with ground truth have no time; they were chosen for this job.
        usual_ms = (self.job.start_ms or 0) if hour_ms is None else hour_ms
        found = [row for row in read_capture(text, form, usual_ms) if self._within(row.time_ms)]
        if self.columns and not self.any_width:
            # Named columns that come beside those by position are not counted.
            wrong = next((row for row in found if len(row.features) in widths - {len(self.columns)}), None)
            if wrong is not None:
                msg = f"expected {len(self.columns)} columns, as the baseline has, got {len(wrong.features)}"
                raise Refused("bad_type", msg)
        return [_scalars(row.features) | self._outputs(row) for row in found]

    def _outputs(self, row: CapturedRow) -> dict[str, Any]:
        if not self.job.of_labels:
            return {}
        named = ((PREDICTION, "label"), (SCORE, "score"))
        return {role: row.prediction.get(name) for role, name in named if role in self._roles()} | {LABEL: row.truth}

    def _text(self, name: str, value: Any) -> Any:
        return str(value) if name in self.texts and type(value) in {int, float} else value

    def _looked_at(self, record: dict[str, Any]) -> dict[str, Any]:
        sides = record.get("captureData")
        if not isinstance(sides, dict):
            return record
        return record | {"captureData": {side: sides[side] for side in self.job.dataset_format.sides if side in sides}}

    def _in_time(self, record: dict[str, Any]) -> bool:
        metadata = record.get("eventMetadata")
        said = metadata.get("inferenceTime") if isinstance(metadata, dict) else None
        try:
            return said is None or self._within(read_time(said, MAX_TIME_MS))
        except Refused:
            return True

    def _within(self, time_ms: int) -> bool:
        # The period of such jobs is one of labels: their inferences are older, and were chosen by the merge.
        if self.job.of_labels:
            return True
        end_ms = math.inf if self.job.end_ms is None else self.job.end_ms
        return (self.job.start_ms or 0) <= time_ms < end_ms

    def _by_role(self, row: dict[str, Any]) -> dict[str, Any]:
        flat = {name: self._text(name, value) for name, value in _scalars(row).items()}
        roles = self._roles()
        if not roles:
            return flat
        found = {role: selector.select(row) for role, selector in roles.items()}
        found = {role: flat.get(roles[role].text) if value is None else value for role, value in found.items()}
        if isinstance(found.get(SCORE), str):
            found[SCORE] = _number(found[SCORE])
        return {name: value for name, value in flat.items() if name not in found} | found


def _scalars(row: dict[str, Any]) -> dict[str, Any]:
    """Flatten a row; what a script leaves of numpy becomes plain."""
    flat = {name: value.item() if hasattr(value, "item") else value for name, value in flatten(row).items()}
    wrong = next((name for name, value in flat.items() if type(value) not in SCALARS), None)
    if wrong is not None:
        raise Refused(
            "bad_type", f"expected {shown(wrong)} to be null, boolean, number or string, got {shown(flat[wrong])}"
        )
    return flat


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refused("bad_type", f"expected a probability, got {shown(text)}") from None


def _block(rows: Iterable[dict[str, Any]]) -> Block:
    rows = list(rows)
    columns = {
        name: Column(Kind(values.kind), values.values, values.valid, values.categories, values.absent)
        for name, values in columns_of(rows).items()
    }
    return Block(len(rows), columns)
