# SPDX-License-Identifier: Apache-2.0
"""Mergeable states: what sketchwatch keeps of rows in bounded memory."""

from __future__ import annotations

from sketches.attributions import AttributionsSpec, AttributionsState, AttributionSums
from sketches.binary import BinaryQualitySpec, BinaryQualityState, score_edges
from sketches.binned import BinnedSpec, BinnedState
from sketches.block import Block, Column, Kind
from sketches.categories import CategoriesSpec, CategoriesState
from sketches.checks import check_state
from sketches.contingency import Contingency, ContingencySpec, ContingencyState
from sketches.counts import TYPES, TypeCountsSpec, TypeCountsState
from sketches.distinct import DistinctSpec, DistinctState
from sketches.embeddings import EmbeddingSpec, EmbeddingState, baseline_probes
from sketches.envelope import Envelope, seal, unseal
from sketches.errors import CorruptState, SketchError, SpecMismatch
from sketches.features import FeatureSpec, FeatureState
from sketches.moments import MomentsSpec, MomentsState
from sketches.multiclass import MulticlassQualitySpec, MulticlassQualityState
from sketches.profile import ProfileSpec, ProfileState
from sketches.quantiles import QuantilesSpec, QuantilesState
from sketches.recent import RecentSpec, RecentState
from sketches.regression import RegressionQualitySpec, RegressionQualityState
from sketches.sample import SampleSpec, SampleState
from sketches.segmented import SegmentedSpec, SegmentedState
from sketches.sliced import SlicedSpec, SlicedState
from sketches.state import SignedState, Spec, State, require_same_spec

__all__ = [
    "TYPES",
    "AttributionSums",
    "AttributionsSpec",
    "AttributionsState",
    "BinaryQualitySpec",
    "BinaryQualityState",
    "BinnedSpec",
    "BinnedState",
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
    "EmbeddingSpec",
    "EmbeddingState",
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
    "RecentSpec",
    "RecentState",
    "RegressionQualitySpec",
    "RegressionQualityState",
    "SampleSpec",
    "SampleState",
    "SegmentedSpec",
    "SegmentedState",
    "SignedState",
    "SketchError",
    "SlicedSpec",
    "SlicedState",
    "Spec",
    "SpecMismatch",
    "State",
    "TypeCountsSpec",
    "TypeCountsState",
    "baseline_probes",
    "check_state",
    "require_same_spec",
    "score_edges",
    "seal",
    "unseal",
]
