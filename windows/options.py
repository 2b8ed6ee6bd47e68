# SPDX-License-Identifier: Apache-2.0
"""Options: what a definition asks of each monitor."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sketches.texts import canonical, class_name
from windows.statistics.bias_metrics import bias_metric_name

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str | int) -> int:
    """Read a duration such as "1h", "90s" or "7d" in milliseconds; an integer already is one.

    Examples
    --------
    >>> duration_ms("1h"), duration_ms("250ms"), duration_ms(5)
    (3600000, 250, 5)
    """
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*(\d+)\s*(ms|s|m|h|d)\s*", str(text))
    if match is None:
        msg = f'expected a duration such as "1h", "90s" or "7d", got {text!r}'
        raise ValueError(msg)
    return int(match[1]) * _UNIT_MS[match[2]]


_Written = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\s*\d+\s*(ms|s|m|h|d)\s*$")]
DurationMs = Annotated[int, Field(ge=0), BeforeValidator(duration_ms, json_schema_input_type=_Written)]


def _class_name(value: Any) -> Any:
    """Write a class as labels are; what is none stays for the type to refuse."""
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"expected a class, got {value}"
        raise ValueError(msg)
    return class_name(value) if isinstance(value, bool | int | float) else value


def _facet_value(value: Any) -> Any:
    """Write a value as the rows of a facet are: whole numbers without a fraction, long texts cut."""
    text = _class_name(value)
    if not isinstance(text, str):
        return text
    whole = re.fullmatch(r"(-?\d+)\.0+", text, re.ASCII)
    return canonical(text if whole is None else whole[1])


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        msg = f"expected each class once, where 1, 1.0 and true are one, got {list(names)}"
        raise ValueError(msg)
    return names


_Scalar = str | float | bool
ClassName = Annotated[str, BeforeValidator(_class_name, json_schema_input_type=_Scalar)]
"""1, 1.0, true and "1" are the class "1"."""
ClassNames = Annotated[tuple[ClassName, ...], AfterValidator(_once)]
FacetText = Annotated[str, BeforeValidator(_facet_value, json_schema_input_type=_Scalar)]


class Part(BaseModel):
    """A table of a definition: unknown keys are refused, values stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataQuality(Part):
    """Types, completeness, columns, categories, signs and outlying values."""

    enabled: bool = True
    mode: Literal["calibrated", "literal"] = "calibrated"
    min_rows: int = Field(default=50, ge=1)
    outlier_z: float = Field(
        default=6.0, gt=0, description="baseline standard deviations beyond which a value is outlying"
    )
    extra_column_share: float = Field(default=0.01, ge=0, le=1)


DistanceName = Literal["jensen_shannon", "hellinger", "psi", "wasserstein"]
_LARGEST: dict[DistanceName, float] = {"jensen_shannon": 0.833, "hellinger": 1.0}


class Anomaly(Part):
    """Windows unlike the model's past windows."""

    modes: tuple[Literal["z_score", "random_cut_forest"], ...] = Field(
        default=(), description="how a window is compared with past ones; not at all if none"
    )
    windows: int = Field(default=720, ge=24, le=10_000, description="past windows it is compared with")


class EarlyWarning(Part):
    """Warnings of drift while the window is still open."""

    enabled: bool = False
    alpha: float = Field(default=0.01, gt=0, lt=1, description="share of windows without drift that may be warned of")
    min_distance: float = Field(default=0.0, ge=0, lt=1, description="smallest change of a share worth a warning")


class DataDrift(Part):
    """Change of each feature's and output's distribution."""

    enabled: bool = True
    mode: Literal["calibrated", "simple", "robust", "t_test"] = "calibrated"
    categorical_mode: Literal["homogeneity", "l_infinity", "chi_squared"] = "homogeneity"
    min_distance: float = Field(default=0.05, ge=0, lt=1)
    threshold: float = Field(default=0.1, ge=0, le=1, description="of the simple and robust modes")
    epsilon: float = Field(default=0.1, ge=0, description="baseline standard deviations the t-test lets the mean move")
    marginal: bool = Field(default=False, description="two-sample p-value, for baselines of few rows")
    emulate_deequ_le_2_0_21: bool = Field(default=False, description="of simple and robust: the wrong old distance")
    distances: dict[DistanceName, Annotated[float, Field(ge=0)] | Literal["report"]] = Field(
        default={}, description="further distances of each column, with the largest that passes"
    )
    anomaly: Anomaly = Anomaly()
    early_warning: EarlyWarning = EarlyWarning()
    min_rows: int = Field(default=50, ge=1)

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        for name, most in _LARGEST.items():
            threshold = self.distances.get(name)
            if isinstance(threshold, float) and threshold > most:
                msg = f"expected a threshold that {name} can reach, at most {most}, got {threshold}"
                raise ValueError(msg)
        return self


class ModelQuality(Part):
    """Metrics of predictions against labels."""

    enabled: bool = True
    mode: Literal["calibrated", "one_sd", "interval"] = "calibrated"
    interval: Literal["closed", "bootstrap", "paper"] = "closed"
    min_coverage: float = Field(default=0.95, ge=0, le=1)
    absent_label: ClassName | None = Field(default=None, description="class meant when no label arrived by the horizon")
    label_center: float = Field(
        default=0.0, ge=-1e45, le=1e45, description="of a regression: about the mean of labels that lie far from zero"
    )
    last_rows: int | None = Field(
        default=None, ge=2, le=10_000, description="judges the last so many labelled rows, too, whatever their window"
    )
    every: int | None = Field(
        default=None, ge=1, description="newer labelled rows until the last ones are judged again; last_rows if none"
    )
    min_rows: int = Field(default=200, ge=1)

    @model_validator(mode="after")
    def _enough_last_rows(self) -> Self:
        if self.last_rows is not None and self.last_rows < self.min_rows:
            msg = f"expected last_rows of at least min_rows = {self.min_rows}, got {self.last_rows}"
            raise ValueError(msg)
        if self.every is not None and (self.last_rows is None or self.every > self.last_rows):
            msg = f"expected every of at most last_rows, got {self.every} of {self.last_rows}"
            raise ValueError(msg)
        return self


class Facet(Part):
    """A column whose values part people into those that may be disadvantaged, and the others."""

    name: str
    values: tuple[FacetText, ...] = Field(default=(), description="sensitive values; each category in turn if none")
    together: bool = Field(default=False, description="the values are one group instead of each in turn")
    above: float | None = Field(default=None, description="numbers above it are the sensitive group")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.values and self.above is not None:
            msg = f"expected values or above in facet {self.name!r}, got both"
            raise ValueError(msg)
        if self.together and not self.values:
            msg = f"expected values that are together in facet {self.name!r}, got none"
            raise ValueError(msg)
        if len(set(self.values)) < len(self.values):
            msg = f"expected each value of facet {self.name!r} once, got {list(self.values)}"
            raise ValueError(msg)
        return self


MetricName = Annotated[str, AfterValidator(bias_metric_name)]


class Bias(Part):
    """Differences of labels and predictions between groups."""

    enabled: bool = True
    mode: Literal["calibrated", "literal"] = "calibrated"
    interval: Literal["closed", "paper"] = "closed"
    facets: tuple[Facet, ...] = ()
    group: str | None = Field(default=None, description="column whose values condition CDDL and CDDPL")
    positive_labels: ClassNames = Field(default=(), description="favourable classes; the positive class if none")
    label_above: float | None = Field(default=None, description="of a regression: values above it are favourable")
    metrics: tuple[MetricName, ...] = Field(default=(), description="judged ones; all if none")
    max_values: int = Field(
        default=20, ge=1, description="values judged of a facet that names none: those of most rows"
    )
    min_cell: int = Field(default=5, ge=1, description="rows each denominator needs")
    floor: float = Field(default=0.02, ge=0, description="smallest allowed range")
    min_coverage: float = Field(default=0.95, ge=0, le=1)
    literal_di: bool = Field(default=False, description="hold DI itself against the allowed range, not its logarithm")

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        columns = [(facet.name, facet.above) for facet in self.facets]
        if len(set(columns)) < len(columns):
            msg = f"expected each facet once, with all its values, got {[name for name, _ in columns]}"
            raise ValueError(msg)
        return self


class Computed(Part):
    """Attributions computed from a sample of the rows, for events that hold none: SHAP values of a model."""

    model: str | None = Field(default=None, description="function of columns that predicts, as module:object")
    endpoint: str | None = Field(
        default=None, pattern=r"^https?://", description="where a model server predicts instances"
    )
    rows: int = Field(default=200, ge=10, le=10_000, description="rows of a window that are explained")
    background: int = Field(default=20, ge=1, le=1_000, description="baseline rows that stand for an absent feature")
    evaluations: int = Field(default=256, ge=16, description="sets of features tried for each row")
    timeout: DurationMs = 600_000

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.model is not None and self.endpoint is not None:
            msg = f"expected model or endpoint, got both {self.model!r} and {self.endpoint!r}"
            raise ValueError(msg)
        return self

    @property
    def use(self) -> str | None:
        """What predicts, None where attributions come with the events."""
        return self.endpoint if self.model is None else self.model


class AttributionDrift(Part):
    """Change of what the predictions are attributed to."""

    enabled: bool = False
    min_ndcg: float = Field(default=0.9, ge=0, le=1)
    min_distance: float = Field(default=0.05, ge=0, lt=1)
    groups: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default={}, description="attributes with their encoded features; one ending in * stands for all that begin so"
    )
    min_rows: int = Field(default=200, ge=1)
    computed: Computed = Computed()

    @model_validator(mode="after")
    def _in_one_group(self) -> Self:
        named = [feature for features in self.groups.values() for feature in features]
        if twice := sorted({feature for feature in named if named.count(feature) > 1}):
            msg = f"expected each feature in one of groups, got {twice} more than once"
            raise ValueError(msg)
        return self


class EmbeddingDrift(Part):
    """Change of embedding vectors."""

    embeddings: dict[str, Annotated[int, Field(ge=2, le=16_384)]] = Field(
        default={}, description="names of the embeddings watched, with the numbers of a vector"
    )
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, description="mean cosine similarity to the baseline that is required"
    )
    min_shift: float = Field(
        default=0.05, ge=0, description="standard deviations of the baseline's vectors that the mean may move"
    )
    min_rows: int = Field(default=50, ge=1)


CustomName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Custom(Part):
    """A monitor of the user's own."""

    use: str = Field(description="name of its entry point, or module:object")
    options: dict[str, str | float | bool | tuple[str, ...]] = Field(default={}, description="what it is told")


class Monitors(Part):
    """The monitors of a model."""

    data_quality: DataQuality = DataQuality()
    data_drift: DataDrift = DataDrift()
    model_quality: ModelQuality = ModelQuality()
    bias: Bias = Bias()
    attribution_drift: AttributionDrift = AttributionDrift()
    embedding_drift: EmbeddingDrift = EmbeddingDrift()
    custom: dict[CustomName, Custom] = Field(default={}, description="the user's own, by the name of their reports")

    @model_validator(mode="after")
    def _names_of_its_own(self) -> Self:
        if taken := self.custom.keys() & Monitors.model_fields.keys():
            msg = f"expected names other than those of built-in monitors in custom, got {sorted(taken)}"
            raise ValueError(msg)
        return self
