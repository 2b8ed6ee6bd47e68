# SPDX-License-Identifier: Apache-2.0
"""A worker process that ends at a given step: `python -m tests.integration.faulty_worker [STEP PASS]`.

Settings come from the environment as always. It says `ready` once a partition is recovered. It ends when STEP is
passed for the PASS-th time, counted over its partitions. STEP is a name that `stream.agents.checkpoint` lists, or
`checkpoint.torn`: half of a transaction's records are sent, then it ends.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from stream.errors import StreamError
from stream.kafka.transactions import Outgoing, Transactions
from stream.settings import load
from stream.worker import run

EXIT_CODE = 9
READY = "ready"


def ends_at(step: str, last: int) -> Any:
    """Make the function that a worker calls at every step."""
    passes = count(1)

    def fault(name: str, /) -> None:
        if name == "recovery.done":
            print(READY, flush=True)
        if name == step and next(passes) == last:
            os._exit(EXIT_CODE)

    return fault


class TornTransactions(Transactions):
    """Dies between the records of a transaction."""

    passes, last = count(1), 0

    def write(self, records: Iterable[Outgoing]) -> None:
        super().write(self._torn(list(records)))

    def _torn(self, records: list[Outgoing]) -> Iterator[Outgoing]:
        if next(self.passes) != self.last:
            yield from records
            return
        yield from records[: len(records) // 2 + 1]
        self._producer.flush(5)
        os._exit(EXIT_CODE)


def main(arguments: list[str]) -> int:
    """Run the worker."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    step, last = (arguments[0], int(arguments[1])) if arguments else ("", 0)
    if step == "checkpoint.torn":
        TornTransactions.last = last
        for role in ("ingest", "evaluation"):
            sys.modules[f"stream.agents.{role}"].Transactions = TornTransactions  # type: ignore[attr-defined]
    try:
        return run(load(), fault=ends_at(step, last))
    except StreamError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
