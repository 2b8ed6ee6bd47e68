# SPDX-License-Identifier: Apache-2.0
"""Mergeable states: what sketchwatch keeps of rows in bounded memory."""

from __future__ import annotations

from sketches.binary import BinaryQualitySpec, BinaryQualityState, score_edges
from sketches.block import Block, Column, Kind
from sketches.categories import CategoriesSpec, CategoriesState
from sketches.checks import check_state
from sketches.contingency import Contingency, ContingencySpec, ContingencyState
from sketches.counts import TYPES, TypeCountsSpec, TypeCountsState
from sketches.distinct import DistinctSpec, DistinctState
from sketches.envelope import Envelope, seal, unseal
from sketches.errors import CorruptState, SketchError, SpecMismatch
from sketches.features import FeatureSpec, FeatureState
from sketches.moments import MomentsSpec, MomentsState
from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from sketches.profile import ProfileSpec, ProfileState
from sketches.quantiles import QuantilesSpec, QuantilesState
from sketches.regression import RegressionQualitySpec, RegressionQualityState
from sketches.sample import SampleSpec, SampleState
from sketches.state import SignedState, Spec, State, require_same_spec

__all__ = [
    "TYPES",
    "BinaryQualitySpec",
    "BinaryQualityState",
    "Block",
    "CategoriesSpec",
    "CategoriesState",
    "Column",
    "Contingency",
    "ContingencySpec",
    "ContingencyState",
    "CorruptState",
    "DistinctSpec",
    "DistinctState",
    "Envelope",
    "FeatureSpec",
    "FeatureState",
    "Kind",
    "MomentsSpec",
    "MomentsState",
    "MulticlassQualitySpec",
    "MulticlassQualityState",
    "ProfileSpec",
    "ProfileState",
    "QuantilesSpec",
    "QuantilesState",
    "RegressionQualitySpec",
    "RegressionQualityState",
    "SampleSpec",
    "SampleState",
    "SignedState",
    "SketchError",
    "Spec",
    "SpecMismatch",
    "State",
    "TypeCountsSpec",
    "TypeCountsState",
    "check_state",
    "require_same_spec",
    "score_edges",
    "seal",
    "unseal",
]
