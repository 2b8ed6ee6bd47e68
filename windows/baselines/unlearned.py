# SPDX-License-Identifier: Apache-2.0
"""Monitors of a definition that a data set gives no baseline, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from windows.definition import ModelDefinition
from windows.outputs import LABEL, SCORES
from windows.partition.specs import ATTRIBUTIONS, BIAS, CUSTOM, EMBEDDING, is_explained, label_specs


def unlearned(definition: ModelDefinition, seen: Collection[str], learned: Collection[str]) -> Iterator[str]:
    """Name each monitor that windows will have nothing to compare with.

    Parameters
    ----------
    definition : ModelDefinition
        What is watched.
    seen : collection of str
        Columns with a value, under the names of events; `prediction.label` where predictions are known or derived.
    learned : collection of str
        Parts of the baseline.

    Examples
    --------
    >>> definition = ModelDefinition(model="m", segments=("region",))
    >>> list(unlearned(definition, {"age"}, set()))
    ["segments: no column or tag 'region' in the data, so its segments have no baseline"]
    """
    yield from _attributions(definition, seen, learned)
    for name, dimension in sorted(definition.monitors.embedding_drift.embeddings.items()):
        if EMBEDDING + name not in learned:
            column = f"embeddings.{name}"
            found = f"no list of {dimension} numbers in column {column}" if column in seen else f"no column {column}"
            yield f"monitors.embedding_drift: {found}, so it has no baseline"
    yield from _columns(definition, seen)
    if BIAS in label_specs(definition) and BIAS not in learned:
        yield "monitors.bias: no rows with a label, so it has no baseline"
    yield from _scores(definition, seen)
    for name in definition.monitors.custom:
        if CUSTOM + name not in learned:
            yield f"monitors.custom.{name}: it counted no rows of the data, so it has no baseline"


def _attributions(definition: ModelDefinition, seen: Collection[str], learned: Collection[str]) -> Iterator[str]:
    wanted = definition.monitors.attribution_drift.enabled and not is_explained(definition)
    if wanted and (ATTRIBUTIONS not in learned or not any(name.startswith("attributions.") for name in seen)):
        form = "attributions.<class>.<feature>" if definition.classes else "attributions.<feature>"
        yield f"monitors.attribution_drift: no columns {form} with numbers in the data, so it has no baseline"


def _columns(definition: ModelDefinition, seen: Collection[str]) -> Iterator[str]:
    """Columns that part the rows: a feature of that name, or else a tag."""
    bias = definition.monitors.bias
    parting = [("segments", name, "its segments have") for name in definition.segments]
    if bias.enabled and bias.facets:
        parting += [
            ("monitors.bias.facets", name, "its bias has") for name in dict.fromkeys(f.name for f in bias.facets)
        ]
        if bias.group is not None:
            parting.append(("monitors.bias.group", bias.group, "CDDL has"))
    for option, name, lacking in parting:
        if name not in seen and f"tags.{name}" not in seen:
            yield f"{option}: no column or tag {name!r} in the data, so {lacking} no baseline"


def _scores(definition: ModelDefinition, seen: Collection[str]) -> Iterator[str]:
    if definition.problem_type != "MulticlassClassification":
        return
    scores = [SCORES + name for name in definition.classes]
    missing = [name for name in scores if name not in seen]
    if not missing or (len(missing) == len(scores) and LABEL in seen):
        return
    less = "metrics of scores have" if LABEL in seen else "model quality has"
    yield f"classes: no column {', '.join(missing)}, so scores of classes are not read and {less} no baseline"
