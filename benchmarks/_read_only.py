# SPDX-License-Identifier: Apache-2.0
"""aiokafka reading the source topics and doing nothing with them: settings as JSON in, seconds as JSON out."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaConsumer

from stream.settings import Settings
from topics.subjects import Topics


async def read(settings: Settings) -> float:
    """Read both source topics to their ends; return the seconds from the first record to the last."""
    consumer = AIOKafkaConsumer(
        *Topics(settings.topic_prefix).sources,
        bootstrap_servers=settings.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=settings.fetch_bytes,
        max_poll_records=settings.fetch_records,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        began = 0.0
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            await consumer.getmany(timeout_ms=1_000, max_records=settings.fetch_records)
            began = began or time.perf_counter()
        return time.perf_counter() - began
    finally:
        await consumer.stop()


if __name__ == "__main__":
    print(json.dumps({"seconds": asyncio.run(read(Settings.model_validate_json(sys.argv[1])))}))
