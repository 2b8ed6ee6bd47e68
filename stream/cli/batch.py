# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch batch`: one job of a managed monitor, without Kafka."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stream.batch.job import job_of
from stream.batch.run import METRICS_FOLDER, run
from stream.cli.options import Json
from stream.cli.output import Exit, print_json, say


def batch(
    *,
    source: Annotated[Path | None, typer.Option(help="Rows: a file or folder (dataset_source).")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the results (output_path).")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="capture, csv, json, parquet or an object (dataset_format).")
    ] = None,
    constraints: Annotated[
        Path | None, typer.Option(help="Of the baseline; without it the job makes one (baseline_constraints).")
    ] = None,
    statistics: Annotated[Path | None, typer.Option(help="Of the baseline (baseline_statistics).")] = None,
    problem_type: Annotated[
        str | None, typer.Option(help="Of model quality; without it data quality (problem_type).")
    ] = None,
    inference: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="The prediction (inference_attribute).")
    ] = None,
    probability: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="Its probability (probability_attribute).")
    ] = None,
    ground_truth: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="The truth (ground_truth_attribute).")
    ] = None,
    analysis_config: Annotated[
        Path | None, typer.Option(help="Of bias: names label, facets and group variable (analysis_config).")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="First inference time (start_time).")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="End of inference times (end_time).")] = None,
    preprocessor: Annotated[Path | None, typer.Option(help="Script with preprocess_handler.")] = None,
    postprocessor: Annotated[Path | None, typer.Option(help="Script with postprocess_handler.")] = None,
    metrics: Annotated[Path | None, typer.Option(help="Write metrics as files of CloudWatch's form to here.")] = None,
    categorical_method: Annotated[
        str | None, typer.Option(help="LInfinity or ChiSquared, of categories (categorical_drift_method).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Suggest a baseline from data, or judge data against one, with the files of a managed monitor's job.

    Without an option its environment variable is taken, in parentheses above: what such a job is given works here.
    Exits with 1 if there are violations. Example: sketchwatch batch --source today.csv --output out
    --constraints baseline/constraints.json --statistics baseline/statistics.json
    """
    options = {
        "dataset_source": source,
        "output_path": output,
        "dataset_format": "sagemakerCaptureJson" if form == "capture" else form,
        "baseline_constraints": constraints,
        "baseline_statistics": statistics,
        "problem_type": problem_type,
        "inference_attribute": inference,
        "probability_attribute": probability,
        "ground_truth_attribute": ground_truth,
        "analysis_config": analysis_config,
        "start_time": start,
        "end_time": end,
        "record_preprocessor_script": preprocessor,
        "post_analytics_processor_script": postprocessor,
        "categorical_drift_method": categorical_method,
        "publish_cloudwatch_metrics": None if metrics is None else "Enabled",
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    outcome = run(job_of({**os.environ, **given}), metrics_folder=metrics or METRICS_FOLDER)
    for line in outcome.told():
        say(line)
    if as_json:
        counts = {"status": outcome.status, "rows": outcome.rows, "violations": outcome.violations}
        counts |= {"unread": outcome.unread.count, "unjudged": list(outcome.unjudged)}
        print_json(counts | {"files": [str(path) for path in outcome.files]})
    else:
        say(outcome.message)
    if outcome.violations:
        raise typer.Exit(Exit.VIOLATIONS)
