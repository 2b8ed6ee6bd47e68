# SPDX-License-Identifier: Apache-2.0
"""What a processing job is asked for: the environment variables of a managed monitor's container, formats 1.11."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from stream.errors import SettingsError
from stream.imports.selectors import Selector

Analysis = Literal["DATA_QUALITY", "MODEL_QUALITY", "MODEL_BIAS"]
ANALYSES = ("DATA_QUALITY", "MODEL_QUALITY", "MODEL_BIAS")
Kind = Literal["capture", "csv", "json", "parquet"]
CATEGORICAL_METHODS = ("LInfinity", "ChiSquared")
PROBLEMS = ("BinaryClassification", "MulticlassClassification", "Regression")
_KINDS: dict[str, Kind] = {"sagemakercapturejson": "capture", "csv": "csv", "json": "json", "parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Format:
    """How the rows of a job are written.

    Parameters
    ----------
    kind : str
        capture (requests as captured, or merged), csv, json or parquet.
    header : bool
        Of CSV.
    sides : tuple of str
        Of captured requests, those that are looked at.
    """

    kind: Kind = "csv"
    header: bool = True
    sides: tuple[str, ...] = ("endpointInput", "endpointOutput")


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Parameters
    ----------
    source, output : Path
        Folder or file of the rows, and folder of the results.
    dataset_format : Format
        How the rows are written.
    analysis : str
        DATA_QUALITY, MODEL_QUALITY or MODEL_BIAS.
    problem_type : str, optional
        Of model quality.
    config : Path, optional
        The `analysis_config.json` of bias.
    constraints, statistics : Path, optional
        Of the baseline; without constraints the job makes one.
    start_ms, end_ms : int, optional
        Captured requests outside `[start_ms, end_ms)` are left out.
    inference, probability, ground_truth : Selector, optional
        Attributes of model quality and bias.
    threshold : float
        A probability above it is the positive class.
    preprocessor, postprocessor : Path, optional
        Scripts with `preprocess_handler` and `postprocess_handler`.
    metrics : bool
        Whether to write metrics.
    endpoint, schedule : str
        Whose job it is.
    categorical_method : str, optional
        LInfinity or ChiSquared: how categories are compared, in place of what the constraints say.
    """

    source: Path
    output: Path
    dataset_format: Format = Format()
    analysis: Analysis = "DATA_QUALITY"
    problem_type: str | None = None
    constraints: Path | None = None
    statistics: Path | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    inference: Selector | None = None
    probability: Selector | None = None
    ground_truth: Selector | None = None
    threshold: float = 0.5
    preprocessor: Path | None = None
    postprocessor: Path | None = None
    metrics: bool = False
    endpoint: str = "model"
    schedule: str = ""
    config: Path | None = None
    categorical_method: str | None = None

    @property
    def of_labels(self) -> bool:
        """Whether it looks at predictions and labels."""
        return self.analysis != "DATA_QUALITY"


def job_of(environment: Mapping[str, str]) -> Job:
    """Read a job from the environment of its container.

    Raises
    ------
    SettingsError
        Naming the variable, what was expected and what came.

    Examples
    --------
    >>> job = job_of({"dataset_source": "/in", "output_path": "/out", "dataset_format": '{"csv": {"header": false}}'})
    >>> job.dataset_format.kind, job.dataset_format.header, job.analysis, job.constraints
    ('csv', False, 'DATA_QUALITY', None)
    """
    given = {name.lower(): value.strip() for name, value in environment.items() if value.strip()}
    problem = given.get("problem_type")
    usual = "MODEL_BIAS" if "analysis_config" in given else "DATA_QUALITY" if problem is None else "MODEL_QUALITY"
    analysis = given.get("analysis_type", usual).upper()
    if analysis not in ANALYSES:
        raise _wrong("analysis_type", f"one of {', '.join(ANALYSES)}", analysis)
    if analysis == "MODEL_QUALITY" and problem not in PROBLEMS:
        raise _wrong("problem_type", f"one of {', '.join(PROBLEMS)}", problem)
    return Job(
        _path(given, "dataset_source", required=True),
        _path(given, "output_path", required=True),
        _format(given.get("dataset_format")),
        analysis,  # type: ignore[arg-type]  # one of them
        problem,
        _path(given, "baseline_constraints"),
        _path(given, "baseline_statistics"),
        _time_ms(given, "start_time"),
        _time_ms(given, "end_time"),
        _selector(given, "inference_attribute"),
        _selector(given, "probability_attribute"),
        _selector(given, "ground_truth_attribute"),
        _share(given, "probability_threshold_attribute"),
        _path(given, "record_preprocessor_script"),
        _path(given, "post_analytics_processor_script"),
        given.get("publish_cloudwatch_metrics", "Disabled").lower() == "enabled",
        given.get("sagemaker_endpoint_name", "model"),
        given.get("sagemaker_monitoring_schedule_name", ""),
        _path(given, "analysis_config", required=analysis == "MODEL_BIAS"),
        _one_of(given, "categorical_drift_method", CATEGORICAL_METHODS),
    )


def _wrong(name: str, expected: str, received: object) -> SettingsError:
    return SettingsError(f"{name}: expected {expected}, got {received!r}")


def _one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    if name in given and given[name] not in allowed:
        raise _wrong(name, f"one of {', '.join(allowed)}", given[name])
    return given.get(name)


def _path(given: Mapping[str, str], name: str, *, required: bool = False) -> Any:
    if name not in given:
        if required:
            raise _wrong(name, "a path", None)
        return None
    return Path(given[name])


def _format(text: str | None) -> Format:
    """Read `dataset_format`: an object of one key, or that key alone."""
    if text is None:
        return Format()
    try:
        read = json.loads(text) if text.startswith("{") else {text: {}}
        ((name, options),) = read.items()
        kind, options = _KINDS[name.lower()], dict(options or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _wrong("dataset_format", 'an object such as {"csv": {"header": true}}', text) from None
    sides = options.get("captureIndexNames") or Format().sides
    return Format(kind, str(options.get("header", True)).lower() == "true", tuple(map(str, sides)))


def _time_ms(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    try:
        # The documented samples have spaces in their times.
        time = datetime.fromisoformat(given[name].replace(" ", ""))
    except ValueError:
        raise _wrong(name, "a time such as 2019-12-01T16:20:00Z", given[name]) from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000)


def _selector(given: Mapping[str, str], name: str) -> Selector | None:
    try:
        return Selector.parse(given[name]) if name in given else None
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _share(given: Mapping[str, str], name: str) -> float:
    try:
        share = float(given.get(name, "0.5"))
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise _wrong(name, "a number from 0 to 1", given[name])
    return share
