# SPDX-License-Identifier: Apache-2.0
"""Run one job: suggest a baseline, or judge data against one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stream.batch.cloudwatch import metric_lines
from stream.batch.job import Job
from stream.batch.judging import Judged, first_unread, judge, labelled
from stream.batch.opening import open_job
from stream.commands.tables import TableError
from stream.hooks.record_handler import POSTPROCESS, load_script
from stream.imports.unread import UnreadLines
from windows.baselines.baseline_files import write_baseline
from windows.baselines.baseline_records import to_json
from windows.baselines.constraints import with_categorical_method
from windows.baselines.kinds import ANALYSIS, CONSTRAINTS, STATISTICS
from windows.baselines.suggest import suggest
from windows.monitors.settle import status_of
from windows.report import Report, iso
from windows.statistics.feature_statistics import feature_statistics
from windows.violation_files import violations_document
from windows.violations import violations_of
from windows.window_profile import WindowProfile

_FOLDERS = {"DATA_QUALITY": "data_quality", "MODEL_QUALITY": "model_quality", "MODEL_BIAS": "bias"}
METRICS_FOLDER = Path("/opt/ml/output/metrics/cloudwatch")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Parameters
    ----------
    status : str
        Completed, CompletedWithViolations, or InsufficientData where nothing could be judged.
    rows, violations : int
        Judged or learned from, and found.
    files : tuple of Path
        Written.
    unread : UnreadLines
        Records that could not be read.
    unjudged : tuple of str
        Monitors that could not judge anything, and why.
    """

    status: str
    rows: int
    violations: int
    files: tuple[Path, ...]
    unread: UnreadLines = field(default_factory=UnreadLines)
    unjudged: tuple[str, ...] = ()

    def told(self) -> list[str]:
        """Say what was not read and not judged, in lines for a person."""
        return [*self.unread.told(), *(f"warning: {text}" for text in self.unjudged)]

    @property
    def message(self) -> str:
        """The exit message of the managed monitor's job.

        Examples
        --------
        >>> Outcome("CompletedWithViolations", 100, 60, ()).message
        'CompletedWithViolations: Job completed successfully with 60 violations.'
        >>> Outcome("InsufficientData", 0, 0, ()).message
        'InsufficientData: no data'
        """
        if self.status == "InsufficientData":
            return f"{self.status}: {f'nothing could be judged of {self.rows} rows' if self.rows else 'no data'}"
        return f"{self.status}: Job completed successfully with {self.violations or 'no'} violations."


def run(job: Job, *, metrics_folder: Path = METRICS_FOLDER) -> Outcome:
    """Run a job.

    Parameters
    ----------
    job : Job
        With constraints of a baseline it judges the rows, without it suggests some.
    metrics_folder : Path
        Where metrics go if the job asks for them.

    Raises
    ------
    StreamError, windows.errors.BaselineError
        If the job, its rows, its baseline or a script is not what it should be.
    """
    postprocess = None if job.postprocessor is None else load_script(job.postprocessor, POSTPROCESS)
    outcome = _suggest(job) if job.constraints is None else _report(job, judge(job), metrics_folder)
    if postprocess is not None:
        postprocess()
    return outcome


def _suggest(job: Job) -> Outcome:
    opened = open_job(job)
    rows, definition = opened.rows, opened.definition
    baseline = suggest(opened.blocks, model=definition.model, roles=opened.roles, definition=definition).baseline
    if not baseline.n:
        raise TableError(f"{job.source}: expected rows to suggest a baseline from, got none{first_unread(rows)}")
    if job.categorical_method is not None and baseline.constraints is not None:
        constraints = with_categorical_method(baseline.constraints, job.categorical_method)
        baseline = replace(baseline, constraints=constraints)
    documents = {monitor: labelled(document, opened.label) for monitor, document in baseline.documents.items()}
    baseline = replace(baseline, documents=documents)
    job.output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        write_baseline(baseline, Path(folder))
        made = Path(folder) / _FOLDERS[job.analysis]
        if not made.is_dir():
            raise TableError(f"{job.source}: expected rows with labels and predictions, got none")
        # The contract has these files in the output folder itself.
        shutil.copytree(made, job.output, dirs_exist_ok=True)
        files = tuple(job.output / file.relative_to(made) for file in sorted(made.rglob("*")) if file.is_file())
    return Outcome("Completed", baseline.n, 0, files, rows.unread)


def _report(job: Job, judged: Judged, metrics_folder: Path) -> Outcome:
    assert job.constraints is not None
    window, reports = judged.window, judged.reports
    bias = job.analysis == "MODEL_BIAS"
    usual = ANALYSIS if bias else CONSTRAINTS
    constraints = job.constraints / usual if job.constraints.is_dir() else job.constraints
    job.output.mkdir(parents=True, exist_ok=True)
    said = _statistics(window, reports)
    documents = {"constraint_violations.json": violations_document(reports), ANALYSIS if bias else STATISTICS: said}
    files = [_write(job.output / name, to_json(document, 1)) for name, document in documents.items()]
    # The managed monitor of bias has no other constraints than the analysis it writes.
    files += [] if bias else [_write(job.output / CONSTRAINTS, constraints.read_bytes())]
    if job.metrics:
        dimensions = {"Endpoint": job.endpoint, "MonitoringSchedule": job.schedule}
        lines = "".join(f"{line}\n" for line in metric_lines(window, reports, dimensions))
        metrics_folder.mkdir(parents=True, exist_ok=True)
        files.append(_write(metrics_folder / "cloudwatch_metrics.jsonl", lines.encode()))
    found = sum(len(violations_of(report)) for report in reports)
    status = status_of(verdict for report in reports for verdict in report.verdicts)
    return Outcome(status, window.rows, found, tuple(files), judged.unread, tuple(_unjudged(reports)))


def _unjudged(reports: tuple[Report, ...]) -> Iterator[str]:
    for report in reports:
        if report.status == "InsufficientData":
            reason = next((verdict.reason for verdict in report.verdicts if verdict.reason), "nothing to judge")
            yield f"{report.monitor} could not judge anything: {reason}"


def _statistics(window: WindowProfile, reports: tuple[Report, ...]) -> dict[str, Any]:
    """Statistics with the sketches of a window, so that they can be the baseline of others."""
    by_monitor = {report.monitor: report.statistics for report in reports}
    if "bias" in by_monitor:
        return by_monitor["bias"]
    if (quality := by_monitor.get("model_quality")) is not None:
        return quality | {"dataset": quality.get("dataset", {}) | {"evaluation_time": iso(window.window_end_ms)}}
    described = by_monitor["data_quality"]
    kinds = {one["name"]: one["inferred_type"] for one in described["features"]}
    features = [
        feature_statistics(name, feature, window.rows, kinds[name], sketch=True)
        for name, feature in sorted(window.profile.features.items())
    ]
    return {**described, "features": features}


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
