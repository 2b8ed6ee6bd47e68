# SPDX-License-Identifier: Apache-2.0
"""Partial states read from the profiles topic and merged, with `sketches` alone."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from sketches.envelope import unseal
from sketches.features import FeatureSpec, FeatureState
from tests.integration.observed import Record, latest
from topics.records import parse_profile_key


class Merged:
    """One window, merged over its source partitions."""

    def __init__(self) -> None:
        self.closed = 0
        self.counts: Counter[str] = Counter()
        self.features: dict[str, FeatureState] = {}
        self.quality: BinaryQualityState = BinaryQualitySpec().empty()

    def add(self, part: str, value: bytes, partitions: int) -> None:
        """Merge one part of one partition."""
        envelope = unseal(value)
        assert envelope.partitions == partitions
        kind, _, name = part.partition("/")
        if kind == "rows":
            self.closed += envelope.labels_closed
            counts = json.loads(envelope.payload)
            self.counts.update({name: n for name, n in counts.items() if isinstance(n, int)})
        elif kind == "quality":
            spec: Any = BinaryQualitySpec()
            assert envelope.fingerprint == spec.fingerprint
            self.quality.merge(spec.from_bytes(envelope.payload))
        elif kind == "feature":
            spec = FeatureSpec(name)
            assert envelope.fingerprint == spec.fingerprint
            self.features.setdefault(name, spec.empty()).merge(spec.from_bytes(envelope.payload))

    def feature(self, name: str) -> dict[str, Any]:
        """What is exact of a feature, in the form of `truth.Feature.summary`."""
        state = self.features[name]
        types, moments = state.types, state.moments
        return {
            "rows": state.rows,
            "null": types.null,
            "integral": types.integral,
            "floats": types.integral_float + types.fractional,
            "strings": types.strings,
            "numbers": moments.n,
            "sum": moments.sum,
            "extremes": (moments.minimum, moments.maximum),
            "ranked": state.quantiles.n,
            "categories": state.categories.counts(),
        }


def merged_partials(records: list[Record], partitions: int) -> dict[int, Merged]:
    """Merge the last partials by start of their window."""
    windows: dict[int, Merged] = defaultdict(Merged)
    for key, value in latest(records).items():
        if key.startswith(b"|"):
            continue  # what was said of a window, not what is known of it
        name = parse_profile_key(key)
        windows[name.window_start_ms].add(name.part, value, partitions)
    return windows
