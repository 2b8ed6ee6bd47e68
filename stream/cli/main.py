# SPDX-License-Identifier: Apache-2.0
"""The commands put together, and what their errors become: one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version as installed
from typing import Annotated, NoReturn

import typer
from confluent_kafka import KafkaException

from sketches.errors import SketchError
from stream.cli import baseline, imports, topics
from stream.cli.batch import batch
from stream.cli.compare import compare
from stream.cli.definitions import apply
from stream.cli.demo import demo
from stream.cli.doctor import doctor
from stream.cli.export import export
from stream.cli.output import Exit, print_lines, say
from stream.cli.query import query
from stream.cli.replay import replay
from stream.cli.violations import violations
from stream.cli.worker import worker
from stream.errors import StreamError
from windows.errors import BaselineError

DEBUG = "SKETCHWATCH_DEBUG"
"""Variable that, set, lets an unexpected error show its traceback."""

app = typer.Typer(
    name="sketchwatch",
    epilog="Exit codes: 0 fine, 1 violations found, 2 wrong usage, 3 infrastructure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it with the option's value
    if wanted:
        print_lines([f"sketchwatch {installed('sketchwatch')}"])
        raise typer.Exit


@app.callback()
def sketchwatch(
    *,
    version: Annotated[  # its callback has done the work
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Watch machine-learning models in production: drift and quality violations from Kafka."""


app.add_typer(topics.app, name="topics")
app.command()(apply)
app.add_typer(baseline.app, name="baseline")
app.add_typer(imports.app, name="import")
for command in (worker, replay, violations, query, export, batch, compare, demo, doctor):
    app.command()(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after `sketchwatch`; without them those of the process.
    """
    try:
        app(arguments)
    except StreamError as error:
        _fail(str(error), error.exit_code)
    except BaselineError as error:
        _fail(str(error), Exit.USAGE)
    except SketchError as error:
        _fail(f"damaged sketch: {error}", Exit.INFRASTRUCTURE)
    except KafkaException as error:
        _fail(f"Kafka: {error.args[0].str()} ({error.args[0].name()})", Exit.INFRASTRUCTURE)
    except BrokenPipeError:
        # The reader of a pipe left; Python would complain once more when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FINE)
    except (TimeoutError, ConnectionError) as error:
        _fail(str(error), Exit.INFRASTRUCTURE)
    except OSError as error:
        _fail(str(error), Exit.USAGE)
    except Exception as error:  # whatever it is, exit code 1 would say that there are violations
        if os.environ.get(DEBUG):
            traceback.print_exc()
        _fail(f"unexpected {type(error).__name__}: {error}; {DEBUG}=1 shows the traceback", Exit.INFRASTRUCTURE)
    sys.exit(Exit.FINE)


def _fail(text: str, code: int) -> NoReturn:
    say(f"sketchwatch: {' '.join(text.split())}")
    sys.exit(code)
