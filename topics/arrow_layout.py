# SPDX-License-Identifier: Apache-2.0
"""Which column of an Arrow schema means what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from topics.arrow_columns import is_number, is_scalar, is_text
from topics.fields import MAX_COLUMNS, MAX_DIMENSIONS, MAX_NAME_CHARACTERS, check_names
from topics.records import NAME
from topics.refusals import Refused, shown

_EVENT_FIELDS = frozenset({"inference_id", "event_time", "model", "model_version", "sample_rate"})
_LABEL_FIELDS = frozenset({"inference_id", "event_time", "model", "model_version", "label", "value"})
_SECTIONS = ("features", "tags", "attributions", "embeddings", "prediction")


@dataclass(slots=True)
class Layout:
    """Places of the columns, and what the schema's metadata says instead of a column.

    `single` maps a field of its own (`inference_id`, `event_time`, `label`, ...) to its column's number, `sections`
    a flattened one (`features`, `prediction`, ...) to the numbers by name.
    """

    events: bool
    model: str | None
    version: str | None
    sample_rate: float
    single: dict[str, int] = field(default_factory=dict)
    sections: dict[str, dict[str, int]] = field(default_factory=dict)
    dictionaries: bool = False


def layout_of(schema: Any, *, events: bool) -> Layout:
    """Read a schema; columns that no contract names are ignored.

    Parameters
    ----------
    schema : pyarrow.Schema
        As it came.
    events : bool
        Whether it is of inference events, otherwise of labels.

    Raises
    ------
    Refused
        If a required column is missing, or one has a type that cannot be what its name says.
    """
    metadata = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in _pairs(schema)}
    layout = Layout(
        events,
        _name(metadata, "model"),
        _name(metadata, "model_version") or ("1" if events else None),
        _rate(metadata.get("sample_rate", "1")),
    )
    try:
        _fill(layout, schema)
    except Refused as refused:
        refused.model = layout.model or ""
        raise
    return layout


def _fill(layout: Layout, schema: Any) -> None:
    if len(schema) > MAX_COLUMNS:
        raise Refused("too_many_columns", f"expected at most {MAX_COLUMNS} columns, got {len(schema)}")
    if len(set(schema.names)) < len(schema):
        raise Refused("bad_column_name", "expected each column once, got one name twice")
    for number, column in enumerate(schema):
        _place(layout, number, column.name, _plain(column.type))
    required = ("inference_id", "event_time") if layout.events else ("inference_id",)
    missing = next((name for name in required if name not in layout.single), None)
    if layout.model is None and "model" not in layout.single:
        missing = "model (or metadata entry model)"
    if not layout.events and ("label" in layout.single) == ("value" in layout.single):
        missing = "either label or value"
    if missing is not None:
        raise Refused("missing_field", f"expected a column {missing}, got columns {shown(', '.join(schema.names))}")
    layout.dictionaries = any(pa.types.is_dictionary(kind) for kind in schema.types)


def _pairs(schema: Any) -> Any:
    return (schema.metadata or {}).items()


def _plain(kind: Any) -> Any:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _name(metadata: dict[str, str], key: str) -> str | None:
    name = metadata.get(key)
    if name is not None and NAME.fullmatch(name) is None:
        raise Refused("bad_name", f"expected {key} of 1 to 128 characters A-Z a-z 0-9 . _ -, got {shown(name)}")
    return name


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0.0 < rate <= 1.0:
        raise Refused("bad_sample_rate", f"expected sample_rate in (0, 1], got {shown(text)}")
    return rate


def _place(layout: Layout, number: int, name: str, kind: Any) -> None:
    if name in (_EVENT_FIELDS if layout.events else _LABEL_FIELDS):
        if name in ("label", "value") and pa.types.is_null(kind):
            return
        if not _fits(name, kind):
            raise Refused("bad_type", f"expected column {name} of another type, got {shown(str(kind))}")
        layout.single[name] = number
        return
    section, dot, rest = name.partition(".")
    if section not in _SECTIONS or not layout.events:
        return
    if not dot:
        raise Refused("bad_type", f"expected columns {name}.<name>, got one column {name} of {shown(str(kind))}")
    if section == "prediction":
        if rest not in ("label", "score", "value") and not rest.startswith("scores."):
            return
        fits = is_scalar(kind) if rest == "label" else is_number(kind) or pa.types.is_null(kind)
    else:
        check_names((rest,), section)
        fits = _fits_section(section, kind)
    if not fits or len(rest) > MAX_NAME_CHARACTERS:
        text = f"expected column {shown(name)} of a type that {section} may have, got {shown(str(kind))}"
        raise Refused("bad_type", text)
    layout.sections.setdefault(section, {})[rest] = number


def _fits(name: str, kind: Any) -> bool:
    if name == "inference_id":
        width = kind.byte_width if pa.types.is_fixed_size_binary(kind) else 1
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
        text = is_text(kind) and not pa.types.is_dictionary(kind)
        return (binary or text) and 0 < width <= 256
    if name == "event_time":
        return bool(pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))
    if name in ("model", "model_version"):
        return is_text(kind) or bool(pa.types.is_null(kind))
    if name == "label":
        return is_scalar(kind)
    return is_number(kind) or bool(pa.types.is_null(kind))


def _fits_section(section: str, kind: Any) -> bool:
    if section == "embeddings":
        listed = pa.types.is_fixed_size_list(kind) and is_number(kind.value_type)
        return bool(listed and 0 < kind.list_size <= MAX_DIMENSIONS)
    if section == "attributions":
        return is_number(kind) or bool(pa.types.is_null(kind))
    return is_scalar(kind)
