# SPDX-License-Identifier: Apache-2.0
"""What a managed monitor's file is, by what it says: all are called the same, whichever monitor they are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from windows.errors import BaselineError

STATISTICS, CONSTRAINTS, ANALYSIS = "statistics.json", "constraints.json", "analysis.json"
_BIAS = ("pre_training_bias_metrics", "post_training_bias_metrics")


class FileKind(NamedTuple):
    """Which monitor a file is of, and what it is called in that monitor's folder."""

    monitor: str
    file: str


def kind_of(document: Mapping[str, Any]) -> FileKind | None:
    """Tell what a document is, None if it is no part of a baseline.

    Examples
    --------
    >>> kind_of({"version": 0.0, "features": [{"name": "age", "completeness": 1.0}]})
    FileKind(monitor='data_quality', file='constraints.json')
    >>> kind_of({"explanations": {}}).monitor, kind_of({"violations": []})
    ('attribution_drift', None)
    """
    if isinstance(document.get("features"), list):
        return FileKind("data_quality", STATISTICS if "dataset" in document else CONSTRAINTS)
    if any(name in document for name in _BIAS):
        return FileKind("bias", ANALYSIS)
    if "explanations" in document:
        return FileKind("attribution_drift", ANALYSIS)
    if any(name.endswith("_constraints") for name in document):
        return FileKind("model_quality", CONSTRAINTS)
    if any(name.endswith("_metrics") for name in document):
        return FileKind("model_quality", STATISTICS)
    return None


def read_document(path: Path) -> dict[str, Any]:
    """Read a file as a JSON object; raises `BaselineError` naming it."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: expected a JSON object: {error}"
        raise BaselineError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path}: expected a JSON object, got {type(document).__name__}"
        raise BaselineError(msg)
    return document


def folder_of(directory: Path, monitor: str) -> Path:
    """Give the folder of a monitor's files: one of its own, or the directory itself where these are its files.

    A managed monitor's job leaves its files in a folder that tells nothing of the monitor.
    """
    own = directory / monitor
    if own.is_dir():
        return own
    for name in (CONSTRAINTS, ANALYSIS):
        if (directory / name).is_file():
            kind = kind_of(read_document(directory / name))
            return directory if kind is not None and kind.monitor == monitor else own
    return own


def sorted_files(paths: list[Path]) -> dict[FileKind, Path]:
    """Find the files of a baseline among files and folders.

    Parameters
    ----------
    paths : list of Path
        Files, and folders that hold some; whatever else lies there is left alone.

    Raises
    ------
    BaselineError
        If there is none, or two of the same kind: which.
    """
    found: dict[FileKind, Path] = {}
    for path in paths:
        if not path.exists():
            msg = f"{path}: no such file or folder"
            raise BaselineError(msg)
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            kind = kind_of(read_document(file))
            if kind is None:
                continue
            if kind in found:
                msg = f"expected one {kind.file} of {kind.monitor}, got {found[kind]} and {file}"
                raise BaselineError(msg)
            found[kind] = file
    if not found:
        msg = f"{', '.join(map(str, paths))}: expected {CONSTRAINTS}, {STATISTICS} or {ANALYSIS}, found none"
        raise BaselineError(msg)
    return found
