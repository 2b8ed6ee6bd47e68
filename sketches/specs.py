# SPDX-License-Identifier: Apache-2.0
"""The parameters of states as plain fields, for files and records that must name what their bytes were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sketches.attributions import AttributionsSpec
from sketches.binary import BinaryQualitySpec
from sketches.binned import BinnedSpec
from sketches.contingency import ContingencySpec
from sketches.embeddings import EmbeddingSpec
from sketches.errors import CorruptState
from sketches.multiclass import MulticlassQualitySpec
from sketches.regression import RegressionQualitySpec
from sketches.sample import SampleSpec
from sketches.segmented import SegmentedSpec
from sketches.state import Spec

_KINDS: dict[str, Any] = {
    "attributions": AttributionsSpec,
    "binary": BinaryQualitySpec,
    "binned": BinnedSpec,
    "contingency": ContingencySpec,
    "embedding": EmbeddingSpec,
    "multiclass": MulticlassQualitySpec,
    "regression": RegressionQualitySpec,
    "sample": SampleSpec,
    "segmented": SegmentedSpec,
}


def spec_fields(spec: Spec) -> dict[str, Any]:
    """Write a spec as fields that JSON can hold.

    Raises
    ------
    TypeError
        If it is a spec that no file names.

    Examples
    --------
    >>> spec_fields(BinaryQualitySpec("yes"))
    {'kind': 'binary', 'positive': 'yes'}
    """
    kind = next((kind for kind, made in _KINDS.items() if type(spec) is made), None)
    if kind is None or not is_dataclass(spec):
        msg = f"expected one of the specs {sorted(_KINDS)}, got {type(spec).__name__}"
        raise TypeError(msg)
    return {"kind": kind, **{field.name: _plain(getattr(spec, field.name)) for field in fields(spec)}}


def spec_of(written: Mapping[str, Any]) -> Spec:
    """Read what `spec_fields` wrote.

    Raises
    ------
    CorruptState
        If it names no spec, or has other fields.

    Examples
    --------
    >>> spec_of({"kind": "binary", "positive": "yes"})
    BinaryQualitySpec(positive='yes')
    """
    kind = written.get("kind")
    if kind not in _KINDS:
        msg = f"expected a kind of {sorted(_KINDS)}, got {kind!r}"
        raise CorruptState(msg)
    try:
        spec: Spec = _KINDS[kind](**{name: _frozen(value) for name, value in written.items() if name != "kind"})
    except (TypeError, ValueError) as error:
        msg = f"expected the fields of kind {kind!r}: {error}"
        raise CorruptState(msg) from error
    return spec


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return spec_fields(value)  # type: ignore[arg-type]
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return spec_of(value)
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
