# SPDX-License-Identifier: Apache-2.0
"""`python -m stream.batch`: the entry point of a container that stands in for a managed monitor's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sketches.errors import SketchError
from stream.batch.job import job_of
from stream.batch.run import METRICS_FOLDER, run
from stream.errors import StreamError
from windows.errors import WindowError

MESSAGE = Path("/opt/ml/output/message")
_LONGEST = 1_000
_FAILED = 1


def main(environment: Mapping[str, str], *, message: Path = MESSAGE, metrics_folder: Path = METRICS_FOLDER) -> int:
    """Run the job that the environment asks for, and leave its exit message.

    Parameters
    ----------
    environment : mapping of str to str
        Of the container.
    message : Path
        Where the platform looks for the exit message; left alone if its folder is not there.
    metrics_folder : Path
        Where the platform looks for metrics.

    Returns
    -------
    int
        The exit status: 0 also with violations or without data, as the platform takes any other for a failure.
    """
    try:
        outcome = run(job_of(environment), metrics_folder=metrics_folder)
        text, status = outcome.message, 0
        for line in outcome.told():
            _say(line)
    except (StreamError, WindowError, SketchError, OSError) as error:
        text, status = f"Failed: {' '.join(str(error).split())}", _FAILED
    _say(text)
    if message.parent.is_dir():
        message.write_text(text[:_LONGEST], encoding="utf-8")
    return status


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(os.environ))
