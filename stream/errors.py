# SPDX-License-Identifier: Apache-2.0
"""What stops a worker or a command.

StreamError
├── SettingsError        a setting is wrong: exit code 2
└── InfrastructureError  Kafka or what lies on it is not as needed: exit code 3
    ├── DamagedState     what a partition's state says cannot be: it must not be built on
    └── LostOwnership    another worker owns the partition now
"""

from __future__ import annotations


class StreamError(Exception):
    """Base of every error raised by `stream`: one line for the person who runs it."""

    exit_code = 3


class SettingsError(StreamError):
    """A setting is wrong; the text names its source, key and the value expected."""

    exit_code = 2


class InfrastructureError(StreamError):
    """Kafka is not reachable, refuses, or is not set up as needed."""


class DamagedState(InfrastructureError):
    """A partition's state is absent, behind or contradicts its sources."""


class LostOwnership(InfrastructureError):
    """Another worker took the partition over; this one must stop."""
