# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch import`: publish a managed monitor's files as events and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from stream.cli.options import Bootstrap, Config, Json, Model, Version, settings_of
from stream.cli.output import Exit, messages, print_json, say
from stream.commands.importing import Import, Imported, import_files
from stream.commands.tables import TableError
from stream.imports.capture_records import CaptureForm
from stream.imports.selectors import Selector
from stream.kafka.connection import connect
from stream.settings import Settings

app = typer.Typer(help="Publish files of a managed monitor: captured requests, labels.", no_args_is_help=True)
Label = Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="The truth, in ground truth of several columns.")]
Final = Annotated[
    bool, typer.Option("--final/--more-follows", help="Whether this is all there is, so that all windows close.")
]


@app.command("capture")
def capture(
    paths: Annotated[list[Path], typer.Argument(help="Capture files, merged files or folders of them, yyyy/mm/dd/hh.")],
    *,
    model: Model,
    version: Version = "1",
    labels: Annotated[
        list[Path] | None, typer.Option(help="Ground-truth files or folders, published hour by hour beside.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            "--headers",
            metavar="NAME,…|FILE",
            help="Names of columns without a header, or a file that has them: statistics.json, constraints.json, .csv.",
        ),
    ] = None,
    with_outputs: Annotated[
        bool, typer.Option("--with-outputs", help="Columns of the output are features too, before the input's.")
    ] = False,
    prediction: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="The predicted class, in the output.")
    ] = None,
    score: Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="Probability of the positive class.")] = None,
    value: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="The predicted number, of a regression.")
    ] = None,
    label: Label = None,
    probability_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="A score above it is the positive class.")
    ] = None,
    final: Final = True,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish captured requests as events, and what they hold of ground truth as labels.

    --prediction, --score and --value are attributes of the output: an index, a name or a path such as
    predictions[0].score; --label is one of the ground truth. A record of many rows gives the ids ID/0, ID/1, …
    Example: sketchwatch import capture datacapture/ --model churn --columns train.csv --score 0 --labels ground-truth/
    """
    form = CaptureForm(
        _columns(columns),
        with_outputs,
        _selector("prediction", prediction),
        _selector("score", score),
        _selector("value", value),
        _selector("label", label),
    )
    wanted = Import(model, version, tuple(paths), tuple(labels or ()), form, probability_threshold, final)
    _import(settings_of(config, bootstrap), wanted, as_json=as_json)


@app.command("labels")
def labels_of(
    paths: Annotated[list[Path], typer.Argument(help="Ground-truth files or folders of them, yyyy/mm/dd/hh.")],
    *,
    model: Model,
    version: Version = "1",
    label: Label = None,
    final: Final = True,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish ground truth as labels; the hour of its folder is when each became known.

    Example: sketchwatch import labels ground-truth/ --model churn
    """
    wanted = Import(model, version, labels=tuple(paths), form=CaptureForm(truth=_selector("label", label)), final=final)
    _import(settings_of(config, bootstrap), wanted, as_json=as_json)


def _selector(option: str, text: str | None) -> Selector | None:
    try:
        return None if text is None else Selector.parse(text)
    except ValueError as error:
        raise TableError(f"--{option}: {error}") from None


def _columns(text: str | None) -> tuple[str, ...]:
    """Take names from the command line, or from a file that names columns."""
    if text is None:
        return ()
    path = Path(text)
    if not path.is_file():
        return tuple(name.strip() for name in text.split(","))
    content = path.read_text(encoding="utf-8-sig")
    if path.suffix != ".json":
        return tuple(name.strip().strip('"') for name in content.split("\n", 1)[0].split(","))
    try:
        return tuple(str(feature["name"]) for feature in json.loads(content)["features"])
    except (ValueError, KeyError, TypeError):
        raise TableError(f"--columns {text}: expected statistics.json or constraints.json of data quality") from None


def _import(settings: Settings, wanted: Import, *, as_json: bool) -> None:
    connect(settings)
    with Progress(console=messages(), transient=True) as progress:
        bar = progress.add_task("Importing", total=None)
        imported = import_files(
            settings, wanted, progress=lambda path: progress.update(bar, description=f"Importing {path.name}")
        )
    _tell(imported, wanted, as_json=as_json)
    if not imported.events + imported.labels:
        raise typer.Exit(Exit.USAGE)


def _tell(imported: Imported, wanted: Import, *, as_json: bool) -> None:
    for line in imported.unread.told():
        say(line)
    if as_json:
        counts = {name: getattr(imported, name) for name in ("files", "events", "labels")}
        listed = [unread._asdict() for unread in imported.unread.listed]
        names = {"model": wanted.model, "model_version": wanted.version}
        print_json({**names, **counts, "unread": imported.unread.count, "listed": listed})
    else:
        say(f"sent {imported.events} events and {imported.labels} labels from {imported.files} files")
