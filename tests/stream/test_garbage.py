# SPDX-License-Identifier: Apache-2.0
"""Cycles of garbage are looked for rarely while a worker runs, and still found."""

from __future__ import annotations

import gc
import threading
import weakref

from stream.garbage import NEW_OBJECTS, rare_collections
from tests.stream.test_worker import prepare, running, settings_of


class Node:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


def test_many_objects_that_go_by_themselves_cost_no_collection_and_cycles_are_found():
    before, seen = gc.get_threshold(), []
    gc.callbacks.append(lambda phase, _: seen.append(phase))
    try:
        with rare_collections():
            seen.clear()
            for _ in range(10):
                assert len([{} for _ in range(NEW_OBJECTS // 2)]) == NEW_OBJECTS // 2
            assert seen == []
            lost = weakref.ref(Node())
            kept = [[] for _ in range(NEW_OBJECTS + 1_000)]
            assert lost() is None
            assert len(kept) > NEW_OBJECTS
    finally:
        gc.callbacks.pop()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_workers_of_one_process_leave_it_as_they_found_it():
    before, first, second = gc.get_threshold(), rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_a_worker_collects_rarely_until_it_ends(mock_broker: str, topics: str) -> None:
    before, settings = gc.get_threshold(), settings_of(mock_broker, topics)
    prepare(settings)
    with running(settings) as errors:
        waited = threading.Event()
        for _ in range(600):
            if gc.get_threshold()[0] == NEW_OBJECTS:
                break
            waited.wait(0.1)
        assert gc.get_threshold()[0] == NEW_OBJECTS
    assert errors == []
    assert gc.get_threshold() == before
