# SPDX-License-Identifier: Apache-2.0
"""One monitored model on a real broker: topics, definition, traffic, workers, and the comparison with the truth."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.integration import agreement, observed
from tests.integration.agreement import MONITORS
from tests.integration.encoding import rows_in
from tests.integration.fleet import Fleet
from tests.integration.other_times import baseline
from tests.integration.traffic import HORIZON_MS, MODEL, Traffic
from tests.integration.truth import GRACE_MS, HOUR_MS
from topics.records import baseline_key, definition_key
from topics.subjects import Topics
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import baseline_records
from windows.definition import ModelDefinition

PARTITIONS = 4
DAY_MS = 24 * HOUR_MS
# Nothing may close because the test is slow: silence and missing partitions are waited for beyond its end.
DEFINITION = ModelDefinition.model_validate(
    {
        "model": MODEL,
        "problem_type": "BinaryClassification",
        "monitors": {"model_quality": {"min_coverage": 0.5}},
        "window": {
            "size": HOUR_MS,
            "grace": GRACE_MS,
            "label_horizon": HORIZON_MS,
            "retention": 30 * DAY_MS,
            "idle_timeout": DAY_MS,
        },
    }
)


def create_topics(
    bootstrap: str, topics: Topics, partitions: dict[str, int] | None = None, only: tuple[str, ...] = ()
) -> None:
    """Create topics, all or only some, as the product's table says, with other partition counts where given."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [
        NewTopic(topic.name, (partitions or {}).get(topic.name, topic.partitions(PARTITIONS)), 1, config=topic.config)
        for topic in topics.table()
        if not only or topic.name in only
    ]
    for future in admin.create_topics(new).values():
        future.result(30)


class Monitor:
    """Everything a fault test needs.

    Parameters
    ----------
    bootstrap, prefix : str
        The cluster, and a prefix no other test has.
    folder : Path
        For logs.
    seed, hours, chunks : int
        Of the traffic.
    """

    def __init__(
        self, bootstrap: str, prefix: str, folder: Path, *, seed: int, hours: int = 4, chunks: int = 100
    ) -> None:
        self.bootstrap, self.topics = bootstrap, Topics(prefix)
        self.traffic = Traffic(
            bootstrap, self.topics.inference, self.topics.labels, seed=seed, hours=hours, chunks=chunks
        )
        self.truth = self.traffic.truth
        self.fleet = Fleet(bootstrap, prefix, folder)
        create_topics(bootstrap, self.topics)
        self.define(DEFINITION, baseline())
        self._profiles = observed.Reader(bootstrap, self.topics.profiles)
        self._reports = observed.Reader(bootstrap, self.topics.reports)

    def define(self, definition: ModelDefinition, baseline: Baseline) -> None:
        """Publish a definition and a baseline."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        model, version = definition.model, definition.version
        key = definition_key(model, version, definition.effective_from_ms)
        producer.produce(self.topics.definitions, key=key, value=definition.model_dump_json())
        for part, value in baseline_records(baseline):
            producer.produce(self.topics.definitions, key=baseline_key(model, version, "1", part), value=value)
        assert producer.flush(30) == 0

    @contextmanager
    def writing(self, rows: int, pause_s: float) -> Iterator[threading.Thread]:
        """Write all chunks of the traffic in a thread; leaves when they are written."""

        def write() -> None:
            for _ in range(self.traffic.chunks):
                self.traffic.step(rows)
                time.sleep(pause_s)
            self.traffic.finish()

        thread = threading.Thread(target=write, name="traffic", daemon=True)
        thread.start()
        yield thread
        thread.join()

    def write_all(self, rows: int) -> None:
        """Write all chunks at once."""
        with self.writing(rows, 0):
            pass

    def ends(self, topic: str) -> list[int]:
        """Next offset of each partition."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends"})
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), 30)[1] for p in range(PARTITIONS)]
        consumer.close()
        return ends

    def committed(self) -> dict[str, list[int]]:
        """What the group committed of each partition of the source topics."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.topics.prefix})
        asked = [TopicPartition(topic, p) for topic in self.topics.sources for p in range(PARTITIONS)]
        found: dict[str, list[int]] = {topic: [] for topic in self.topics.sources}
        for tp in consumer.committed(asked, 30):
            found[tp.topic].append(tp.offset)
        consumer.close()
        return found

    def wait_committed(self, timeout_s: float = 60) -> None:
        """Wait until the group has committed all records of the source topics, those sent on included."""
        readers = [observed.Reader(self.bootstrap, topic) for topic in self.topics.sources]

        def committed() -> bool:
            # A record's offset, not the end of the partition: that may be a transaction's marker.
            reached = self.committed()
            return all(
                reached[topic][record.partition] > record.offset
                for topic, reader in zip(self.topics.sources, readers, strict=True)
                for record in reader.read()
            )

        observed.wait_until("every record committed", committed, timeout_s, self.fleet.logs)
        for reader in readers:
            reader.close()

    def misplace(self, rows: int, timeout_s: float = 60) -> None:
        """Write rows to wrong partitions and wait until the workers have forwarded each of them."""
        self.traffic.misplace(rows)
        readers = [observed.Reader(self.bootstrap, topic) for topic in self.topics.sources]

        def forwarded() -> bool:
            sent_on = [r for reader in readers for r in reader.read() if {"origin", "content-type"} <= r.headers.keys()]
            rows = sum(rows_in(r.value or b"", r.headers["content-type"]) for r in sent_on)
            assert rows <= self.truth.misplaced, f"{rows} rows forwarded of {self.truth.misplaced} misplaced ones"
            return rows == self.truth.misplaced

        observed.wait_until("every misplaced row forwarded", forwarded, timeout_s, self.fleet.logs)
        for reader in readers:
            reader.close()

    def settle(self, timeout_s: float = 60) -> None:
        """Close every window and wait until the last verdicts are out."""
        self.traffic.close_all()
        expected = {
            f"{MODEL}|{DEFINITION.version}|{start_ms}|{monitor}".encode()
            for start_ms in self.truth.windows
            for monitor in MONITORS
        }

        def judged() -> bool:
            reports = observed.latest(self._reports.read())
            final = {key for key, value in reports.items() if json.loads(value)["final"]}
            return final >= expected

        observed.wait_until("a final report of every window", judged, timeout_s, self._progress)

    def _progress(self) -> str:
        reports = [json.loads(value) for value in observed.latest(self._reports.read()).values()]
        known = [
            (r["monitor"], r["window"]["start"], r["revision"], r["final"], r["partitions_closed"]) for r in reports
        ]
        return f"{len(self._profiles.read())} profile records; reports: {sorted(known)}\n{self.fleet.logs()}"

    def check(self) -> None:
        """Compare everything that can be read with the truth: equality throughout."""
        profiles, reports = self._profiles.read(), self._reports.read()
        agreement.check_partials(profiles, self.truth, PARTITIONS)
        agreement.check_reports(reports, self.truth, PARTITIONS)
        violations = observed.all_records(self.bootstrap, self.topics.violations)
        agreement.check_violations(violations, reports, self.truth)
        letters = observed.all_records(self.bootstrap, self.topics.dead_letters)
        agreement.check_dead_letters(letters, self.truth)

    def close(self) -> None:
        """End all processes and clients."""
        self.fleet.close()
        self._profiles.close()
        self._reports.close()
