# SPDX-License-Identifier: Apache-2.0
"""The specs of a window's states, as its definition asks for them."""

from __future__ import annotations

from sketches.binary import BinaryQualitySpec
from sketches.profile import ProfileSpec
from windows.definition import ModelDefinition
from windows.statistics.inferred_type import OUTPUTS


def profile_spec(definition: ModelDefinition) -> ProfileSpec:
    """Spec of the profile of a window's features and outputs, which always have room."""
    columns = definition.columns
    return ProfileSpec(
        declared=(*columns.declared, *sorted(OUTPUTS - set(columns.declared))),
        categorical=columns.categorical,
        hashed=columns.hash,
        dropped=columns.drop,
        hash_key=definition.model,
        max_features=columns.max_features,
        max_categories=columns.max_categories,
    )


def quality_spec(definition: ModelDefinition) -> BinaryQualitySpec | None:
    """Spec of the quality of a window's labelled predictions, None for a model without a problem type."""
    if definition.problem_type is None:
        return None
    return BinaryQualitySpec(positive=definition.positive_class)
