# SPDX-License-Identifier: Apache-2.0
"""`sketchwatch compare`: a managed monitor's violations beside our verdicts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.batch.job import job_of
from stream.cli.options import Bootstrap, Config, Json, settings_of
from stream.cli.output import print_json, print_table, say
from stream.commands.comparing import Ours, compare_with, from_report_file, from_rows, from_topic
from stream.commands.tables import TableError
from stream.kafka.connection import connect
from windows.comparison import Compared
from windows.report import Verdict

_COLUMNS = ("subject", "check", "theirs", "ours", "calibrated", "why they differ")


def compare(
    old: Annotated[Path, typer.Argument(metavar="constraint_violations.json", help="What the old monitor found.")],
    *,
    source: Annotated[Path | None, typer.Option(help="The window's rows, judged again: a file or folder.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="Of the rows: capture, csv, json, parquet or an object.")
    ] = None,
    constraints: Annotated[Path | None, typer.Option(help="Of the old baseline, for the rows.")] = None,
    statistics: Annotated[Path | None, typer.Option(help="Of the old baseline, for the rows.")] = None,
    problem_type: Annotated[str | None, typer.Option(help="Of violations of model quality.")] = None,
    inference: Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="The prediction.")] = None,
    probability: Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="Its probability.")] = None,
    ground_truth: Annotated[str | None, typer.Option(metavar="ATTRIBUTE", help="The truth.")] = None,
    analysis_config: Annotated[Path | None, typer.Option(help="Of violations of bias.")] = None,
    preprocessor: Annotated[Path | None, typer.Option(help="Script with preprocess_handler.")] = None,
    emulate: Annotated[
        bool, typer.Option("--emulate-deequ-le-2-0-21", help="Compute our distances with the old error, too.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Instead of rows: our reports, one JSON object a line.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Instead: its reports on Kafka.")] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    window: Annotated[
        str | None, typer.Option(metavar="TIME", help="Start of the window, as reports write it.")
    ] = None,
    bootstrap: Bootstrap = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show old violations beside our verdicts on the same window, and why they differ.

    Example: sketchwatch compare old/constraint_violations.json --source capture/2026/11/20/10 --format capture
    --constraints baseline/constraints.json --statistics baseline/statistics.json
    """
    if sum(one is not None for one in (source, report, model)) != 1:
        raise TableError("expected one of --source, --report and --model: what the old violations are compared with")
    if source is not None:
        options = {
            "dataset_source": source,
            "output_path": os.devnull,
            "dataset_format": "sagemakerCaptureJson" if form == "capture" else form,
            "baseline_constraints": constraints,
            "baseline_statistics": statistics,
            "problem_type": problem_type,
            "inference_attribute": inference,
            "probability_attribute": probability,
            "ground_truth_attribute": ground_truth,
            "analysis_config": analysis_config,
            "record_preprocessor_script": preprocessor,
        }
        job = job_of({name: str(value) for name, value in options.items() if value is not None})
        ours = from_rows(job, emulate=emulate)
    elif report is not None:
        ours = from_report_file(report, window)
    else:
        ours = _reported(str(model), version, window, config, bootstrap)
    _show(compare_with(old, ours), as_json=as_json)


def _reported(model: str, version: str, window: str | None, config: Path | None, bootstrap: str | None) -> Ours:
    settings = settings_of(config, bootstrap)
    connect(settings)
    return from_topic(settings, model, version, window)


def _show(found: list[Compared], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            print_json(_record(one))
        return
    if found:
        print_table("", _COLUMNS, [_row(one) for one in found])
    differ = sum(not one.agrees for one in found)
    say(f"{len(found) - differ} found by both, {differ} by one alone")


def _row(one: Compared) -> list[object]:
    texts = [
        "violation" if one.theirs is not None else "-",
        _said(one.ours),
        _said(one.calibrated or _if_calibrated(one)),
    ]
    return [one.subject, one.check, *texts, one.reason]


def _if_calibrated(one: Compared) -> Verdict | None:
    return one.ours if one.ours is not None and one.ours.mode == "calibrated" else None


def _said(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    value = "" if verdict.value is None else f" {verdict.value:.3g}"
    needed = "" if verdict.threshold is None else f" of {verdict.threshold:.3g}"
    chance = f", p = {verdict.pvalue:.2g}" if verdict.mode == "calibrated" and verdict.pvalue is not None else ""
    return f"{verdict.outcome} ({verdict.mode}{value}{needed}{chance})"


def _record(one: Compared) -> dict[str, Any]:
    named = {"subject": one.subject, "constraint_check_type": one.check, "agrees": one.agrees, "reason": one.reason}
    verdicts = {"ours": one.ours, "calibrated": one.calibrated}
    sides = {name: None if verdict is None else verdict.as_record() for name, verdict in verdicts.items()}
    return named | {"theirs": one.theirs} | sides
