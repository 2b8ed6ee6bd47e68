# SPDX-License-Identifier: Apache-2.0
"""`python -m stream.cli`: the command line without its installed script."""

from __future__ import annotations

from stream.cli.main import main

if __name__ == "__main__":
    main()
