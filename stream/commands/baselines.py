# SPDX-License-Identifier: Apache-2.0
"""Suggest a baseline from a table or import one, and publish it under the next free version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from sketches.block import Block
from stream.commands.applying import apply, read_definitions
from stream.commands.tables import Roles, TableError, to_block
from stream.explain.shapley import explain
from stream.kafka.connection import partitions_of
from stream.kafka.publishing import publish
from stream.kafka.recovery import read_log
from stream.kafka.transactions import Outgoing
from stream.settings import Settings
from topics.records import BaselineKey, baseline_key, parse_definitions_key
from topics.subjects import Topics
from windows.baselines import roles as windows_roles
from windows.baselines.baseline import Baseline
from windows.baselines.baseline_files import read_baseline
from windows.baselines.baseline_records import baseline_records
from windows.baselines.kinds import FileKind, sorted_files
from windows.baselines.suggest import Suggestion, suggest
from windows.definition import ModelDefinition
from windows.explained import explained_baseline
from windows.partition.specs import is_explained

_ROWS_A_BLOCK = 65_536
# One partition keeps the order of a baseline's records, whose last says that all are there.
_PARTITION = 0


def suggest_baseline(table: pa.Table, roles: Roles, definition: ModelDefinition) -> Suggestion:
    """Suggest a baseline from rows.

    Parameters
    ----------
    table : pyarrow.Table
        One row an inference; outputs are best those of models that were not fitted to them.
    roles : Roles
        What its columns are; those without a role are features.
    definition : ModelDefinition
        Names the model, its positive class and threshold, and which columns are categorical or hashed.

    Raises
    ------
    TableError, windows.errors.BaselineError
        If a column is not there or not what its role says.
    """
    features = [name for name in roles.features(table) if name not in definition.columns.drop]
    outputs = [name for name in (roles.label, roles.prediction, roles.score) if name is not None]
    names = {name: f"tags.{name}" for name in roles.tags} | _class_scores(table, roles, definition)
    slices = (table.slice(begin, _ROWS_A_BLOCK) for begin in range(0, len(table), _ROWS_A_BLOCK))
    blocks = (_renamed(to_block(rows, [*features, *outputs, *names]), names) for rows in slices)
    if definition.problem_type is None and roles.label is not None:
        definition = definition.model_copy(update={"problem_type": "BinaryClassification"})
    suggestion = suggest(
        blocks,
        model=definition.model,
        version=definition.version,
        roles=windows_roles.Roles(
            roles.label,
            roles.prediction,
            roles.score,
            positive_class=definition.positive_class,
            probability_threshold=definition.probability_threshold,
            numeric=definition.problem_type == "Regression",
            classes=definition.classes if definition.problem_type == "MulticlassClassification" else (),
        ),
        categorical=definition.columns.categorical,
        hashed=definition.columns.hash,
        min_distance=definition.monitors.data_drift.min_distance,
        definition=definition,
    )
    if not is_explained(definition):
        return suggestion
    try:
        return replace(suggestion, baseline=explained_baseline(suggestion.baseline, definition, explain))
    except ValueError as error:
        raise TableError(f"monitors.attribution_drift.computed: {error}") from None


def with_facets(definition: ModelDefinition, facets: list[str]) -> ModelDefinition:
    """Give a definition the facets that a person named, instead of its own.

    Parameters
    ----------
    definition : ModelDefinition
        Left as it is if there are none.
    facets : list of str
        `NAME`, `NAME=VALUE,VALUE` or `NAME>NUMBER`.

    Raises
    ------
    TableError
        If one is none of these forms, or the definition cannot have it.

    Examples
    --------
    >>> definition = with_facets(ModelDefinition(model="m"), ["sex=f,x", "race", "age>40"])
    >>> [(facet.name, facet.values, facet.above) for facet in definition.monitors.bias.facets]
    [('sex', ('f', 'x'), None), ('race', (), None), ('age', (), 40.0)]
    """
    if not facets:
        return definition
    fields = definition.model_dump()
    fields["monitors"]["bias"] |= {"enabled": True, "facets": [_facet(text) for text in facets]}
    try:
        return ModelDefinition.model_validate(fields)
    except ValidationError as error:
        raise TableError(f"--facet: {error.errors()[0]['msg']}") from None


def _facet(text: str) -> dict[str, Any]:
    name, cut, rest = next((text.partition(sign) for sign in "=>" if sign in text), (text, "", ""))
    if not name or (cut and not rest):
        msg = f"--facet: expected NAME, NAME=VALUE,VALUE or NAME>NUMBER, got {text!r}"
        raise TableError(msg)
    if cut == ">":
        return {"name": name, "above": rest}
    return {"name": name, "values": rest.split(",") if rest else []}


def _class_scores(table: pa.Table, roles: Roles, definition: ModelDefinition) -> dict[str, str]:
    """Names of the columns of class scores, by column; they must be those of the declared classes."""
    found = roles.of_classes(table)
    classes = {name.removeprefix("prediction.scores.") for name in found.values()}
    if found and classes != set(definition.classes):
        msg = f"--scores {roles.scores}: expected the classes of the definition, {list(definition.classes)}"
        raise TableError(f"{msg}, got columns of {sorted(classes)}")
    return found


def _renamed(block: Block, names: Mapping[str, str]) -> Block:
    return Block(block.n, {names.get(name, name): column for name, column in block.columns.items()})


def import_baseline(paths: list[Path], out: Path, *, model: str, version: str) -> list[Path]:
    """Copy a managed monitor's files into the folders that a baseline has, one a monitor.

    Parameters
    ----------
    paths : list of Path
        Files and folders of them.
    out : Path
        Folder of the baseline; files of the same monitor in it are replaced.
    model, version : str
        Whose baseline it is.

    Raises
    ------
    windows.errors.BaselineError
        If there is none, there are two of a kind, or one cannot be read: which, and what was expected.
    """
    with TemporaryDirectory() as folder:
        # Nothing is written that could not be published.
        _copy(sorted_files(paths), Path(folder))
        read_baseline(Path(folder), model=model, version=version)
    return _copy(sorted_files(paths), out)


def _copy(found: dict[FileKind, Path], out: Path) -> list[Path]:
    written = []
    for kind, path in found.items():
        target = out / kind.monitor / kind.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        written.append(target)
    return written


def publish_baseline(settings: Settings, baseline: Baseline) -> Baseline:
    """Publish a baseline under the version after the highest published, one record a feature.

    A definition that is there already is applied again if it does not declare all features of the baseline it names.

    Raises
    ------
    InfrastructureError
        If the broker does not take a record.
    """
    topic = Topics(settings.topic_prefix).definitions
    versions = [int(version) for version in _published(settings, topic, baseline) if version.isdecimal()]
    published = replace(baseline, baseline_version=str(max(versions, default=0) + 1))
    name = (published.model, published.version, published.baseline_version)
    records = [
        Outgoing(topic, _PARTITION, baseline_key(*name, part), value) for part, value in baseline_records(published)
    ]
    publish(settings, records)
    known = read_definitions(settings)
    history = known.catalog.history(published.model, published.version)
    if history and known.baseline(history[-1]) is not None:
        apply(settings, history[-1])
    return published


def _published(settings: Settings, topic: str, baseline: Baseline) -> set[str]:
    partitions_of(settings, topic)
    keys = (parse_definitions_key(key) for key in read_log(settings, topic, _PARTITION).records)
    mine = (baseline.model, baseline.version)
    return {key.baseline_version for key in keys if isinstance(key, BaselineKey) and (key.model, key.version) == mine}
