# SPDX-License-Identifier: Apache-2.0
"""The specs of a window's states, as its definition asks for them.

A window is a set of *parts*, each a mergeable state that is saved, published and merged under its own key: the features
of its profile, other states of its events, and signed states of its labelled rows. A baseline holds the same parts,
made of a data set's rows.
"""

from __future__ import annotations

from sketches.binary import BinaryQualitySpec
from sketches.profile import ProfileSpec
from sketches.regression import RegressionQualitySpec
from sketches.state import Spec
from windows.definition import ModelDefinition
from windows.statistics.inferred_type import OUTPUTS

WINDOW_K = 512
ROWS = "rows"
FEATURE = "feature/"
QUALITY = "quality"
IDS = "inference_id.hash"


def profile_spec(definition: ModelDefinition, k: int = WINDOW_K) -> ProfileSpec:
    """Spec of the profile of a window's features and outputs, which always have room."""
    columns = definition.columns
    return ProfileSpec(
        declared=(*columns.declared, *sorted(OUTPUTS - set(columns.declared))),
        categorical=columns.categorical,
        hashed=columns.hash,
        dropped=columns.drop,
        hash_key=definition.model,
        k=k,
        max_features=columns.max_features,
        max_categories=columns.max_categories,
    )


def event_specs(definition: ModelDefinition, k: int = WINDOW_K) -> dict[str, Spec]:  # noqa: ARG001
    """Specs of the parts that see every event, beside the profile.

    Parameters
    ----------
    definition : ModelDefinition
        What is watched.
    k : int
        Level size of quantile sketches.
    """
    return {}


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
    if definition.problem_type == "Regression":
        specs[QUALITY] = RegressionQualitySpec(definition.monitors.model_quality.label_center)
    return specs
