# SPDX-License-Identifier: Apache-2.0
"""A producer that knows the truth: events and labels in every order the contract allows, counted as written."""

from __future__ import annotations

import heapq
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import Producer

from tests.integration import encoding
from tests.integration.truth import ABSENT, GRACE_MS, HOUR_MS, Row, Truth

MODEL = "adult"
START_MS = 1_767_225_600_000
HORIZON_MS = 6 * HOUR_MS
JOBS = ("clerk", "driver", "nurse", "teacher", "Größe 7", "42")


class Traffic:
    """One model's events and labels, paced in chunks.

    Parameters
    ----------
    bootstrap, inference, labels : str
        Where to write.
    seed : int
        Of every choice made.
    hours : int
        Windows the events span.
    chunks : int
        Steps in which event time crosses them.
    """

    def __init__(
        self, bootstrap: str, inference: str, labels: str, *, seed: int, hours: int, chunks: int, partitions: int = 4
    ) -> None:
        self.inference, self.labels = inference, labels
        self.partitions, self.hours, self.chunks = partitions, hours, chunks
        self.truth = Truth()
        self.written = 0
        self._rng = random.Random(seed)
        self._chunk = 0
        self._held: list[Row] = []
        self._due: list[tuple[int, str, str, bool]] = []
        self._recent: dict[int, list[Row]] = defaultdict(list)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": 16 << 20,
                "message.timeout.ms": 120_000,
            }
        )

    @property
    def end_ms(self) -> int:
        """End of the last window."""
        return START_MS + self.hours * HOUR_MS

    @property
    def now_ms(self) -> int:
        """Event time reached."""
        return START_MS + (self.end_ms - START_MS) * self._chunk // self.chunks

    def step(self, rows: int) -> None:
        """Write one chunk: new, held back, repeated, late and disordered rows, poison, the labels now due."""
        events: dict[int, list[Row]] = defaultdict(list)
        held, self._held = self._held, []
        for row in [*held, *self._fresh(rows)]:
            events[self._home(row.id)].append(row)
        for partition, chosen in events.items():
            recent = self._recent[partition]
            chosen += [self._rng.choice(recent) for _ in chosen if recent and self._rng.random() < 0.02]
            self._rng.shuffle(chosen)
            recent[:] = [*recent, *chosen][-500:]
            for row in chosen:
                self.truth.event(partition, row)
            self._write_events(partition, chosen)
        for partition in range(self.partitions):
            # So that every checkpoint has outputs to lose or to repeat.
            self.poison(self._rng.choice((self.inference, self.labels)), partition, b"{broken")
        self._chunk += 1
        self._write_labels(lambda due: due <= self._chunk)

    def finish(self) -> None:
        """Write the labels that are still due."""
        self._write_labels(lambda _: True)
        self.flush()

    def _fresh(self, rows: int) -> Iterator[Row]:
        rng, width = self._rng, (self.end_ms - START_MS) // self.chunks
        for _ in range(rows):
            late = rng.random() < 0.01 and self._chunk > self.chunks // 2
            back = rng.randrange(GRACE_MS) if not late else rng.randrange(2 * HOUR_MS, 3 * HOUR_MS)
            row = self.row(max(START_MS, self.now_ms + rng.randrange(width) - back))
            if rng.random() < 0.85:
                self._plan_labels(row)
            if rng.random() < 0.05 and self._chunk < self.chunks - 1:
                self._held.append(row)
            else:
                yield row

    def row(self, time_ms: int) -> Row:
        """Make a row; its numbers are multiples of powers of two, so that sums in any order are exact."""
        rng = self._rng
        return Row(
            id=f"{rng.getrandbits(128):032x}",
            time_ms=time_ms,
            age=None if rng.random() < 0.03 else rng.randrange(17, 90),
            hours=rng.choices((rng.randrange(4 * 99) / 4, None, ABSENT), (95, 3, 2))[0],
            job=None if rng.random() < 0.02 else rng.choice(JOBS),
            predicted=rng.choice(("0", "1")) if rng.random() < 0.93 else None,
            score=None if rng.random() < 0.05 else (2 * rng.randrange(2**20) + 1) / 2**21,
        )

    def _plan_labels(self, row: Row) -> None:
        """Plan a label, for one row in ten a second one, and for some of the others that it goes astray."""
        rng, label = self._rng, self._rng.choice(("0", "1"))
        first = self._chunk + rng.randrange(self.chunks // 3 + 2)
        again = rng.random() < 0.1
        heapq.heappush(self._due, (first, row.id, label, not again and rng.random() < 0.02))
        if again:
            other = rng.choice((label, "1" if label == "0" else "0"))
            heapq.heappush(self._due, (first + 1 + rng.randrange(5), row.id, other, False))

    def _write_labels(self, due: Callable[[int], bool]) -> None:
        labels: dict[int, list[tuple[str, str]]] = defaultdict(list)
        while self._due and due(self._due[0][0]):
            _, inference_id, label, astray = heapq.heappop(self._due)
            self.truth.label(inference_id, label)
            self.truth.misplaced += astray
            labels[(self._home(inference_id) + astray) % self.partitions].append((inference_id, label))
        for partition, chosen in labels.items():
            for run in self._runs(chosen):
                arrow = len(run) > 60
                write = encoding.labels_arrow if arrow else encoding.labels_json
                self.send(self.labels, partition, write(MODEL, run, self.now_ms), None if arrow else encoding.JSON)

    def _write_events(self, partition: int, rows: list[Row]) -> None:
        for run in self._runs(rows):
            if len(run) > 60 and all(row.hours != ABSENT for row in run):
                self.send(self.inference, partition, encoding.events_arrow(MODEL, run), encoding.ARROW)
            else:
                self.send(self.inference, partition, encoding.events_json(MODEL, run), None)

    def _runs(self, rows: list[Any]) -> Iterator[list[Any]]:
        """Cut rows into messages of one, some or many, in order."""
        place = 0
        while place < len(rows):
            size = self._rng.choice((1, 1, 2, 20, 100))
            yield rows[place : place + size]
            place += size

    def send(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        content_type: str | None = None,
        *,
        headers: tuple[tuple[str, bytes], ...] = (),
        on_offset: Callable[[int], None] | None = None,
    ) -> None:
        """Write one message; `on_offset` is told where it lies."""

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                msg = f"the oracle could not write to {topic}: {error}"
                raise RuntimeError(msg)
            if on_offset is not None:
                on_offset(message.offset())

        typed = () if content_type is None else (("content-type", content_type.encode()),)
        self._producer.produce(
            topic, value=value, partition=partition, headers=[*typed, *headers], on_delivery=delivered
        )
        self.written += 1
        self._producer.poll(0)

    def misplace(self, rows: int) -> None:
        """Write rows of the last window and their labels to partitions that are not theirs."""
        for number in range(rows):
            row = self.row(self.end_ms - 1 - self._rng.randrange(GRACE_MS))
            wrong = (self._home(row.id) + 1 + number % (self.partitions - 1)) % self.partitions
            self.truth.event(self._home(row.id), row)
            self.truth.label(row.id, "1")
            self.truth.misplaced += 2
            write = encoding.events_arrow if number % 2 and row.hours != ABSENT else encoding.events_json
            self.send(self.inference, wrong, write(MODEL, [row]))
            self.send(self.labels, wrong, encoding.labels_json(MODEL, [(row.id, "1")], self.end_ms))
        self.flush()

    def poison(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        content_type: str | None = None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        """Write a message that must become exactly one dead letter."""

        def known(offset: int) -> None:
            self.truth.dead[topic, partition, offset] += 1

        self.send(topic, partition, value, content_type, headers=headers, on_offset=known)

    def poison_row(self, partition: int, **wrong: Any) -> None:
        """Write an array of two good rows around one with the wrong fields; only that one may be refused."""
        good = [self.row(self.now_ms) for _ in range(400)]
        before, bad, after = [row for row in good if self._home(row.id) == partition][:3]
        objects = [encoding.event_object(MODEL, row) for row in (before, bad, after)]
        objects[1] |= wrong
        for row in (before, after):
            self.truth.event(partition, row)
        self.truth.rejected += 1
        self.poison(self.inference, partition, json.dumps(objects).encode())

    def watermarks(self, time_ms: int) -> None:
        """Say to every partition of both topics that nothing earlier will follow."""
        for topic in (self.inference, self.labels):
            for partition in range(self.partitions):
                self.send(topic, partition, encoding.watermark(MODEL, time_ms), encoding.WATERMARK)
        self.flush()

    def close_all(self) -> None:
        """Let every window close for good."""
        self.watermarks(self.end_ms + HORIZON_MS + GRACE_MS)

    def flush(self) -> None:
        """Wait until everything is written."""
        left = self._producer.flush(120)
        assert left == 0, f"{left} messages of the oracle were not written"

    def _home(self, inference_id: str) -> int:
        return encoding.partition_of(inference_id, self.partitions)
