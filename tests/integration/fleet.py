# SPDX-License-Identifier: Apache-2.0
"""Workers as processes of their own, to be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SESSION_MS = 4_000


class Worker:
    """One worker process, started again as often as needed; its log grows through all of its lives."""

    def __init__(self, name: str, settings: dict[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"worker-{name}.log"
        self._environment = {f"SKETCHWATCH_{key.upper()}": value for key, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder

    def start(self, *fault: str) -> None:
        """Start it; `fault` is a step and how often it is passed until the worker ends there."""
        assert not self.alive, f"worker {self.name} already runs"
        call = [sys.executable, "-W", "ignore", "-m", "tests.integration.faulty_worker", *fault]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self._environment}
        with self.log.open("ab") as log:
            log.write(f"--- start {' '.join(fault)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(call, cwd=self._folder, env=environment, stdout=log, stderr=log)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def terminate(self, timeout_s: float = 60) -> int:
        """Ask it to stop; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait_ready(self, partitions: int = 1, timeout_s: float = 60) -> None:
        """Wait until it has recovered so many partitions in its present life, those it judges counted apart."""
        deadline = time.monotonic() + timeout_s
        while not self.ready(partitions):
            assert self.alive, self.said()
            assert time.monotonic() < deadline, f"worker {self.name} not ready in {timeout_s:.0f} s:\n{self.said()}"
            time.sleep(0.05)

    def wait(self, timeout_s: float) -> int:
        """Wait until it has ended; returns its exit code."""
        assert self._process is not None, f"worker {self.name} was never started"
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            msg = f"worker {self.name} did not end within {timeout_s:.0f} s:\n{self.said()}"
            raise AssertionError(msg) from None

    def ready(self, partitions: int = 1) -> bool:
        """Whether it has recovered so many partitions in its present life."""
        return self.present.split("\n").count("ready") >= partitions

    @property
    def present(self) -> str:
        """The log of its present life."""
        return self.log.read_text(errors="replace").rpartition("--- start")[2]

    def said(self, characters: int = 4_000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]


class Fleet:
    """The workers of one group.

    Parameters
    ----------
    bootstrap, prefix : str
        The cluster, and the prefix of topics, which names the group too.
    folder : Path
        For logs.
    **settings : str
        More settings of every worker.
    """

    def __init__(self, bootstrap: str, prefix: str, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings = {
            "bootstrap_servers": bootstrap,
            "topic_prefix": prefix,
            "group": prefix,
            "checkpoint_interval_ms": "300",
            "idle_poll_ms": "100",
            "session_timeout_ms": str(SESSION_MS),
            "metrics_port": "0",
            "fetch_records": "200",
            **settings,
        }
        self.workers: list[Worker] = []

    def add(self, **settings: str) -> Worker:
        """Start one more worker, with other settings where given."""
        worker = Worker(str(len(self.workers)), self._settings | settings, self._folder)
        self.workers.append(worker)
        worker.start()
        return worker

    def revive(self) -> int:
        """Start again what has ended; returns how many had."""
        ended = [worker for worker in self.workers if not worker.alive]
        for worker in ended:
            worker.start()
        return len(ended)

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"== worker {worker.name}\n{worker.said()}" for worker in self.workers)

    def close(self) -> None:
        """End all of them."""
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
            if worker.alive:
                worker.kill()


def pause(worker: Worker, seconds: float) -> None:
    """Stop a worker's process for a while, so that the group gives its partitions away meanwhile."""
    worker.signal(signal.SIGSTOP)
    time.sleep(seconds)
    worker.signal(signal.SIGCONT)
