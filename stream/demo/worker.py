# SPDX-License-Identifier: Apache-2.0
"""A worker of the demo's own: the same command that users run, in a process beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.errors import InfrastructureError
from stream.settings import Settings

_STOP_S = 30


class Worker:
    """A running `sketchwatch worker`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raise `InfrastructureError` if it ended by itself."""
        if self._process.poll() not in (None, 0):
            raise InfrastructureError(f"the demo's worker ended with code {self._process.returncode}; see {self._log}")

    def stop(self) -> None:
        """Ask it to finish its last checkpoint and leave; raises `InfrastructureError` if it does not."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            raise InfrastructureError(f"the demo's worker did not stop in {_STOP_S} s; see {self._log}") from None
        self.check()


@contextmanager
def running_worker(settings: Settings, log: Path) -> Iterator[Worker]:
    """Run a worker with these settings while the context lasts; its messages go to `log`."""
    own = {f"SKETCHWATCH_{key.upper()}": value for key, value in _as_text(settings).items()}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SKETCHWATCH_")} | own
    command = [sys.executable, "-m", "stream.cli", "worker"]
    # In the log's folder no settings file lies that could speak of another cluster.
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=environment, cwd=log.parent, stdout=output, stderr=output) as process,  # noqa: S603
    ):
        try:
            yield Worker(process, log)
        finally:
            process.kill()


def _as_text(settings: Settings) -> dict[str, str]:
    values = settings.model_dump(mode="json", exclude_none=True)
    # What the commands keep from the terminal belongs into the worker's log.
    values["kafka"].pop("log_level", None)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
