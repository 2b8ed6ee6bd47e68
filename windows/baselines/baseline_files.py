# SPDX-License-Identifier: Apache-2.0
"""A baseline as files: `DIR/data_quality` and `DIR/model_quality`, ours or a managed monitor's."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from sketches.specs import spec_fields
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_records import (
    feature_fields,
    open_feature,
    open_state,
    seal_feature,
    seal_state,
    to_json,
)
from windows.baselines.constraints import read_constraints
from windows.baselines.documents import FOLDERS, Folder
from windows.baselines.imported import imported_features, imported_quality
from windows.baselines.kinds import ANALYSIS, folder_of, kind_of, read_document
from windows.baselines.kinds import CONSTRAINTS as _CONSTRAINTS
from windows.baselines.kinds import STATISTICS as _STATISTICS
from windows.baselines.quality_constraints import read_quality_constraints
from windows.errors import BaselineError
from windows.partition.specs import CUSTOM, OF_USERS, QUALITY, SEGMENT_CUSTOM
from windows.quality.problems import problem_of
from windows.statistics.feature_statistics import feature_statistics

Document = dict[str, Any]
_DATA, _MODEL = "data_quality", "model_quality"
_QUALITY = "quality.skw"


def write_baseline(baseline: Baseline, directory: Path) -> list[Path]:
    """Write a baseline's statistics, constraints and sketches.

    Parameters
    ----------
    baseline : Baseline
        What `suggest` made.
    directory : Path
        Made if need be; files of an earlier baseline in it are replaced.

    Returns
    -------
    list of Path
        The files written. `statistics.json` and `constraints.json` have the managed monitors' form, with a
        `sketchwatch` object beside it; sketches lie in `data_quality/sketches` and `model_quality`.
    """
    files: dict[Path, bytes] = {}
    if baseline.constraints is not None:
        files |= _data_quality(baseline, directory / _DATA)
    if baseline.quality is not None and baseline.quality_constraints is not None:
        files |= _model_quality(baseline, directory / _MODEL)
    for folder in FOLDERS:
        if folder.monitor in baseline.documents:
            files |= _document(baseline, folder, directory / folder.monitor)
    for part, state in baseline.states.items():
        if part.startswith(OF_USERS):
            name = quote(part.removeprefix(CUSTOM), safe="")
            files[directory / CUSTOM / f"{name}.skw"] = seal_state(state)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return list(files)


def _data_quality(baseline: Baseline, directory: Path) -> dict[Path, bytes]:
    assert baseline.constraints is not None
    files: dict[Path, bytes] = {}
    described, kept = [], {}
    for i, (name, feature) in enumerate(sorted(baseline.features.items())):
        known = baseline.constraints.features.get(name)
        inferred = known.inferred_type if known is not None else "Unknown"
        described.append(feature_statistics(name, feature, baseline.n, inferred, sketch=True))
        path = f"sketches/{i:04d}.skw"
        kept[name] = {"file": path, **feature_fields(feature.spec)}
        files[directory / path] = seal_feature(feature)
    ours = {"model": baseline.model, "version": baseline.version, "imported": baseline.imported, "features": kept}
    dataset = {"item_count": baseline.n}
    statistics = {"version": 0.0, "dataset": dataset, "features": described, "sketchwatch": ours}
    files[directory / _STATISTICS] = to_json(statistics, 1)
    files[directory / _CONSTRAINTS] = to_json(baseline.constraints.document, 1)
    return files


def _model_quality(baseline: Baseline, directory: Path) -> dict[Path, bytes]:
    assert baseline.quality is not None
    assert baseline.quality_constraints is not None
    quality = baseline.quality
    problem = problem_of(quality)
    statistics = {
        "version": 0.0,
        "dataset": {"item_count": problem.count(quality)},
        f"{problem.name}_metrics": problem.measure(quality, "closed", np.random.default_rng(0)).described,
        "sketchwatch": {
            "model": baseline.model,
            "version": baseline.version,
            "states": {QUALITY: {"file": _QUALITY, **spec_fields(quality.spec)}},
        },
    }
    return {
        directory / _STATISTICS: to_json(statistics, 1),
        directory / _CONSTRAINTS: to_json(baseline.quality_constraints.document, 1),
        directory / _QUALITY: seal_state(quality),
    }


def _document(baseline: Baseline, folder: Folder, directory: Path) -> dict[Path, bytes]:
    held = {part: state for part, state in sorted(baseline.states.items()) if folder.holds(part)}
    named = {part: {"file": f"{i:04d}.skw", **spec_fields(state.spec)} for i, (part, state) in enumerate(held.items())}
    ours = {"model": baseline.model, "version": baseline.version, "states": named}
    files = {directory / named[part]["file"]: seal_state(state) for part, state in held.items()}
    return files | {directory / folder.file: to_json({**baseline.documents[folder.monitor], "sketchwatch": ours}, 1)}


def read_baseline(directory: Path, *, model: str | None = None, version: str | None = None) -> Baseline:
    """Read a baseline, with what a person edited in it.

    Parameters
    ----------
    directory : Path
        Holds `data_quality`, `model_quality` or another monitor's folder, or several; or itself the files of one.
    model, version : str, optional
        Whose baseline it is, for files that do not say; otherwise they must agree.

    Raises
    ------
    BaselineError
        If there is no baseline, a file is missing or not what it should be: which file, and what was expected.
    """
    data, quality = (_pair(folder_of(directory, monitor)) for monitor in (_DATA, _MODEL))
    paths = {folder: folder_of(directory, folder.monitor) / folder.file for folder in FOLDERS}
    documents = {folder: read_document(path) for folder, path in paths.items() if path.is_file()}
    if data is None and quality is None and not documents:
        others = "".join(f", {folder.monitor}/{folder.file}" for folder in FOLDERS)
        msg = f"{directory}: expected one of {_DATA}/{_CONSTRAINTS}, {_MODEL}/{_CONSTRAINTS}{others}; found none"
        raise BaselineError(msg)
    said = [*(pair[0] for pair in (data, quality) if pair is not None), *documents.values()]
    owners = [document.get("sketchwatch", {}) for document in said]
    model = _owner(directory, "model", model, owners)
    version = _owner(directory, "version", version or ("1" if not any(owners) else None), owners)
    baseline: dict[str, Any] = {}
    states: dict[str, Any] = {}
    if data is not None:
        baseline |= _read_data_quality(folder_of(directory, _DATA), model, *data)
    if quality is not None:
        constraints, counted = _read_model_quality(folder_of(directory, _MODEL), *quality)
        baseline["quality_constraints"] = constraints
        states |= counted
    for folder, document in documents.items():
        states |= _states(paths[folder].parent, folder.file, document.pop("sketchwatch", {}))
    for path in (directory / CUSTOM).glob("*.skw"):
        # Only the user's own code can read it, and a file must not say which.
        name = unquote(path.stem)
        states[name if name.startswith(SEGMENT_CUSTOM) else CUSTOM + name] = path.read_bytes()
    kept = {folder.monitor: document for folder, document in documents.items()}
    return Baseline(model, version, **baseline, states=states, documents=kept)


def baseline_of_files(constraints: Path, statistics: Path | None, *, model: str) -> Baseline:
    """Read one monitor's baseline from files wherever they lie.

    Parameters
    ----------
    constraints : Path
        A `constraints.json` of data quality or model quality, or the `analysis.json` of another monitor; or a folder
        that holds one of them.
    statistics : Path, optional
        A `statistics.json`, or a folder that holds it. States of ours are read if they lie beside.
    model : str
        Whose baseline it is, for files that do not say.

    Raises
    ------
    BaselineError
        If a file is missing or not what it should be.
    """
    if constraints.is_dir():
        usual = (constraints / name for name in (_CONSTRAINTS, ANALYSIS))
        constraints = next((file for file in usual if file.is_file()), constraints / _CONSTRAINTS)
    document, described = read_document(constraints), Document()
    if statistics is not None:
        statistics = statistics / _STATISTICS if statistics.is_dir() else statistics
        described = read_document(statistics)
    folder, kind = (statistics or constraints).parent, kind_of(document)
    monitor = "" if kind is None else kind.monitor
    if monitor in {_DATA, _MODEL}:
        ours = _with_files(folder, described)
        if monitor == _DATA:
            model = ours.get("model", model)
            return Baseline(model, **_read_data_quality(folder, model, described, document))
        limits, states = _read_model_quality(folder, described, document)
        return Baseline(model, states=states, quality_constraints=limits)
    if monitor in {one.monitor for one in FOLDERS}:
        ours = _with_files(constraints.parent, document)
        states = _states(constraints.parent, constraints.name, ours)
        kept = {name: value for name, value in document.items() if name != "sketchwatch"}
        return Baseline(model, states=states, documents={monitor: kept})
    msg = f"{constraints}: expected constraints of data quality or model quality, or an analysis"
    raise BaselineError(msg)


def _with_files(folder: Path, document: Document) -> Document:
    """Our object of a document, taken out of it if what it names does not lie there: the file travelled alone."""
    ours: Document = document.get("sketchwatch", {})
    named = [fields["file"] for part in ("features", "states") for fields in ours.get(part, {}).values()]
    if all((folder / file).is_file() for file in named):
        return ours
    document.pop("sketchwatch")
    return {}


def _pair(directory: Path) -> tuple[Document, Document] | None:
    """Statistics and constraints of one monitor; statistics are optional, as a person may write constraints alone."""
    if not (directory / _CONSTRAINTS).is_file():
        return None
    statistics = directory / _STATISTICS
    return (read_document(statistics) if statistics.is_file() else {}, read_document(directory / _CONSTRAINTS))


def _owner(directory: Path, key: str, given: str | None, owners: list[Document]) -> str:
    said = {owner[key] for owner in owners if key in owner} | ({given} if given is not None else set())
    if len(said) != 1:
        expected = "one" if said else "a"
        msg = f"{directory}: expected {expected} {key} of the baseline, got {sorted(said) or 'none: name it'}"
        raise BaselineError(msg)
    return str(said.pop())


def _read_data_quality(directory: Path, model: str, statistics: Document, document: Document) -> dict[str, Any]:
    constraints = _named(directory, read_constraints, document)
    n = int(statistics.get("dataset", {}).get("item_count", 0))
    ours = statistics.get("sketchwatch")
    if ours is None:
        return {
            "n": n,
            "features": imported_features(statistics.get("features", [])),
            "constraints": constraints,
            "imported": True,
        }
    try:
        features = {
            name: open_feature(name, fields, model, (directory / fields["file"]).read_bytes())
            for name, fields in ours["features"].items()
        }
    except (OSError, KeyError, BaselineError) as error:
        msg = f"{directory}: expected the sketches that {_STATISTICS} names: {error}"
        raise BaselineError(msg) from error
    return {"n": n, "features": features, "constraints": constraints, "imported": bool(ours.get("imported", False))}


def _read_model_quality(directory: Path, statistics: Document, document: Document) -> tuple[Any, dict[str, Any]]:
    constraints = _named(directory, read_quality_constraints, document)
    ours = statistics.get("sketchwatch")
    if ours is not None:
        return constraints, _states(directory, _STATISTICS, ours)
    quality = imported_quality(statistics)
    return constraints, {} if quality is None else {QUALITY: quality}


def _states(directory: Path, file: str, ours: Document) -> dict[str, Any]:
    """The states that our files lie beside."""
    try:
        return {
            part: open_state(part, {name: value for name, value in fields.items() if name != "file"}, data)
            for part, fields in ours.get("states", {}).items()
            for data in ((directory / fields["file"]).read_bytes(),)
        }
    except (OSError, KeyError, BaselineError) as error:
        msg = f"{directory}: expected the states that {file} names: {error}"
        raise BaselineError(msg) from error


def _named(directory: Path, read: Any, document: Document) -> Any:
    try:
        return read(document)
    except BaselineError as error:
        msg = f"{directory / _CONSTRAINTS}: {error}"
        raise BaselineError(msg) from error
