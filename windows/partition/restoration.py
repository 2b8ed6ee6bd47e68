# SPDX-License-Identifier: Apache-2.0
"""Models back from the records of a changelog.

Keys: `cut`; `m|model` its marks; `d|model|version|digest` a definition that open windows keep;
`w|model|version|start|part` a window; `r|model|version|length|layout|chunk` pending rows, or early labels with `early`
for a layout, and `l|...` likewise their labels. Values are sealed; only names of parts may contain `|`, and they come
last.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from sketches.envelope import seal, unseal
from sketches.errors import CorruptState
from windows.definition import ModelDefinition
from windows.join.row_records import Record
from windows.partition.model_state import ModelState
from windows.partition.open_window import OpenWindow
from windows.partition.specs import ROWS

__all__ = ["Record", "opened", "restore_models", "sealed"]

_FINGERPRINT = "store/1"


def sealed(fields: Mapping[str, Any]) -> bytes:
    """Seal fields as JSON."""
    return seal(json.dumps(fields, sort_keys=True).encode(), fingerprint=_FINGERPRINT)


def opened(data: bytes) -> dict[str, Any]:
    """Open what `sealed` closed.

    Raises
    ------
    CorruptState
        If it is something else.
    """
    envelope = unseal(data)
    if envelope.fingerprint != _FINGERPRINT:
        msg = f"cannot restore a partition: expected format {_FINGERPRINT!r}, got {envelope.fingerprint!r}"
        raise CorruptState(msg)
    fields: dict[str, Any] = json.loads(envelope.payload)
    return fields


def restore_models(
    held: Mapping[bytes, bytes], models: dict[str, ModelState], begin: Callable[[str], ModelState]
) -> dict[bytes, bytes]:
    """Fill models from records.

    Parameters
    ----------
    held : mapping of bytes to bytes
        The last value of each key.
    models : dict of str to ModelState
        Filled in place.
    begin : callable
        Makes a model with the definitions of the catalog.

    Returns
    -------
    dict of bytes to bytes
        The records of models and definitions, as held.
    """
    plain = {key: value for key, value in held.items() if key[:2] in (b"m|", b"d|")}
    definitions = {k: ModelDefinition.model_validate(opened(v)) for k, v in plain.items() if k[:1] == b"d"}
    for key, value in plain.items():
        if key[:1] == b"m":
            _restore_model(begin(key[2:].decode()), definitions, opened(value))
    windows: dict[tuple[str, ...], dict[str, bytes]] = defaultdict(dict)
    chunks: dict[tuple[str, ...], tuple[dict[int, bytes], dict[int, bytes]]] = defaultdict(lambda: ({}, {}))
    for key, value in held.items():
        if key[:2] == b"w|":
            _, model, version, start, part = key.decode().split("|", 4)
            windows[model, version, start][part] = value
        elif key[:2] in (b"r|", b"l|"):
            *table, chunk = key.decode().split("|")[1:]
            chunks[tuple(table)][key[:1] == b"l"][int(chunk)] = value
    for (model, version, start), parts in windows.items():
        key = unseal(parts[ROWS]).definition.encode()
        window = OpenWindow.restore(definitions[key], int(start), parts)
        # Its other records name this key; written anew, tables of the definition may come in another order.
        window.definition_key = key
        models[model].versions[version].windows[int(start)] = window
    for (model, owner, length, kind), (rows, labels) in chunks.items():
        if kind == "early":
            models[model].early.restore(owner or None, int(length), rows, labels)
        else:
            models[model].versions[owner].pending.restore(int(length), rows, labels)
    return plain


def _restore_model(model: ModelState, definitions: Mapping[bytes, ModelDefinition], marks: dict[str, Any]) -> None:
    for definition in definitions.values():
        # A version whose definitions are gone from the catalog still has windows to bring to their end.
        if definition.model == model.name and definition.version not in model.versions:
            model.follow({definition.version: (definition,)})
    model.restore(marks)
