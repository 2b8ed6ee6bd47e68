# SPDX-License-Identifier: Apache-2.0
"""A baseline as records of a topic: one a feature, so that each fits into a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sketches.binary import BinaryQualitySpec, BinaryQualityState
from sketches.envelope import seal, unseal
from sketches.errors import CorruptState
from sketches.features import FeatureSpec, FeatureState
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import read_constraints
from windows.baselines.quality_constraints import read_quality_constraints
from windows.errors import BaselineError

HEADER = "header"
CONSTRAINTS = "data_quality/constraints"
QUALITY_CONSTRAINTS = "model_quality/constraints"
QUALITY = "model_quality/quality"
_FEATURE = "feature/"


def baseline_records(baseline: Baseline) -> list[tuple[str, bytes]]:
    """Write a baseline as named parts, the header last: who has the header has all parts before it.

    Examples
    --------
    >>> [part for part, _ in baseline_records(Baseline("churn", baseline_version="1"))]
    ['header']
    """
    records = [(_FEATURE + name, seal_feature(feature)) for name, feature in baseline.features.items()]
    if baseline.constraints is not None:
        records.append((CONSTRAINTS, to_json(baseline.constraints.document)))
    if baseline.quality is not None:
        records.append((QUALITY, seal_quality(baseline.quality)))
    if baseline.quality_constraints is not None:
        records.append((QUALITY_CONSTRAINTS, to_json(baseline.quality_constraints.document)))
    header = {
        "model": baseline.model,
        "version": baseline.version,
        "baseline_version": baseline.baseline_version,
        "n": baseline.n,
        "imported": baseline.imported,
        "features": {name: spec_fields(feature.spec) for name, feature in baseline.features.items()},
        "positive_class": None if baseline.quality is None else baseline.quality.spec.positive,
        "parts": [part for part, _ in records],
    }
    return [*records, (HEADER, to_json(header))]


def baseline_from_records(records: Mapping[str, bytes]) -> Baseline:
    """Read a baseline from its parts.

    Raises
    ------
    BaselineError
        If the header or a part it names is missing, or a part cannot be read.
    """
    if HEADER not in records:
        msg = f"expected the part {HEADER!r} of a baseline, got {sorted(records)}"
        raise BaselineError(msg)
    header = json.loads(records[HEADER])
    if missing := [part for part in header["parts"] if part not in records]:
        msg = f"baseline {header['baseline_version']!r} of model {header['model']!r}: parts {missing} are missing"
        raise BaselineError(msg)
    model, positive = header["model"], header["positive_class"]
    constraints, limits = records.get(CONSTRAINTS), records.get(QUALITY_CONSTRAINTS)
    return Baseline(
        model,
        header["version"],
        header["baseline_version"],
        header["n"],
        {
            name: open_feature(name, fields, model, records[_FEATURE + name])
            for name, fields in header["features"].items()
        },
        read_constraints(json.loads(constraints)) if constraints is not None else None,
        open_quality(positive, records[QUALITY]) if positive is not None else None,
        read_quality_constraints(json.loads(limits)) if limits is not None else None,
        header["imported"],
    )


def seal_feature(feature: FeatureState) -> bytes:
    """Put a feature's state into an envelope."""
    return seal(feature.to_bytes(), fingerprint=feature.spec.fingerprint)


def seal_quality(quality: BinaryQualityState) -> bytes:
    """Put quality counts into an envelope."""
    return seal(quality.to_bytes(), fingerprint=quality.spec.fingerprint)


def spec_fields(spec: FeatureSpec) -> dict[str, Any]:
    """Parameters of a feature's state; hashes are keyed by the model's name, which is known."""
    return {"categorical": spec.categorical, "hashed": spec.hashed, "k": spec.k, "max_categories": spec.max_categories}


def open_feature(name: str, fields: Mapping[str, Any], model: str, data: bytes) -> FeatureState:
    """Read a feature's state from its envelope."""
    spec = FeatureSpec(
        name,
        categorical=fields["categorical"],
        hashed=fields["hashed"],
        hash_key=model if fields["hashed"] else "",
        k=fields["k"],
        max_categories=fields["max_categories"],
    )
    return spec.from_bytes(_open(f"feature {name!r}", spec.fingerprint, data))


def open_quality(positive: str, data: bytes) -> BinaryQualityState:
    """Read quality counts from their envelope."""
    spec = BinaryQualitySpec(positive)
    return spec.from_bytes(_open("quality counts", spec.fingerprint, data))


def _open(what: str, fingerprint: str, data: bytes) -> bytes:
    try:
        envelope = unseal(data)
    except CorruptState as error:
        msg = f"{what} of a baseline: {error}"
        raise BaselineError(msg) from error
    if envelope.fingerprint != fingerprint:
        msg = f"{what} of a baseline: expected fingerprint {fingerprint!r}, got {envelope.fingerprint!r}"
        raise BaselineError(msg)
    return envelope.payload


def to_json(document: Mapping[str, Any], indent: int | None = None) -> bytes:
    """Write JSON; NaN and infinities, which it has no numbers for, as strings.

    Examples
    --------
    >>> to_json({"sd": float("nan")})
    b'{"sd": "NaN"}'
    """
    return json.dumps(_finite(document), indent=indent, ensure_ascii=False, allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - the NaN test
    return value
