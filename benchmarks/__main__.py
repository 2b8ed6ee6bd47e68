# SPDX-License-Identifier: Apache-2.0
"""Run one benchmark: `python -m benchmarks NAME [--quick] [--json]`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Annotated

import typer

import benchmarks

NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(benchmarks.__path__)
    if module.name not in {"__main__", "figures"} and not module.name.startswith("_")
)


def main(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Take less than 45 seconds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a figure.")] = False,
) -> None:
    """Print a benchmark's figures, the limit measured in the same run, and the ratio."""
    if name not in NAMES:
        typer.echo(f"unknown benchmark {name!r}: expected one of {', '.join(NAMES)}", err=True)
        raise typer.Exit(2)
    for figure in importlib.import_module(f"benchmarks.{name}").run(quick=quick):
        print(figure.as_json() if as_json else figure.as_text())


if __name__ == "__main__":
    typer.run(main)
