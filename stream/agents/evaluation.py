# SPDX-License-Identifier: Apache-2.0
"""Evaluate: one partition of the profiles, from partial states to reports and violations."""

from __future__ import annotations

from dataclasses import replace

from sketches.envelope import unseal
from sketches.errors import SketchError
from stream.agents.context import Context
from stream.agents.judge import Judge, Said
from stream.agents.remembered import Remember, parse_remembered_key, remembered_key
from stream.errors import DamagedState
from stream.kafka.recovery import read_log
from stream.kafka.transactions import Outgoing, Transactions
from stream.kafka.transport import Block
from topics.records import parse_profile_key, to_json, violation_headers
from windows.events import Partial
from windows.report import Report


class Evaluation:
    """One partition of the profiles topic: all windows of the models that meet there.

    Its state is the topic itself: the newest partials, and beside them what was said of each window and what later ones
    are compared with.

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
        self._judge = Judge(context.partitions, context.definitions.catalog, context.definitions.baseline)
        self._next_offset = 0
        self._outbox: list[Outgoing] = []

    def recover(self) -> None:
        """Become the owner and read the partition from its start to its end."""
        self._transactions.fence()
        self._context.fault("recovery.fenced")
        saved = read_log(self._context.settings, self._topics.profiles, self.partition)
        # What was said of a window is held against all partials that are there.
        for key, value in sorted(saved.records.items(), key=lambda record: parse_remembered_key(record[0]) is not None):
            self._arrive(key, value)
        self._next_offset = saved.next_offset

    def take(self, _topic: str, block: Block, /) -> bool:
        """Process one block; true if it led to reports."""
        for record in block.records:
            if record.offset >= self._next_offset:
                self._next_offset = record.offset + 1
                # What this worker said comes back here; it is in memory already.
                if parse_remembered_key(record.key or b"") is None:
                    self._arrive(record.key or b"", record.value)
        return self.tick()

    def _arrive(self, key: bytes, value: bytes | None) -> None:
        try:
            remembered = parse_remembered_key(key)
            if remembered is not None and value is not None:
                self._judge.recall(*remembered, value)
            elif remembered is None:
                self._arrive_partial(key, value)
        except (SketchError, ValueError) as error:
            msg = f"{self._topics.profiles}/{self.partition}: record {key!r}: {error}"
            raise DamagedState(msg) from None

    def _arrive_partial(self, key: bytes, value: bytes | None) -> None:
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
        self._judge.arrived(partial, source, partitions, self._context.clock_ms())

    def tick(self) -> bool:
        """Judge the windows that are due; true if there is something to write."""
        self._outbox += [self._outgoing(said) for said in self._judge.judge(self._context.clock_ms())]
        return bool(self._outbox)

    def _outgoing(self, said: Said) -> Outgoing:
        topics, metrics = self._topics, self._context.metrics
        if isinstance(said, Remember):
            return Outgoing(topics.profiles, self.partition, remembered_key(said.kind, said.window), said.value)
        if isinstance(said, Report):
            said = self._context.hooks.postprocess(said)
        record = said.as_record()
        if isinstance(said, Report):
            metrics.report(said)
            return Outgoing(topics.reports, -1, said.key.encode(), to_json(record))
        metrics.violation(said)
        return Outgoing(topics.violations, -1, said.id.encode(), to_json(record), tuple(violation_headers(record)))

    def cut(self) -> list[Outgoing]:
        """Take the reports, the violations and what must be remembered of them."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def write(self, records: list[Outgoing], /) -> None:
        """Write a cut in one transaction."""
        self._transactions.write(records)

    def close(self) -> None:
        """Let the connections to the broker go, and what is computed beside."""
        self._judge.close()
        self._transactions.close()
