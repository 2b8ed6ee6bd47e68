# SPDX-License-Identifier: Apache-2.0
"""Every topic, its name and its settings, in one table."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_MS = 86_400_000
MESSAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be.

    `like_sources` says that its partition count must equal that of the source topics; `one_partition` that order over
    the whole topic matters. `config` holds Kafka's own topic settings.
    """

    name: str
    config: dict[str, str] = field(default_factory=dict)
    like_sources: bool = True
    one_partition: bool = False

    def partitions(self, sources: int, /) -> int:
        """Partition count, given that of the source topics."""
        return 1 if self.one_partition else sources


def _source() -> dict[str, str]:
    # Broker time lets a producer's wrong clock be told from a late event (docs: time).
    return {"message.timestamp.type": "LogAppendTime"} | _kept(7)


def _kept(days: int) -> dict[str, str]:
    retention = {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}
    return retention | {"max.message.bytes": str(MESSAGE_BYTES)}


def _compacted() -> dict[str, str]:
    # A low dirty ratio and short segments keep what recovery reads near the size of the live state.
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(MESSAGE_BYTES),
        "min.cleanable.dirty.ratio": "0.2",
        "segment.ms": str(DAY_MS // 24),
    }


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of all topics under one prefix.

    Parameters
    ----------
    prefix : str
        First part of every name.

    Examples
    --------
    >>> Topics().inference, Topics("team.watch").dead_letters
    ('sketchwatch.inference', 'team.watch.dead-letters')
    """

    prefix: str = "sketchwatch"

    @property
    def inference(self) -> str:
        """Inference events, from producers."""
        return f"{self.prefix}.inference"

    @property
    def labels(self) -> str:
        """Labels, from label feeds."""
        return f"{self.prefix}.labels"

    @property
    def definitions(self) -> str:
        """Monitors and baselines, read by every worker."""
        return f"{self.prefix}.definitions"

    @property
    def profiles(self) -> str:
        """Partial states of windows, from ingest to evaluate."""
        return f"{self.prefix}.profiles"

    @property
    def reports(self) -> str:
        """Judged windows."""
        return f"{self.prefix}.reports"

    @property
    def violations(self) -> str:
        """Verdicts worth telling, as CloudEvents."""
        return f"{self.prefix}.violations"

    @property
    def dead_letters(self) -> str:
        """What could not be taken, and why."""
        return f"{self.prefix}.dead-letters"

    @property
    def state(self) -> str:
        """Changelog of the workers' own state; nobody else may write it."""
        return f"{self.prefix}.state"

    @property
    def sources(self) -> tuple[str, str]:
        """The two topics users write to."""
        return self.inference, self.labels

    def table(self) -> tuple[Topic, ...]:
        """All topics with their settings, in the order of the flow."""
        return (
            Topic(self.inference, _source()),
            Topic(self.labels, _source()),
            Topic(self.definitions, _compacted(), like_sources=False, one_partition=True),
            Topic(self.profiles, _compacted()),
            Topic(self.reports, _kept(90), like_sources=False),
            Topic(self.violations, _kept(90), like_sources=False),
            Topic(self.dead_letters, _kept(14), like_sources=False),
            Topic(self.state, _compacted()),
        )
