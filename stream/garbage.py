# SPDX-License-Identifier: Apache-2.0
"""How often a worker looks for garbage that refers to itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cycles each 100,000 new objects instead of each 700, and not among those that are there at the start.

    A fetch of single JSON events is some 16,000 dictionaries, gone with their last reference when the columns are
    read: to look at them 20 times meanwhile took a third of the worker's time (docs/decisions/0086).
    """
    before = gc.get_threshold()
    if before[0] >= NEW_OBJECTS:
        # Another worker of this process has seen to it, and takes it back.
        yield
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
