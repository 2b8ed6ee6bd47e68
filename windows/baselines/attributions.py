# SPDX-License-Identifier: Apache-2.0
"""Importances of features by label, in the form of a managed monitor's `analysis.json` (formats 1.9)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sketches.attributions import AttributionsState
from windows.errors import BaselineError

METHOD = "kernel_shap"
ONLY_LABEL = "label0"

Importances = dict[str, dict[str, float]]


def importances_of(state: AttributionsState) -> Importances:
    """Give the mean size of every attribute's attributions, by class.

    Returns
    -------
    dict of str to dict of str to float
        By class in the order of the spec, attributes by name; `label0` where classes are not told apart.
    """
    found: Importances = {label: {} for label in (*state.spec.classes, ONLY_LABEL)}
    for name in sorted(state.columns):
        label, attribute = state.spec.class_of(name)
        found[ONLY_LABEL if label is None else label][attribute] = state.columns[name].importance
    return {label: importances for label, importances in found.items() if importances}


def column_of(label: str, attribute: str) -> str:
    """Name the column of a state that holds a label's attribute."""
    return attribute if label == ONLY_LABEL else f"{label}.{attribute}"


def analysis_document(importances: Importances) -> dict[str, Any]:
    """Write importances as `analysis.json` holds them.

    Examples
    --------
    >>> read_analysis(analysis_document({"label0": {"age": 0.5}}))
    {'label0': {'age': 0.5}}
    """
    labels = {label: {"global_shap_values": dict(values)} for label, values in importances.items()}
    return {"version": "1.0", "explanations": {METHOD: labels}}


def read_analysis(document: Mapping[str, Any]) -> Importances:
    """Read the importances of an `analysis.json`, ours or a managed monitor's.

    Parameters
    ----------
    document : mapping
        Of a managed monitor, also one whose labels are called by a score.

    Returns
    -------
    dict of str to dict of str to float
        By label in the order of the file. Signed values, those of `median`, count by their size.

    Raises
    ------
    BaselineError
        If it has another form: which, and what was expected.

    Examples
    --------
    >>> labels = {"0.7956": {"global_shap_values": {"Age": -0.0597}, "expected_value": 0.25}}
    >>> read_analysis({"version": "1.0", "explanations": {"kernel_shap": labels}})
    {'0.7956': {'Age': 0.0597}}
    """
    explanations = document.get("explanations")
    if not isinstance(explanations, Mapping) or not isinstance(explanations.get(METHOD), Mapping):
        msg = f"expected explanations.{METHOD} in analysis.json, got {_shown(explanations)}"
        raise BaselineError(msg)
    return {str(label): _values(str(label), entry) for label, entry in explanations[METHOD].items()}


def _values(label: str, entry: Any) -> dict[str, float]:
    values = entry.get("global_shap_values") if isinstance(entry, Mapping) else None
    if not isinstance(values, Mapping):
        msg = f"expected global_shap_values of label {label!r} in analysis.json, got {_shown(entry)}"
        raise BaselineError(msg)
    for feature, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            msg = f"expected a number for {feature!r} of label {label!r} in analysis.json, got {value!r}"
            raise BaselineError(msg)
    return {str(feature): abs(float(value)) for feature, value in values.items()}


def _shown(value: Any) -> str:
    return f"the keys {sorted(map(str, value))}" if isinstance(value, Mapping) else repr(value)


def by_label(labels: Iterable[str], baseline: Importances) -> dict[str, dict[str, float]]:
    """Find each label's importances in a baseline: by name if all are there, else by position.

    Managed monitors call a label by its score where no header was configured.

    Examples
    --------
    >>> by_label(["label0"], {"0.7956": {"Age": 0.06}})
    {'label0': {'Age': 0.06}}
    >>> by_label(["a", "b"], {"b": {"Age": 0.1}, "a": {"Age": 0.2}})
    {'a': {'Age': 0.2}, 'b': {'Age': 0.1}}
    """
    wanted = list(labels)
    if all(label in baseline for label in wanted):
        return {label: baseline[label] for label in wanted}
    return dict(zip(wanted, baseline.values(), strict=False))
