# SPDX-License-Identifier: Apache-2.0
"""Hold a job's rows against its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stream.batch.job import Job
from stream.batch.opening import definition_of, open_job
from stream.batch.rows import JobRows
from stream.commands.tables import TableError
from stream.errors import InfrastructureError
from stream.imports.unread import UnreadLines
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import baseline_of_files
from windows.baselines.constraints import with_categorical_method
from windows.data_set import Period, window_of_rows
from windows.evaluate import evaluate
from windows.report import Report
from windows.window_profile import WindowProfile


@dataclass(frozen=True, slots=True)
class Judged:
    """A job's rows as a window, what they were held against, and what was said of them."""

    window: WindowProfile
    baseline: Baseline
    reports: tuple[Report, ...]
    unread: UnreadLines


def judge(job: Job, *, emulate_deequ: bool = False) -> Judged:
    """Hold a job's rows against its baseline.

    Parameters
    ----------
    job : Job
        With constraints.
    emulate_deequ : bool
        Whether literal distances are those of Deequ up to 2.0.21.

    Raises
    ------
    StreamError, windows.errors.BaselineError
        If the rows or the baseline are not what they should be, or a monitor failed.
    """
    if job.constraints is None:
        raise TableError("baseline_constraints: expected a path, got none")
    baseline = baseline_of_files(job.constraints, job.statistics, model=definition_of(job).model)
    if job.categorical_method is not None and baseline.constraints is not None:
        constraints = with_categorical_method(baseline.constraints, job.categorical_method)
        baseline = replace(baseline, constraints=constraints)
    opened = open_job(job, baseline, emulate_deequ=emulate_deequ)
    rows = opened.rows
    period = Period(job.start_ms or 0, job.end_ms or (job.start_ms or 0) + 3_600_000)
    window = window_of_rows(opened.blocks, opened.definition, roles=opened.roles, period=period)
    if not window.rows and rows.unread.count:
        raise TableError(f"{job.source}: expected rows, got none{first_unread(rows)}")
    reports = evaluate(window, baseline)
    failed = next((report for report in reports if report.status == "Failed"), None)
    if failed is not None:
        raise InfrastructureError(f"{failed.monitor}: {failed.error}")
    said = (replace(report, statistics=labelled(report.statistics, opened.label)) for report in reports)
    return Judged(window, baseline, tuple(said), rows.unread)


def labelled(document: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Name the column of the truth in an analysis of bias: events have one name for it, data sets their own.

    Examples
    --------
    >>> labelled({"pre_training_bias_metrics": {"label": "label"}}, "target")
    {'pre_training_bias_metrics': {'label': 'target'}}
    """
    stages = {name: held | {"label": label} for name, held in document.items() if name.endswith("_bias_metrics")}
    return {**document, **stages}


def first_unread(rows: JobRows) -> str:
    """Say what could not be read first, as the end of a message."""
    return "".join(f"; {one}" for one in rows.unread.listed[:1])
