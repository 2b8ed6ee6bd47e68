# SPDX-License-Identifier: Apache-2.0
"""A plain Faust agent that only counts: settings, topic and number as JSON in, seconds as JSON out."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time

import faust

from stream.kafka.clients import broker_urls
from stream.settings import Settings


async def count(settings: Settings, topic: str, messages: int, folder: str) -> float:
    """Count messages; return the seconds from the first to the last."""
    app = faust.App(
        f"{settings.group}-plain",
        broker=broker_urls(settings),
        datadir=folder,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    seen, began = 0, 0.0
    done = asyncio.Event()

    @app.agent(app.topic(topic, key_serializer="raw", value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def counting(stream: faust.Stream) -> None:
        nonlocal seen, began
        async for _ in stream:
            began = began or time.perf_counter()
            seen += 1
            if seen == messages:
                done.set()

    await app.start()
    await done.wait()
    seconds = time.perf_counter() - began
    await app.stop()
    return seconds


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        topic, messages = sys.argv[2], int(sys.argv[3])
        seconds = asyncio.run(count(Settings.model_validate_json(sys.argv[1]), topic, messages, folder))
    print(json.dumps({"seconds": seconds}))
