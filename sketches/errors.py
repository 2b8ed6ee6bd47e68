# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a sketch.

SketchError
├── SpecMismatch     states of different parameters were combined
└── CorruptState     bytes are not a state: magic, version, length or checksum is wrong
"""

from __future__ import annotations


class SketchError(Exception):
    """Base of every error raised by `sketches`."""


class SpecMismatch(SketchError):
    """States made with different parameters cannot be combined."""


class CorruptState(SketchError):
    """Bytes that should hold a state do not."""
