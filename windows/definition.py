# SPDX-License-Identifier: Apache-2.0
"""Definitions: what a user says of a model in `monitor.toml`, and what travels over the `definitions` topic."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from windows.grid import Grid
from windows.options import ClassName, ClassNames, DurationMs, Monitors, Part


def negative_class(positive_class: str) -> str:
    """Name the class that is derived where a score does not reach the positive one.

    Examples
    --------
    >>> negative_class("1"), negative_class("0")
    ('0', '1')
    """
    return "1" if positive_class == "0" else "0"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]


class Columns(Part):
    """What to do with features by name: always keep room, count integers as categories, hash values, or drop."""

    declared: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    max_features: int = Field(default=200, ge=1, description="features without a baseline that are profiled")
    max_categories: int = Field(default=1_000, ge=16, description="values counted exactly in one feature")


class Window(Part):
    """Sizes in event time: a window is `[start, end)`, aligned to the epoch."""

    size: DurationMs = 3_600_000
    grace: DurationMs = 300_000
    label_horizon: DurationMs = 7 * 86_400_000
    retention: DurationMs | None = None
    idle_timeout: DurationMs = 600_000

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.size < 1_000:
            msg = f"expected window.size of at least 1s, got {self.size}ms"
            raise ValueError(msg)
        if self.retention is not None and self.retention < max(self.grace, self.label_horizon):
            msg = f"expected window.retention of at least the label horizon and grace, got {self.retention}ms"
            raise ValueError(msg)
        return self

    @property
    def retention_ms(self) -> int:
        """How long after its end a window's state is kept."""
        return self.label_horizon + 86_400_000 if self.retention is None else self.retention


class Sample(Part):
    """Rows kept of each window: those whose ids have the smallest hashes."""

    enabled: bool = False
    rows: int = Field(default=1_000, ge=1, le=10_000)


class Limits(Part):
    """Bounds on what one partition keeps for one model."""

    pending_rows: int = Field(default=5_000_000, ge=1)
    early_labels: int = Field(default=1_000_000, ge=1)
    open_windows: int = Field(default=10_000, ge=2)


class ModelDefinition(Part):
    """One model version: its problem, windows and monitors.

    Raises
    ------
    pydantic.ValidationError
        With the key, the expected form and the value received.

    Examples
    --------
    >>> definition = ModelDefinition(model="adult", window={"size": "1h"})
    >>> definition.window.size, definition.version
    (3600000, '1')
    """

    model: Name
    version: Name = "1"
    problem_type: Literal["BinaryClassification", "MulticlassClassification", "Regression"] | None = None
    positive_class: ClassName = "1"
    classes: ClassNames = Field(default=(), description="of a multiclass model that sends scores")
    probability_threshold: float = Field(default=0.5, ge=0, le=1)
    false_alarm_every: int = Field(default=50, ge=2, description="windows of the whole model to one false alarm")
    columns: Columns = Columns()
    window: Window = Window()
    monitors: Monitors = Monitors()
    segments: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=10, description="columns whose values are judged apart, too"
    )
    sample: Sample = Sample()
    limits: Limits = Limits()
    baseline: str = Field(default="latest", description="version of the published baseline")
    effective_from_ms: int = Field(default=0, ge=0, description="event time from which this definition holds")

    @model_validator(mode="after")
    def _columns_once(self) -> Self:
        """Refuse a facet, group variable or segment that a joined row could not carry under its name."""
        bias = self.monitors.bias
        counted = [*([bias.group] if bias.group is not None else []), *(facet.name for facet in bias.facets)]
        if hashed := set(counted) & set(self.columns.hash):
            msg = f"expected facets and a group whose values may be kept, got hashed columns {sorted(hashed)}"
            raise ValueError(msg)
        if dropped := {*self.segments, *counted} & set(self.columns.drop):
            msg = f"expected segments, facets and a group of columns that are not dropped, got {sorted(dropped)}"
            raise ValueError(msg)
        facets = [(facet.name, facet.above) for facet in bias.facets]
        cuts: dict[str, float | None] = {}
        for name, above in [*facets, *((name, None) for name in (bias.group, *self.segments) if name is not None)]:
            if name == "label" or name.startswith("prediction."):
                msg = f"expected the name of a feature or tag, got {name!r}; a feature of that name cannot be carried"
                raise ValueError(msg)
            if cuts.setdefault(name, above) != above:
                msg = f"expected column {name!r} whole or cut at one number, got both {cuts[name]} and {above}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _of_classes_only(self) -> Self:
        """Refuse of a regression what is said of classes and of rows that can be drawn again."""
        quality = self.monitors.model_quality
        if self.problem_type == "Regression" and quality.absent_label is not None:
            msg = f"expected no monitors.model_quality.absent_label for a Regression, got {quality.absent_label!r}"
            raise ValueError(msg)
        if self.problem_type == "Regression" and quality.interval == "bootstrap":
            msg = 'expected monitors.model_quality.interval "closed" or "paper" for a Regression, got "bootstrap"'
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _favourable(self) -> Self:
        """Ask for favourable numbers of a regression, and of nothing else."""
        bias = self.monitors.bias
        numbers, wanted = bias.label_above is not None, self.problem_type == "Regression" and bool(bias.facets)
        if bias.enabled and wanted and not numbers:
            msg = "expected monitors.bias.label_above for facets of a Regression, got none"
            raise ValueError(msg)
        if numbers and self.problem_type != "Regression":
            msg = f"expected monitors.bias.label_above for a Regression only, got problem_type {self.problem_type}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _made_of_something(self) -> Self:
        """Refuse a named bias metric that nothing is kept for."""
        bias = self.monitors.bias
        if bias.group is None and (conditional := sorted({"CDDL", "CDDPL"} & set(bias.metrics))):
            msg = f"expected monitors.bias.group for the metrics {conditional}, got none: name a column to condition on"
            raise ValueError(msg)
        if "FT" in bias.metrics and not self.sample.enabled:
            msg = "expected sample.enabled = true for the metric 'FT' of monitors.bias, got false"
            raise ValueError(msg)
        return self

    @property
    def negative_class(self) -> str:
        """Name of the class derived for a score that is not above the threshold."""
        return negative_class(self.positive_class)

    @property
    def revision(self) -> str:
        """Identify this definition among the versions of its model's definitions."""
        return str(self.effective_from_ms)

    @property
    def needs_grid(self) -> bool:
        """Whether its windows count by cells of the baseline."""
        drift = self.monitors.data_drift
        return bool(self.segments) or (drift.enabled and drift.early_warning.enabled)

    def start_of(self, event_time_ms: Any) -> Any:
        """Start of the window that holds a time, or an array of times, in milliseconds."""
        return event_time_ms - event_time_ms % self.window.size


class Catalog:
    """All definitions known, by model, version and the event time from which each holds.

    A model version's first definition holds for all windows; later ones from their `effective_from_ms`. One thread may
    change a catalog that others read: what they hold is replaced, never changed.

    Parameters
    ----------
    definitions : tuple of ModelDefinition
        Known from the start.
    grid : callable, optional
        The grid of a definition's baseline, None while there is no baseline.
    """

    def __init__(
        self,
        definitions: tuple[ModelDefinition, ...] = (),
        grid: Callable[[ModelDefinition], Grid | None] = lambda _: None,
    ) -> None:
        self._grid = grid
        self._by_key: dict[tuple[str, str], tuple[ModelDefinition, ...]] = {}
        for definition in definitions:
            self.add(definition)

    def add(self, definition: ModelDefinition) -> None:
        """Add a definition, replacing one that holds from the same time."""
        key = definition.model, definition.version
        others = [d for d in self.history(*key) if d.effective_from_ms != definition.effective_from_ms]
        self._by_key = {**self._by_key, key: tuple(sorted([*others, definition], key=lambda d: d.effective_from_ms))}

    def remove(self, model: str, version: str, revision: str) -> None:
        """Forget a definition."""
        kept = tuple(d for d in self.history(model, version) if d.revision != revision)
        others = {key: held for key, held in self._by_key.items() if key != (model, version)}
        self._by_key = {**others, (model, version): kept} if kept else others

    def grid(self, definition: ModelDefinition) -> Grid | None:
        """The cells that a window which opens now counts by, None for a definition that asks for none."""
        return self._grid(definition) if definition.needs_grid else None

    def at(self, model: str, version: str, event_time_ms: int) -> ModelDefinition | None:
        """The definition that holds at an event time, None for an unknown model."""
        held = self.history(model, version)
        if not held:
            return None
        return next((d for d in reversed(held) if d.effective_from_ms <= event_time_ms), held[0])

    def history(self, model: str, version: str) -> tuple[ModelDefinition, ...]:
        """All definitions of a model version, oldest first."""
        return self._by_key.get((model, version), ())

    def used(self, model: str, version: str, start_ms: int, revisions: Container[str]) -> ModelDefinition | None:
        """Give the oldest definition whose revision a partial used; without one, the one in effect at `start_ms`."""
        return next(
            (d for d in self.history(model, version) if d.revision in revisions), self.at(model, version, start_ms)
        )

    def versions(self, model: str) -> tuple[str, ...]:
        """The versions of a model that have a definition."""
        return tuple(sorted(v for m, v in self._by_key if m == model))

    def __iter__(self) -> Any:
        return (d for held in self._by_key.values() for d in held)
