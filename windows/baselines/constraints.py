# SPDX-License-Identifier: Apache-2.0
"""Constraints of data quality and drift: `data_quality/constraints.json`, ours or a managed monitor's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from windows.errors import BaselineError

Document = dict[str, Any]
METHOD = "calibrated"
"""How suggested constraints are judged: the only `method` of the `sketchwatch` object."""
_OVERRIDES = ("monitoringConfigOverrides", "monitoring_config_overrides")


@dataclass(frozen=True, slots=True)
class Settings:
    """`monitoring_config`: what is checked and how, for all features or one.

    `data_type_threshold` and `domain_threshold` are required shares, `comparison_threshold` the largest distance that
    passes.
    """

    evaluate: bool = True
    data_type_threshold: float = 1.0
    domain_threshold: float = 1.0
    compare: bool = True
    comparison_threshold: float = 0.1
    comparison_method: str = "Robust"
    categorical_threshold: float | None = None
    categorical_method: str = "LInfinity"

    def read(self, config: Mapping[str, Any]) -> Settings:
        """Take over what a `monitoring_config` or an override of it says."""
        distribution = {**config, **(config.get("distribution_constraints") or {})}
        keys: dict[str, tuple[Mapping[str, Any], str, Callable[[Any], Any]]] = {
            "evaluate": (config, "evaluate_constraints", _enabled),
            "data_type_threshold": (config, "datatype_check_threshold", float),
            "domain_threshold": (config, "domain_content_threshold", float),
            "compare": (distribution, "perform_comparison", _enabled),
            "comparison_threshold": (distribution, "comparison_threshold", float),
            # The managed monitor's documentation once spelled the key without its "s".
            "comparison_method": (distribution, "comparison_method", _method),
            "categorical_threshold": (distribution, "categorical_comparison_threshold", float),
            "categorical_method": (distribution, "categorical_drift_method", _method),
        }
        if "comparion_method" in distribution and "comparison_method" not in distribution:
            distribution["comparison_method"] = distribution["comparion_method"]
        found = {name: kind(source[key]) for name, (source, key, kind) in keys.items() if source.get(key) is not None}
        return replace(self, **found)

    @property
    def threshold_of_categories(self) -> float:
        """The largest distance of categories that passes: the common one unless there is one of their own."""
        return self.comparison_threshold if self.categorical_threshold is None else self.categorical_threshold

    @property
    def numeric_rule(self) -> tuple[str, float]:
        """Method and threshold by which numbers are compared."""
        return self.comparison_method, self.comparison_threshold

    @property
    def categorical_rule(self) -> tuple[str, str, float]:
        """Methods and threshold by which categories are compared."""
        return self.categorical_method, self.comparison_method, self.threshold_of_categories


def _enabled(value: object) -> bool:
    return str(value).lower() in {"enabled", "true"}


def _method(value: object) -> str:
    """Read a method's name in any of its spellings: `Robust` and `linf_robust`, `ChiSquared` and `chi_squared`."""
    plain = str(value).lower().replace("_", "").removeprefix("linf")
    names = {"simple": "Simple", "robust": "Robust", "inity": "LInfinity", "chisquared": "ChiSquared"}
    if plain not in names:
        msg = f"expected a comparison method of {sorted(names.values())}, got {value!r}"
        raise BaselineError(msg)
    return names[plain]


@dataclass(frozen=True, slots=True)
class FeatureConstraints:
    """What is required of one feature.

    `edited` names what a person changed of our suggestion; all of it in a file from elsewhere. Those checks are
    literal, the others are tests against the baseline.
    """

    name: str
    inferred_type: str
    completeness: float | None
    non_negative: bool
    domains: tuple[str, ...] | None
    settings: Settings
    edited: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Constraints:
    """All constraints, and the file they come from.

    Parameters
    ----------
    features : mapping of str to FeatureConstraints
        By name.
    suggested : bool
        Whether we wrote the file; if not, every check is literal.
    min_distance : float or None
        Smallest effect worth an alarm, if the file says.
    removed : frozenset of str
        Features of the suggestion that a person took out: neither missing nor extra.
    document : dict
        The file.
    """

    features: Mapping[str, FeatureConstraints]
    suggested: bool
    min_distance: float | None
    removed: frozenset[str]
    document: Document

    @property
    def texts(self) -> frozenset[str]:
        """Columns whose values are text, whatever they spell."""
        return frozenset(name for name, feature in self.features.items() if feature.inferred_type == "String")


def read_constraints(document: Document) -> Constraints:
    """Understand a `constraints.json`, with every spelling of overrides.

    Parameters
    ----------
    document : dict
        The file, formats 1.5; its `sketchwatch` object keeps what was suggested.

    Raises
    ------
    BaselineError
        Where a value is not what the format allows, naming the feature, or our object names an unknown method.

    Examples
    --------
    >>> age = {"name": "age", "inferred_type": "Integral", "completeness": 1.0}
    >>> constraints = read_constraints({"features": [age]})
    >>> constraints.suggested, sorted(constraints.features["age"].edited)[:2]
    (False, ['categories', 'comparison'])
    """
    try:
        return _read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"expected features with a name each, and a monitoring_config of switches and shares: {error!r}"
        raise BaselineError(msg) from error


def with_categorical_method(constraints: Constraints, method: str) -> Constraints:
    """Compare categories by another method than the file says, where no feature says one of its own.

    Parameters
    ----------
    constraints : Constraints
        Left as they are.
    method : str
        LInfinity or ChiSquared.

    Examples
    --------
    >>> age = {"name": "age", "inferred_type": "Integral", "completeness": 1.0}
    >>> with_categorical_method(read_constraints({"features": [age]}), "ChiSquared").features["age"].settings
    ... # doctest: +ELLIPSIS
    Settings(...categorical_method='ChiSquared'...)
    """
    document = copy.deepcopy(dict(constraints.document))
    config = document.setdefault("monitoring_config", {})
    config.setdefault("distribution_constraints", {})["categorical_drift_method"] = method
    return read_constraints(document)


def read_ours(document: Document) -> Document | None:
    """Take our own object out of a file of constraints; None if the file is from elsewhere.

    Raises
    ------
    BaselineError
        If its `method` is not the one there is: another would be judged otherwise than the file says.

    Examples
    --------
    >>> read_ours({"sketchwatch": {"method": "one_sd"}})
    Traceback (most recent call last):
        ...
    windows.errors.BaselineError: sketchwatch.method: expected 'calibrated', got 'one_sd'; set the mode in monitor.toml
    """
    ours: Document | None = document.get("sketchwatch")
    if ours is not None and (method := ours.get("method", METHOD)) != METHOD:
        msg = f"sketchwatch.method: expected {METHOD!r}, got {method!r}; set the mode in monitor.toml"
        raise BaselineError(msg)
    return ours


def _read(document: Document) -> Constraints:
    ours = read_ours(document)
    kept = {} if ours is None else ours.get("suggested", {})
    config = document.get("monitoring_config")
    base = Settings() if config is None else Settings().read(config)
    was = {feature["name"]: _read_feature(feature, Settings()) for feature in kept.get("features", [])}
    was_base = Settings().read(kept.get("monitoring_config", {}))
    features = {}
    for entry in document.get("features", []):
        feature = _read_feature(entry, base)
        edited = ASPECTS if ours is None else _edited(feature, was.get(feature.name), was_base)
        features[feature.name] = replace(feature, edited=edited)
    min_distance = None if ours is None else ours.get("min_distance")
    removed = frozenset(was.keys() - features.keys())
    return Constraints(features, ours is not None, min_distance, removed, document)


def _read_feature(entry: Mapping[str, Any], settings: Settings) -> FeatureConstraints:
    name = entry.get("name", "")
    numeric, strings = entry.get("num_constraints") or {}, entry.get("string_constraints") or {}
    try:
        for holder in (entry, numeric, strings):
            for spelling in _OVERRIDES:
                settings = settings.read(holder.get(spelling) or {})
        completeness, domains = entry.get("completeness"), strings.get("domains")
        return FeatureConstraints(
            name,
            str(entry.get("inferred_type", "Unknown")),
            None if completeness is None else float(completeness),
            bool(numeric.get("is_non_negative", False)),
            None if domains is None else tuple(str(value) for value in domains),
            settings,
        )
    except (TypeError, ValueError, AttributeError, BaselineError) as error:
        msg = f"constraints of feature {name!r}: {error}"
        raise BaselineError(msg) from error


ASPECTS = frozenset({"inferred_type", "completeness", "non_negative", "domains", "comparison", "categories"})
"""What a person can change of a feature."""


def _edited(now: FeatureConstraints, was: FeatureConstraints | None, base: Settings) -> frozenset[str]:
    """Name what differs from the suggestion; a feature that was not suggested is the person's own."""
    if was is None:
        return ASPECTS
    settings = now.settings
    changed = {
        "inferred_type": now.inferred_type != was.inferred_type
        or settings.data_type_threshold != base.data_type_threshold,
        "completeness": now.completeness != was.completeness,
        "non_negative": now.non_negative != was.non_negative,
        "domains": now.domains != was.domains or settings.domain_threshold != base.domain_threshold,
        "comparison": settings.numeric_rule != base.numeric_rule,
        "categories": settings.categorical_rule != base.categorical_rule,
    }
    return frozenset(name for name, differs in changed.items() if differs)


def constraints_document(features: list[Document], min_distance: float) -> Document:
    """Write a suggestion: the managed monitors' form for old readers, and our own object beside it.

    Parameters
    ----------
    features : list of dict
        Entries of formats 1.5.
    min_distance : float
        Smallest effect worth an alarm.

    Examples
    --------
    >>> document = constraints_document([{"name": "age", "inferred_type": "Integral", "completeness": 1.0}], 0.05)
    >>> read_constraints(document).features["age"].edited
    frozenset()
    """
    config: Document = {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": 0.1,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": 0.1,
            "categorical_drift_method": "LInfinity",
        },
    }
    suggested = {"features": copy.deepcopy(features), "monitoring_config": copy.deepcopy(config)}
    ours = {"method": METHOD, "min_distance": min_distance, "suggested": suggested}
    return {"version": 0.0, "features": features, "monitoring_config": config, "sketchwatch": ours}
