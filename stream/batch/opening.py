# SPDX-License-Identifier: Apache-2.0
"""A job ready to be read: rows, roles of their columns, and the definition of what is watched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sketches.block import Block
from stream.batch.job import Job
from stream.batch.rows import LABEL, PREDICTION, SCORE, JobRows
from stream.commands.tables import TableError
from stream.hooks.record_handler import PREPROCESS, RecordHandler, load_script
from stream.imports.selectors import Selector
from windows.baselines.analysis_config import is_continuous, read_analysis_config
from windows.baselines.baseline import Baseline
from windows.baselines.kinds import read_document
from windows.baselines.roles import NO_ROLES, Roles
from windows.definition import ModelDefinition


@dataclass(frozen=True, slots=True)
class Opened:
    """A job ready to be read: its rows, what is watched of them, and the name that the data set has for the truth."""

    rows: JobRows
    blocks: Iterator[Block]
    definition: ModelDefinition
    roles: Roles
    label: str = LABEL


def open_job(job: Job, baseline: Baseline | None = None, *, emulate_deequ: bool = False) -> Opened:
    """Open a job.

    Parameters
    ----------
    job : Job
        What is asked for.
    baseline : Baseline, optional
        What its rows are held against: names columns that come by position.
    emulate_deequ : bool
        Whether literal distances are those of Deequ up to 2.0.21.

    Raises
    ------
    StreamError, windows.errors.BaselineError
        If a script, the rows or the configuration of bias are not what they should be.
    """
    handler = None if job.preprocessor is None else RecordHandler(load_script(job.preprocessor, PREPROCESS))
    if handler is not None and job.dataset_format.kind != "capture":
        raise TableError("record_preprocessor_script: expected dataset_format sagemakerCaptureJson beside it")
    rows = JobRows(job, handler)
    if baseline is not None and baseline.constraints is not None:
        rows.columns, rows.texts = tuple(baseline.constraints.features), baseline.constraints.texts
    definition = definition_of(job, baseline, emulate_deequ=emulate_deequ)
    if job.config is None:
        return Opened(rows, rows.blocks(), definition, roles_of(job))
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
    return Opened(rows, chain((first,) if first.n else (), blocks), definition, roles_of(job), label)


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
    >>> from pathlib import Path
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
