# SPDX-License-Identifier: Apache-2.0
"""A worker process that ends at a numbered step: `python -m tests.integration.faulty_worker [STEP CHANCE]`.

Settings come from the environment as always. It says `ready` once a partition is recovered. CHANCE is the
probability of ending each time STEP is passed. STEP is a name that `stream.agents.checkpoint` lists, or
`checkpoint.torn`: half of a transaction's records are sent, then it ends.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from stream.errors import StreamError
from stream.kafka.transactions import Outgoing, Transactions
from stream.settings import load
from stream.worker import run

EXIT_CODE = 9
READY = "ready"


def ends_at(step: str, chance: float) -> Any:
    """Make the function that a worker calls at every step."""
    chances = random.Random()

    def fault(name: str, /) -> None:
        if name == "recovery.done":
            print(READY, flush=True)
        if name == step and chances.random() < chance:
            os._exit(EXIT_CODE)

    return fault


class TornTransactions(Transactions):
    """Dies now and then between the records of a transaction."""

    chance = 0.0

    def write(self, records: Iterable[Outgoing]) -> None:
        super().write(self._torn(list(records)))

    def _torn(self, records: list[Outgoing]) -> Iterator[Outgoing]:
        if random.random() >= self.chance:
            yield from records
            return
        yield from records[: len(records) // 2 + 1]
        self._producer.flush(5)
        os._exit(EXIT_CODE)


def main(arguments: list[str]) -> int:
    """Run the worker."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    step, chance = (arguments[0], float(arguments[1])) if arguments else ("", 0.0)
    if step == "checkpoint.torn":
        TornTransactions.chance = chance
        for role in ("ingest", "evaluation"):
            sys.modules[f"stream.agents.{role}"].Transactions = TornTransactions  # type: ignore[attr-defined]
    try:
        return run(load(), fault=ends_at(step, chance))
    except StreamError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
