# SPDX-License-Identifier: Apache-2.0
"""The specs of a window's states, as its definition asks for them.

A window is a set of *parts*, each a mergeable state that is saved, published and merged under its own key: the features
of its profile, other states of its events, and signed states of its labelled rows. A baseline holds the same parts,
made of a data set's rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sketches.attributions import AttributionsSpec
from sketches.binary import BinaryQualitySpec
from sketches.contingency import ContingencySpec
from sketches.embeddings import EmbeddingSpec, baseline_probes
from sketches.multiclass import MulticlassQualitySpec
from sketches.profile import ProfileSpec
from sketches.recent import RecentSpec
from sketches.regression import RegressionQualitySpec
from sketches.sample import SampleSpec
from sketches.segmented import SegmentedSpec
from sketches.sliced import SlicedSpec
from sketches.state import Spec
from windows.definition import ModelDefinition
from windows.extensions import load
from windows.grid import Grid
from windows.join.carried import layout_of
from windows.outputs import OUTPUTS, SCORES

WINDOW_K = 512
ROWS = "rows"
FEATURE = "feature/"
QUALITY = "quality"
ATTRIBUTIONS = "attributions"
EMBEDDING = "embedding/"
RECENT = "recent"
CUSTOM = "custom/"
BIAS = "bias"
EARLY = "early"
SAMPLE = "sample"
SEGMENTS = "segments/"
SEGMENT_QUALITY = "segment-quality/"
SEGMENT_BIAS = "segment-bias/"
SEGMENT_EMBEDDING = "segment-embedding/"
SEGMENT_CUSTOM = "segment-custom/"
SEGMENT = "segment."
OF_USERS = (CUSTOM, SEGMENT_CUSTOM)
BY_SEGMENT = (SEGMENTS, SEGMENT_QUALITY, SEGMENT_BIAS, SEGMENT_EMBEDDING, SEGMENT_CUSTOM)
GRID = "grid"
CLOSED = "closed"

_SEGMENTED_BYTES = 4 << 20
_SEGMENT_PROBES = 64


def profile_spec(definition: ModelDefinition, k: int = WINDOW_K) -> ProfileSpec:
    """Spec of the profile of a window's features and outputs, which always have room."""
    columns = definition.columns
    return ProfileSpec(
        declared=_declared(definition),
        categorical=columns.categorical,
        hashed=columns.hash,
        dropped=columns.drop,
        hash_key=definition.model,
        k=k,
        max_features=columns.max_features,
        max_categories=columns.max_categories,
    )


def _declared(definition: ModelDefinition) -> tuple[str, ...]:
    declared = definition.columns.declared
    outputs = OUTPUTS.union(SCORES + name for name in definition.classes)
    return (*declared, *sorted(outputs - set(declared)))


def event_specs(definition: ModelDefinition, k: int = WINDOW_K, *, grid: Grid | None = None) -> dict[str, Spec]:
    """Specs of the parts that see every event, beside the profile.

    Parameters
    ----------
    definition : ModelDefinition
        What is watched.
    k : int
        Level size of quantile sketches; more than a window's for a baseline.
    grid : Grid, optional
        Cells of a baseline; without them nothing is counted by cells.

    Examples
    --------
    >>> monitors = {"attribution_drift": {"enabled": True}, "embedding_drift": {"embeddings": {"text": 384}}}
    >>> list(event_specs(ModelDefinition(model="churn", monitors=monitors)))
    ['attributions', 'embedding/text']
    """
    specs = _custom_specs(definition, of_labels=False)
    if definition.monitors.attribution_drift.enabled and not is_explained(definition):
        specs[ATTRIBUTIONS] = attributions_spec(definition)
    for name, dimension in sorted(definition.monitors.embedding_drift.embeddings.items()):
        probes = baseline_probes(dimension) if k > WINDOW_K else 0
        specs[EMBEDDING + name] = EmbeddingSpec(name, dimension, probes=probes)
    if definition.segments:
        specs |= _segments_of_events(definition, k)
    if definition.sample.enabled or is_explained(definition):
        specs[SAMPLE] = _sample_spec(definition)
    return specs if grid is None else specs | _grid_specs(definition, grid)


def attributions_spec(definition: ModelDefinition) -> AttributionsSpec:
    """Spec of attributions; all are one record, so the sketches of a baseline are no larger than those of a window."""
    groups = definition.monitors.attribution_drift.groups
    return AttributionsSpec(tuple(sorted(groups.items())), definition.classes)


def is_explained(definition: ModelDefinition) -> bool:
    """Whether attributions are computed from samples, rather than taken from events."""
    options = definition.monitors.attribution_drift
    return options.enabled and options.computed.use is not None


def _sample_spec(definition: ModelDefinition) -> SampleSpec:
    columns = definition.columns
    declared = _declared(definition)
    return SampleSpec(
        definition.sample.rows,
        declared,
        columns.hash,
        columns.drop,
        hash_key=definition.model,
        max_columns=columns.max_features,
    )


def _grid_specs(definition: ModelDefinition, grid: Grid) -> dict[str, Spec]:
    drift = definition.monitors.data_drift
    specs: dict[str, Spec] = {}
    if drift.enabled and drift.early_warning.enabled and grid.deciles.features:
        specs[EARLY] = SlicedSpec(grid.deciles, definition.window.size)
    if grid.cells.features:
        specs |= {
            SEGMENTS + column: _segmented(definition, column, SEGMENT + column, grid.cells)
            for column in definition.segments
        }
    return specs


def _segmented(definition: ModelDefinition, column: str, read_from: str, inner: Spec) -> SegmentedSpec:
    hashed = column in definition.columns.hash
    return SegmentedSpec(read_from, inner, hashed=hashed, hash_key=definition.model if hashed else "")


def segment_part(part: str, column: str) -> str:
    """Name the part that holds the states of another one by the values of a column.

    Examples
    --------
    >>> segment_part("embedding/text", "region")
    'segment-embedding/text/region'
    """
    return f"segment-{part}/{column}"


def _parted(
    definition: ModelDefinition, inner: Mapping[str, Spec], read_from: str = "", widest: Spec | None = None
) -> dict[str, Spec]:
    """Specs of these parts by the values of every column, of as many segments as keep the widest part small."""
    specs: dict[str, Spec] = {}
    for column in definition.segments if inner else ():
        largest = max(inner.values(), key=lambda spec: spec.max_bytes) if widest is None else widest
        one = _segmented(definition, column, read_from + column, largest)
        counts = range(one.max_segments, 1, -1)
        most = next((n for n in counts if replace(one, max_segments=n).max_bytes <= _SEGMENTED_BYTES), 1)
        for part, spec in inner.items():
            specs[segment_part(part, column)] = replace(one, inner=spec, max_segments=most)
    return specs


def _segments_of_events(definition: ModelDefinition, k: int) -> dict[str, Spec]:
    """Specs by segment; a window has room for as many segments as a baseline, whose embeddings take more."""
    embeddings = sorted(definition.monitors.embedding_drift.embeddings.items())
    probes = {name: min(_SEGMENT_PROBES, baseline_probes(dimension)) for name, dimension in embeddings}
    of_baseline = {EMBEDDING + name: EmbeddingSpec(name, size, probes=probes[name]) for name, size in embeddings}
    widest = max(of_baseline.values(), key=lambda spec: spec.max_bytes, default=None)
    kept = of_baseline if k > WINDOW_K else {part: replace(spec, probes=0) for part, spec in of_baseline.items()}
    own = _custom_specs(definition, of_labels=False)
    return _parted(definition, kept, SEGMENT, widest) | _parted(definition, own, SEGMENT)


def label_specs(definition: ModelDefinition) -> dict[str, Spec]:
    """Specs of the parts that see joined rows, and take them away again when a label is corrected.

    Examples
    --------
    >>> list(label_specs(ModelDefinition(model="churn"))), list(label_specs(
    ...     ModelDefinition(model="churn", problem_type="BinaryClassification")))
    ([], ['quality'])
    """
    specs: dict[str, Spec] = {}
    if definition.problem_type == "BinaryClassification":
        specs[QUALITY] = BinaryQualitySpec(positive=definition.positive_class)
    if definition.problem_type == "MulticlassClassification":
        specs[QUALITY] = MulticlassQualitySpec(definition.classes)
    if definition.problem_type == "Regression":
        specs[QUALITY] = RegressionQualitySpec(definition.monitors.model_quality.label_center)
    quality = definition.monitors.model_quality
    if QUALITY in specs and quality.enabled and quality.last_rows is not None:
        layout = layout_of(definition)
        outputs = {*(carried.name for carried in layout.codes), *layout.numbers}
        kept = tuple(sorted(name for name in outputs if name.startswith("prediction.")))
        specs[RECENT] = RecentSpec(quality.last_rows, ("label", *kept))
    if definition.monitors.bias.enabled and definition.monitors.bias.facets:
        specs[BIAS] = _bias_spec(definition)
    if QUALITY in specs:
        for column in definition.segments:
            specs[SEGMENT_QUALITY + column] = _segmented(definition, column, column, specs[QUALITY])
    own = _custom_specs(definition, of_labels=True)
    counted = {BIAS: specs[BIAS]} if BIAS in specs else {}
    return specs | own | _parted(definition, counted) | _parted(definition, own)


def _custom_specs(definition: ModelDefinition, *, of_labels: bool) -> dict[str, Spec]:
    used = ((name, load(custom.use), custom.options) for name, custom in definition.monitors.custom.items())
    return {CUSTOM + name: monitor.spec(options) for name, monitor, options in used if monitor.of_labels == of_labels}


def _bias_spec(definition: ModelDefinition) -> ContingencySpec:
    bias = definition.monitors.bias
    return ContingencySpec(
        tuple(facet.name for facet in bias.facets),
        bias.group,
        bias.positive_labels or (definition.positive_class,),
        bias.label_above,
        declared=tuple(sorted({value for facet in bias.facets for value in facet.values})),
    )
