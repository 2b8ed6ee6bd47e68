# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in judgement.

WindowError
├── BaselineError       a baseline's files or records do not say what they should
├── ExtensionError      a monitor of the user's own cannot be loaded or keeps no laws
└── PartitionsChanged   state belongs to another partition or another number of partitions
"""

from __future__ import annotations

_MOST_TEXT = 500


class WindowError(Exception):
    """Base of every error raised by `windows`."""


class BaselineError(WindowError):
    """A baseline cannot be read: expected and received form, and where."""


class ExtensionError(WindowError):
    """A monitor of the user's own is missing, is none, or breaks a law."""


class PartitionsChanged(WindowError):
    """State of one partition was given to another, or the topic's number of partitions changed."""


def described(error: Exception) -> str:
    """Write an error for a report, which has room for its beginning.

    Examples
    --------
    >>> described(ValueError("too large"))
    'ValueError: too large'
    """
    return f"{type(error).__name__}: {error}"[:_MOST_TEXT]
