# SPDX-License-Identifier: Apache-2.0
"""The command line: `sketchwatch`."""

from stream.cli.main import main

__all__ = ["main"]
