# SPDX-License-Identifier: Apache-2.0
"""A baseline as records of a topic: one a feature, so that each fits into a message."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sketches.envelope import seal, unseal
from sketches.errors import SketchError
from sketches.features import FeatureSpec, FeatureState
from sketches.specs import spec_fields, spec_of
from sketches.state import State
from windows.baselines.baseline import Baseline
from windows.baselines.constraints import read_constraints
from windows.baselines.quality_constraints import read_quality_constraints
from windows.errors import BaselineError
from windows.partition.specs import OF_USERS

HEADER = "header"
CONSTRAINTS = "data_quality/constraints"
QUALITY_CONSTRAINTS = "model_quality/constraints"
_FEATURE = "feature/"
_STATE = "state/"
_DOCUMENT = "document/"


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
    own = {part: state for part, state in baseline.states.items() if not part.startswith(OF_USERS)}
    records += [(_STATE + part, seal_state(state)) for part, state in baseline.states.items()]
    records += [(_DOCUMENT + monitor, to_json(document)) for monitor, document in baseline.documents.items()]
    if baseline.quality_constraints is not None:
        records.append((QUALITY_CONSTRAINTS, to_json(baseline.quality_constraints.document)))
    header = {
        "model": baseline.model,
        "version": baseline.version,
        "baseline_version": baseline.baseline_version,
        "n": baseline.n,
        "imported": baseline.imported,
        "features": {name: feature_fields(feature.spec) for name, feature in baseline.features.items()},
        "states": {part: spec_fields(state.spec) for part, state in own.items()},
        "custom": sorted(baseline.states.keys() - own.keys()),
        "documents": sorted(baseline.documents),
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
    with _reading(HEADER, "a JSON object as `baseline_records` writes it"):
        header = json.loads(records[HEADER])
        features, specs, monitors = dict(header["features"]), dict(header["states"]), list(header["documents"])
        named = {*header["parts"], *(_FEATURE + name for name in features), *(_STATE + part for part in specs)}
        custom = list(header["custom"])
        named |= {*(_DOCUMENT + monitor for monitor in monitors), *(_STATE + part for part in custom)}
        missing = sorted(named - records.keys())
        model, version, baseline_version = header["model"], header["version"], header["baseline_version"]
        n, imported = int(header["n"]), bool(header["imported"])
    if missing:
        msg = f"baseline {baseline_version!r} of model {model!r}: parts {missing} are missing"
        raise BaselineError(msg)
    held = {name: open_feature(name, fields, model, records[_FEATURE + name]) for name, fields in features.items()}
    states = {part: open_state(part, fields, records[_STATE + part]) for part, fields in specs.items()}
    states |= {part: records[_STATE + part] for part in custom}
    constraints, limits = None, None
    if CONSTRAINTS in records:
        with _reading(CONSTRAINTS, "a JSON object of constraints"):
            constraints = read_constraints(json.loads(records[CONSTRAINTS]))
    if QUALITY_CONSTRAINTS in records:
        with _reading(QUALITY_CONSTRAINTS, "a JSON object of constraints"):
            limits = read_quality_constraints(json.loads(records[QUALITY_CONSTRAINTS]))
    documents = {}
    for monitor in monitors:
        with _reading(_DOCUMENT + monitor, "a JSON object"):
            documents[monitor] = dict(json.loads(records[_DOCUMENT + monitor]))
    return Baseline(
        model,
        version,
        baseline_version,
        n=n,
        features=held,
        constraints=constraints,
        states=states,
        quality_constraints=limits,
        documents=documents,
        imported=imported,
    )


@contextmanager
def _reading(part: str, expected: str) -> Iterator[None]:
    """Turn whatever damaged bytes raise into one error that names the part: they come from outside."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, SketchError, BaselineError) as error:
        msg = f"part {part!r} of a baseline: expected {expected}, got {type(error).__name__}: {error}"
        raise BaselineError(msg) from error


def seal_feature(feature: FeatureState) -> bytes:
    """Put a feature's state into an envelope."""
    return seal(feature.to_bytes(), fingerprint=feature.spec.fingerprint)


def seal_state(state: State | bytes) -> bytes:
    """Put a state into an envelope; one of a user's own monitor, once read, has stayed in its own."""
    return state if isinstance(state, bytes) else seal(state.to_bytes(), fingerprint=state.spec.fingerprint)


def feature_fields(spec: FeatureSpec) -> dict[str, Any]:
    """Parameters of a feature's state; hashes are keyed by the model's name, which is known."""
    return {"categorical": spec.categorical, "hashed": spec.hashed, "k": spec.k, "max_categories": spec.max_categories}


def open_feature(name: str, fields: Mapping[str, Any], model: str, data: bytes) -> FeatureState:
    """Read a feature's state from its envelope.

    Raises
    ------
    BaselineError
        If the fields are no parameters, or the state is not of these.
    """
    with _reading(_FEATURE + name, "the state of a feature with these parameters"):
        spec = FeatureSpec(
            name,
            categorical=fields["categorical"],
            hashed=fields["hashed"],
            hash_key=model if fields["hashed"] else "",
            k=fields["k"],
            max_categories=fields["max_categories"],
        )
        return spec.from_bytes(_open(spec.fingerprint, data))


def open_state(part: str, fields: Mapping[str, Any], data: bytes) -> Any:
    """Read a state from its envelope.

    Parameters
    ----------
    part : str
        Its name.
    fields : mapping
        Its parameters, as `spec_fields` writes them.
    data : bytes
        The envelope.

    Raises
    ------
    BaselineError
        If the fields are no parameters, or the state is not of these.
    """
    with _reading(_STATE + part, "a state with the parameters that are named"):
        spec = spec_of(fields)
        return spec.from_bytes(_open(spec.fingerprint, data))


def _open(fingerprint: str, data: bytes) -> bytes:
    envelope = unseal(data)
    if envelope.fingerprint != fingerprint:
        msg = f"expected fingerprint {fingerprint!r}, got {envelope.fingerprint!r}"
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
