# SPDX-License-Identifier: Apache-2.0
"""Evaluate: one partition of the profiles, from partial states to reports and violations."""

from __future__ import annotations

import logging
from dataclasses import replace

from sketches.envelope import unseal
from sketches.errors import SketchError
from stream.agents.context import Context
from stream.agents.judgements import Judgement, judgement_key, parse_judgement_key
from stream.errors import DamagedState
from stream.kafka.recovery import read_log
from stream.kafka.transactions import Outgoing, Transactions
from stream.kafka.transport import Block
from topics.records import parse_profile_key, to_json, violation_headers
from windows.errors import BaselineError
from windows.evaluate import evaluate
from windows.events import Partial
from windows.gather import Gather
from windows.report import Report, Violation
from windows.window_profile import WindowProfile

log = logging.getLogger(__name__)
Window = tuple[str, str, int]


class Evaluation:
    """One partition of the profiles topic: all windows of the models that meet there.

    Its state is the topic itself: the newest partials, and beside them what was said of each window.

    Parameters
    ----------
    partition : int
        Its number.
    context : Context
        The worker's surroundings.
    """

    def __init__(self, partition: int, context: Context) -> None:
        self.partition = partition
        self._context = context
        self._topics = context.topics
        self._transactions = Transactions(context.settings, f"{context.settings.group}-evaluate-{partition}")
        self._gather = Gather(context.partitions, context.definitions.catalog)
        self._judgements: dict[Window, Judgement] = {}
        self._retiring: set[Window] = set()
        self._next_offset = 0
        self._outbox: list[Outgoing] = []

    def recover(self) -> None:
        """Become the owner and read the partition from its start to its end."""
        self._transactions.fence()
        self._context.fault("recovery.fenced")
        saved = read_log(self._context.settings, self._topics.profiles, self.partition)
        for key, value in saved.records.items():
            self._arrive(key, value)
        for window, judgement in self._judgements.items():
            if window in self._gather:
                self._gather.reported(*window, judgement)
            else:
                self._retiring.add(window)
        self._next_offset = saved.next_offset

    def take(self, _topic: str, block: Block, /) -> bool:
        """Process one block; true if it led to reports."""
        for record in block.records:
            if record.offset >= self._next_offset:
                self._next_offset = record.offset + 1
                # What this worker said comes back here; it is in memory already.
                if parse_judgement_key(record.key or b"") is None:
                    self._arrive(record.key or b"", record.value)
        return self.tick()

    def _arrive(self, key: bytes, value: bytes | None) -> None:
        try:
            window = parse_judgement_key(key)
            if window is not None and value is not None:
                self._judgements[window] = Judgement.from_bytes(value)
            elif window is None:
                self._gather_partial(key, value)
        except (SketchError, ValueError) as error:
            msg = f"{self._topics.profiles}/{self.partition}: record {key!r}: {error}"
            raise DamagedState(msg) from None

    def _gather_partial(self, key: bytes, value: bytes | None) -> None:
        model, version, start_ms, source, part = parse_profile_key(key)
        partial = Partial(model, version, start_ms, part, None)
        partitions = self._context.partitions
        if value is not None:
            envelope = unseal(value)
            partitions = envelope.partitions
            partial = replace(
                partial,
                payload=envelope.payload,
                fingerprint=envelope.fingerprint,
                revision=envelope.revision,
                features_closed=envelope.features_closed,
                labels_closed=envelope.labels_closed,
                definition=envelope.definition,
            )
        self._gather.arrived(partial, source, partitions, self._context.clock_ms())
        if part == "rows" and value is None:
            self._retiring.add((model, version, start_ms))

    def tick(self) -> bool:
        """Judge the windows that are due; true if there is something to write."""
        for profile in self._gather.due(self._context.clock_ms()):
            self._judge(profile)
        self._forget()
        return bool(self._outbox)

    def _forget(self) -> None:
        """Take back what was said of windows that every partition took back, once their last revision was judged."""
        for window in [window for window in self._retiring if window not in self._gather]:
            self._retiring.discard(window)
            if self._judgements.pop(window, None) is not None:
                self._outbox.append(Outgoing(self._topics.profiles, self.partition, judgement_key(*window), None))

    def _judge(self, profile: WindowProfile) -> None:
        definition = profile.definition
        window = (definition.model, definition.version, profile.window_start_ms)
        judgement = self._judgements.setdefault(window, Judgement())
        for report in self._reports(profile, judgement):
            self._say(report, judgement.follow(report))
        judgement.revision = profile.revision
        judgement.features_closed = profile.features_closed
        judgement.labels_closed = profile.labels_closed
        self._outbox.append(
            Outgoing(self._topics.profiles, self.partition, judgement_key(*window), judgement.to_bytes())
        )

    def _reports(self, profile: WindowProfile, judgement: Judgement) -> list[Report]:
        """Judge a window; with a baseline that cannot be read it is described, and the reports say why they failed."""
        definition, earlier = profile.definition, judgement.earlier()
        try:
            # A version that was taken back since gives way to the one the definition names today.
            known = self._context.definitions
            baseline = known.baseline(judgement.pinned(definition)) or known.baseline(definition)
        except BaselineError as error:
            key = f"baseline|{definition.model}|{definition.version}|{definition.baseline}"
            log.warning("%s cannot be read: %s", key, error)
            reports = evaluate(profile, None, earlier=earlier)
            return [replace(report, status="Failed", verdicts=(), error=f"{key}: {error}") for report in reports]
        return evaluate(profile, baseline, earlier=earlier)

    def _say(self, report: Report, violations: list[Violation]) -> None:
        topics, metrics = self._topics, self._context.metrics
        self._outbox.append(Outgoing(topics.reports, -1, report.key.encode(), to_json(report.as_record())))
        metrics.report(report)
        for violation in violations:
            record = violation.as_record()
            headers = tuple(violation_headers(record))
            self._outbox.append(Outgoing(topics.violations, -1, violation.id.encode(), to_json(record), headers))
            metrics.violation(violation)

    def cut(self) -> list[Outgoing]:
        """Take the reports, the violations and what must be remembered of them."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def write(self, records: list[Outgoing], /) -> None:
        """Write a cut in one transaction."""
        self._transactions.write(records)

    def close(self) -> None:
        """Let the connections to the broker go."""
        self._transactions.close()
