# SPDX-License-Identifier: Apache-2.0
"""Run one job: suggest a baseline, or judge data against one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sketches.block import Block
from stream.batch.cloudwatch import metric_lines
from stream.batch.job import Job
from stream.batch.rows import LABEL, PREDICTION, SCORE, JobRows
from stream.commands.tables import TableError
from stream.errors import InfrastructureError
from stream.hooks.record_handler import POSTPROCESS, PREPROCESS, RecordHandler, load_script
from stream.imports.selectors import Selector
from stream.imports.unread import UnreadLines
from windows.baselines.analysis_config import is_continuous, read_analysis_config
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import baseline_of_files, write_baseline
from windows.baselines.baseline_records import to_json
from windows.baselines.kinds import ANALYSIS, CONSTRAINTS, STATISTICS, read_document
from windows.baselines.roles import NO_ROLES, Roles
from windows.baselines.suggest import suggest
from windows.data_set import Period, window_of_rows
from windows.definition import ModelDefinition
from windows.evaluate import evaluate
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
        Completed or CompletedWithViolations.
    rows, violations : int
        Judged or learned from, and found.
    files : tuple of Path
        Written.
    unread : UnreadLines
        Records that could not be read.
    """

    status: str
    rows: int
    violations: int
    files: tuple[Path, ...]
    unread: UnreadLines = field(default_factory=UnreadLines)

    @property
    def message(self) -> str:
        """The exit message of the managed monitor's job.

        Examples
        --------
        >>> Outcome("CompletedWithViolations", 100, 60, ()).message
        'CompletedWithViolations: Job completed successfully with 60 violations.'
        """
        return f"{self.status}: Job completed successfully with {self.violations or 'no'} violations."


@dataclass(frozen=True, slots=True)
class Judged:
    """A job's rows as a window, what they were held against, and what was said of them."""

    window: WindowProfile
    baseline: Baseline
    reports: tuple[Report, ...]
    unread: UnreadLines


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


@dataclass(frozen=True, slots=True)
class _Opened:
    """A job ready to be read: its rows, and what is watched of them."""

    rows: JobRows
    blocks: Iterator[Block]
    definition: ModelDefinition
    roles: Roles
    label: str = LABEL


def _open(job: Job, baseline: Baseline | None = None, *, emulate_deequ: bool = False) -> _Opened:
    handler = None if job.preprocessor is None else RecordHandler(load_script(job.preprocessor, PREPROCESS))
    if handler is not None and job.dataset_format.kind != "capture":
        raise TableError("record_preprocessor_script: expected dataset_format sagemakerCaptureJson beside it")
    rows = JobRows(job, handler)
    if baseline is not None and baseline.constraints is not None:
        rows.columns, rows.texts = tuple(baseline.constraints.features), baseline.constraints.texts
    definition = definition_of(job, baseline, emulate_deequ=emulate_deequ)
    if job.config is None:
        return _Opened(rows, rows.blocks(), definition, roles_of(job))
    document = read_document(job.config)
    headers = [str(name) for name in document.get("headers") or ()]
    label = read_analysis_config(document).label
    if job.dataset_format.kind != "capture":
        rows = replace(rows, job=replace(job, ground_truth=job.ground_truth or Selector(label, (label,))))
    rows.columns = tuple(name for name in headers if name != label or job.dataset_format.kind != "capture")
    blocks = rows.blocks()
    first = next(blocks, Block(0))
    continuous = {name for name, column in first.columns.items() if is_continuous(column)}
    bias = read_analysis_config(document, continuous | ({label} if LABEL in continuous else set())).bias
    monitors = definition.monitors.model_copy(update={"bias": bias})
    definition = definition.model_copy(update={"monitors": monitors})
    return _Opened(rows, chain((first,) if first.n else (), blocks), definition, roles_of(job), label)


def definition_of(job: Job, baseline: Baseline | None = None, *, emulate_deequ: bool = False) -> ModelDefinition:
    """Define the model of a job: the monitors of its analysis, and no least number of rows for another's baseline."""
    monitors: dict[str, dict[str, Any]] = {
        "data_quality": {"enabled": not job.of_labels},
        "data_drift": {"enabled": not job.of_labels, "emulate_deequ_le_2_0_21": emulate_deequ},
        # Rows without a label are not among those of the job.
        "model_quality": {"enabled": job.analysis == "MODEL_QUALITY", "min_coverage": 0.0},
    }
    if baseline is not None and not _is_ours(baseline):
        monitors = {name: {**options, "min_rows": 1} for name, options in monitors.items()}
    if job.analysis == "MODEL_BIAS" and baseline is not None and not baseline.states:
        monitors["bias"] = {"mode": "literal"}
    return ModelDefinition.model_validate(
        {
            "model": "".join(c if c.isalnum() or c in "._-" else "-" for c in job.endpoint)[:128] or "model",
            "problem_type": job.problem_type or ("BinaryClassification" if job.of_labels else None),
            "probability_threshold": job.threshold,
            "monitors": monitors,
        }
    )


def _is_ours(baseline: Baseline) -> bool:
    constraints = baseline.constraints or baseline.quality_constraints
    return constraints is not None and constraints.suggested


def roles_of(job: Job) -> Roles:
    """Name the columns that `JobRows` gives the outputs and the truth.

    Examples
    --------
    >>> roles_of(Job(Path("in"), Path("out"))).label is None
    True
    """
    if not job.of_labels:
        return NO_ROLES
    if job.inference is None and job.probability is None:
        raise TableError(f"inference_attribute: expected it, or probability_attribute, under {job.analysis}")
    return Roles(
        LABEL,
        PREDICTION if job.inference is not None else None,
        SCORE if job.probability is not None else None,
        probability_threshold=job.threshold,
        numeric=job.problem_type == "Regression",
    )


def _suggest(job: Job) -> Outcome:
    opened = _open(job)
    rows, definition = opened.rows, opened.definition
    baseline = suggest(opened.blocks, model=definition.model, roles=opened.roles, definition=definition).baseline
    if not baseline.n:
        raise TableError(f"{job.source}: expected rows to suggest a baseline from, got none{_why(rows)}")
    documents = {monitor: _labelled(document, opened.label) for monitor, document in baseline.documents.items()}
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


def _why(rows: JobRows) -> str:
    return "".join(f"; {one}" for one in rows.unread.listed[:1])


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
    opened = _open(job, baseline, emulate_deequ=emulate_deequ)
    rows = opened.rows
    period = Period(job.start_ms or 0, job.end_ms or (job.start_ms or 0) + 3_600_000)
    window = window_of_rows(opened.blocks, opened.definition, roles=opened.roles, period=period)
    if not window.rows and rows.unread.count:
        raise TableError(f"{job.source}: expected rows, got none{_why(rows)}")
    reports = evaluate(window, baseline)
    failed = next((report for report in reports if report.status == "Failed"), None)
    if failed is not None:
        raise InfrastructureError(f"{failed.monitor}: {failed.error}")
    said = (replace(report, statistics=_labelled(report.statistics, opened.label)) for report in reports)
    return Judged(window, baseline, tuple(said), rows.unread)


def _labelled(document: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Name the column of the truth in an analysis of bias: events have one name for it, data sets their own."""
    stages = {name: held | {"label": label} for name, held in document.items() if name.endswith("_bias_metrics")}
    return {**document, **stages}


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
    done = status if status == "CompletedWithViolations" else "Completed"
    return Outcome(done, window.rows, found, tuple(files), judged.unread)


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
