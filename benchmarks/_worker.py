# SPDX-License-Identifier: Apache-2.0
"""A worker process for benchmarks: settings as JSON in, the port of its metrics as JSON out."""

from __future__ import annotations

import cProfile
import json
import logging
import os
import sys

from stream.settings import Settings
from stream.worker import run


def main() -> None:
    """Run until terminated; with SKETCHWATCH_PROFILE set, write a profile of the loop there."""
    logging.basicConfig(level=logging.WARNING)
    settings = Settings.model_validate_json(sys.argv[1])
    profile = os.environ.get("SKETCHWATCH_PROFILE")
    with cProfile.Profile() if profile else open(os.devnull) as profiler:  # noqa: PTH123
        run(settings, on_metrics=lambda port: print(json.dumps({"port": port}), flush=True))
    if profile and isinstance(profiler, cProfile.Profile):
        profiler.dump_stats(profile)


if __name__ == "__main__":
    main()
