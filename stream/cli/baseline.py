# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch baseline`: suggest from data or import, publish what a person has read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import print_json, say
from stream.commands.baselines import import_baseline, publish_baseline, suggest_baseline, with_facets
from stream.commands.definition_files import DefinitionError, explain, read_definition
from stream.commands.tables import Roles, read_table
from stream.kafka.connection import connect
from windows.baselines.baseline_files import read_baseline, write_baseline
from windows.definition import ModelDefinition

app = typer.Typer(help="Suggest a baseline from data or import one, publish it.", no_args_is_help=True)
Column = Annotated[str | None, typer.Option(metavar="COLUMN")]
ProblemType = Literal["BinaryClassification", "MulticlassClassification", "Regression"]


@app.command("suggest")
def suggest(
    data: Annotated[Path, typer.Argument(help="Rows to learn from: .csv, .csv.gz or .parquet.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the baseline.")],
    model: Annotated[str | None, typer.Option("--model", "-m", help="Name of the model.")] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    monitor: Annotated[
        Path | None, typer.Option(help="A monitor.toml: names the model and its categorical and hashed columns.")
    ] = None,
    problem: Annotated[
        ProblemType | None, typer.Option("--problem-type", help="Without --monitor; of classes by default.")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="The true class or number.")] = None,
    prediction: Annotated[str | None, typer.Option(metavar="COLUMN", help="The predicted class or number.")] = None,
    score: Annotated[str | None, typer.Option(metavar="COLUMN", help="Probability of the positive class.")] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Of columns PREFIX<class>: the probability of each class.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="No input, but says what a row is.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="To be left out, as an id.")] = None,
    facet: Annotated[
        list[str] | None, typer.Option("--facet", metavar="NAME[=VALUE,…]", help="For bias; NAME>NUMBER cuts numbers.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Suggest statistics and constraints from data; columns without a role are features.

    Use predictions of models that were not fitted to these rows, as of a cross-validation.
    """
    definition = with_facets(_definition(monitor, model, version, problem), facet or [])
    tags, ignored = tuple(tag or ()), tuple(ignore or ())
    roles = Roles(label=label, prediction=prediction, score=score, tags=tags, ignore=ignored, scores=scores)
    suggestion = suggest_baseline(read_table(data), roles, definition)
    for warning in suggestion.warnings:
        say(f"warning: {warning}")
    files = write_baseline(suggestion.baseline, out)
    if as_json:
        names = {"model": definition.model, "model_version": definition.version, "rows": suggestion.baseline.n}
        print_json(names | {"files": [str(path) for path in files], "warnings": list(suggestion.warnings)})
    else:
        say(f"{suggestion.baseline.n} rows, {len(suggestion.baseline.features)} features and outputs")
        say(f"read and edit {out}/*/constraints.json, then run: sketchwatch baseline publish {out}")


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="A managed monitor's baseline files, or folders of them.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the baseline.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Whose baseline it is.")],
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    as_json: Json = False,
) -> None:
    """Take over statistics.json, constraints.json and analysis.json of any monitor, told apart by what they say.

    Example: sketchwatch baseline import old/data-quality old/model-quality --model churn --out baselines/churn
    """
    files = import_baseline(paths, out, model=model, version=version)
    if as_json:
        print_json({"model": model, "model_version": version, "files": [str(path) for path in files]})
    else:
        say(f"{len(files)} files of {', '.join(sorted({path.parent.name for path in files}))}")
        say(f"read them, then run: sketchwatch baseline publish {out} --model {model} --version {version}")


@app.command("publish")
def publish(
    directory: Annotated[Path, typer.Argument(help="Folder of the baseline.")],
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Of files that do not say.")] = None,
    version: Annotated[str | None, typer.Option(help="Of files that do not say.")] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Publish a baseline to the workers under its next version, one record a feature."""
    baseline = read_baseline(directory, model=model, version=version)
    settings = settings_of(config, bootstrap)
    connect(settings)
    published = publish_baseline(settings, baseline)
    names = {"model": published.model, "model_version": published.version}
    if as_json:
        print_json(names | {"baseline_version": published.baseline_version, "features": sorted(published.features)})
    else:
        say(f"{published.model} version {published.version}: baseline {published.baseline_version} published")


def _definition(monitor: Path | None, model: str | None, version: str, problem: str | None) -> ModelDefinition:
    if monitor is not None and problem is not None:
        msg = f"--problem-type {problem}: expected it in {monitor}, not beside it"
        raise DefinitionError(msg)
    if monitor is not None:
        return read_definition(monitor)
    if model is None:
        msg = "expected --model NAME or --monitor FILE"
        raise DefinitionError(msg)
    try:
        return ModelDefinition.model_validate({"model": model, "version": version, "problem_type": problem})
    except ValidationError as error:
        raise DefinitionError(f"--{explain(error, ModelDefinition)}") from None
